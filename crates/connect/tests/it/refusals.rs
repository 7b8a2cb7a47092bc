//! What is refused, and that nothing is written then.
//! A file that is refused keeps every byte.

use connect::{ConnectError, Program, Server};

use crate::{Home, existing, server, with_files};

#[test]
fn a_file_with_an_error_is_refused_with_its_line() {
    let cases = [
        (Program::ClaudeCode, "{\n  \"a\": 1\n  \"b\": 2\n}", 2),
        (Program::ClaudeCode, "{\n  // Claude Code takes no comments\n}", 2),
        (Program::Obsidian, "{\n  \"a\": [1,]}", 2),
        (Program::OpenCode, "{\n  // c\n  a: 1\n}", 3),
        (Program::Zed, "{\n  \"a\": [1,\n", 2),
        (Program::VsCode, "[}", 1),
        (Program::Obsidian, "{\n\"a\": 'x'}", 2),
        (Program::Codex, "a = 1\nb = \n", 2),
        (Program::Codex, "a = 1\na = 2\n", 2),
        (Program::Continue, "name: x\nmodels: [\n", 2),
        (Program::Continue, "a: b: c\n", 1),
    ];
    for (program, text, wanted) in cases {
        let home = Home::empty();
        home.write(program, text);
        for error in
            [home.plan(program, &server()).expect_err("an error"), home.undo(program).expect_err("an error")]
        {
            let words = error.to_string();
            let ConnectError::Broken { path, line, reason } = error else { panic!("{program:?} {words}") };
            assert_eq!((path, line), (home.file(program), wanted), "{program:?} {reason}");
            assert!(!reason.is_empty() && !words.contains(['(', ')', '\n']), "{words}");
        }
        assert_eq!(home.read(program), text);
        assert!(!home.backups().exists());
    }
}

#[test]
fn something_else_in_the_place_of_ours_is_refused() {
    let cases = [
        (Program::ClaudeCode, "[]"),
        (Program::ClaudeCode, "{\"env\": [1]}"),
        (Program::ClaudeCode, "{\"env\": {\"ANTHROPIC_MODEL\": \"a\", \"ANTHROPIC_MODEL\": \"b\"}}"),
        (Program::OpenCode, "{\"provider\": \"x\"}"),
        (Program::VsCode, "{}"),
        (Program::Obsidian, "{\"activeModels\": {}}"),
        (Program::Codex, "model_providers = 1\n"),
        (Program::Codex, "a = 1\r\nb = 2\n"),
        (Program::Continue, "- a\n"),
        (Program::Continue, "models: {a: 1}\n"),
        (Program::Continue, "models: [{name: a, provider: b, model: c}]\n"),
        (Program::Continue, "\"models\":\n  - name: a\n"),
    ];
    for (program, text) in cases {
        let home = Home::empty();
        home.write(program, text);
        let error = home.plan(program, &server()).expect_err(text);
        assert!(matches!(error, ConnectError::Unsuitable { .. }), "{text} {error:?}");
        assert!(error.to_string().contains(" was left as it is: "), "{error}");
    }
}

#[test]
fn a_file_that_changed_since_the_plan_is_refused() {
    for program in with_files() {
        let home = Home::empty();
        let change = home.plan(program, &server()).expect("is planned");
        home.write(program, existing(program));
        let error = change.apply(&home.backups()).expect_err("it changed");
        assert!(matches!(error, ConnectError::Changed { .. }), "{error}");
        let change = home.plan(program, &server()).expect("is planned");
        std::fs::remove_file(home.file(program)).expect("is removed");
        assert!(change.apply(&home.backups()).is_err());
        assert!(!home.file(program).exists() && !home.backups().exists());
    }
}

#[test]
fn hostile_texts_are_refused() {
    for program in with_files() {
        let home = Home::empty();
        home.write(program, &" ".repeat(4 * 1024 * 1024 + 1));
        let error = home.plan(program, &server()).expect_err("too large");
        assert!(matches!(error, ConnectError::TooLarge { .. }), "{error}");
        for open in ["[", "{\"a\":", "a = [", "- "] {
            home.write(program, &open.repeat(100_000));
            assert!(home.plan(program, &server()).is_err(), "{program:?} {open}");
        }
        std::fs::write(home.file(program), b"{}\n\xff").expect("is written");
        let error = home.plan(program, &server()).expect_err("not text");
        assert!(matches!(error, ConnectError::Broken { line: 2, .. }), "{error}");
        std::fs::remove_file(home.file(program)).expect("is removed");
        std::fs::create_dir(home.file(program)).expect("is made");
        assert!(matches!(home.plan(program, &server()), Err(ConnectError::Unreadable { .. })));
    }
    let mut bomb = "a0: &a0 [x]\n".to_owned();
    for level in 1..30 {
        bomb += &format!("a{level}: &a{level} [{}]\n", format!("*a{},", level - 1).repeat(9));
    }
    let home = Home::empty();
    home.write(Program::Continue, &bomb);
    assert!(home.plan(Program::Continue, &server()).is_err());
}

#[test]
fn a_server_that_cannot_be_written_is_refused() {
    let home = Home::empty();
    let cases = [
        Server { base: "127.0.0.1:8080".into(), ..server() },
        Server { base: "http://a\"b".into(), ..server() },
        Server { base: "http://${x}".into(), ..server() },
        Server { key: String::new(), ..server() },
        Server { key: "wd-\"".into(), ..server() },
        Server { key: "{env:HOME}".into(), ..server() },
        Server { model: " ".into(), ..server() },
        Server { model: "a\nb".into(), ..server() },
        Server { model: "${{ secrets.X }}".into(), ..server() },
    ];
    for program in Program::all() {
        for server in &cases {
            let error = connect::plan(*program, server, &home.places).expect_err("refused");
            assert!(matches!(error, ConnectError::Server { .. }), "{error}");
        }
    }
    for base in ["http://127.0.0.1:8080/", "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/"] {
        let server = Server { base: base.into(), ..server() };
        home.connect(Program::Codex, &server);
        assert_eq!(home.connected(Program::Codex).expect("is connected").base, "http://127.0.0.1:8080");
    }
    // Names of models may have signs that mean something in each of the formats.
    for program in with_files() {
        for model in
            ["a\"b\\c", "it's #1: [x] {y}", "модель 🐋", "- a", "true", "1.0", "~", "a\u{feff}b", "*x &y !z"]
        {
            let home = Home::empty();
            home.write(program, existing(program));
            let server = Server { model: model.into(), ..server() };
            home.connect(program, &server);
            assert!(!home.plan(program, &server).expect("is planned").changes(), "{program:?} {model}");
            home.undo(program).expect("is undone");
            assert_eq!(home.read(program), existing(program), "{program:?} {model}");
        }
    }
}

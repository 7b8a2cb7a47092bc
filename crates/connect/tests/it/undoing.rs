//! Undoing takes back ours and nothing else.
//! What the user changed since then stays.

use connect::{ConnectError, Program, Server};

use crate::{Home, existing, server, with_files};

#[test]
fn a_file_is_as_it_was_and_one_of_ours_is_gone() {
    for program in with_files() {
        let home = Home::empty();
        home.connect(program, &server());
        let undone = home.undo(program).expect("is undone");
        assert!(undone.deleted && !home.file(program).exists(), "{program:?}");
        for text in [existing(program), "", "\n"] {
            home.write(program, text);
            home.connect(program, &server());
            assert!(!home.undo(program).expect("is undone").deleted, "{program:?}");
            assert_eq!(home.read(program), text, "{program:?}");
            assert_eq!(home.connected(program), None, "{program:?}");
        }
    }
}

#[test]
fn a_second_time_is_an_error_in_words() {
    for program in with_files() {
        let home = Home::empty();
        home.write(program, existing(program));
        assert!(matches!(home.undo(program), Err(ConnectError::NothingToUndo { .. })), "{program:?}");
        home.connect(program, &server());
        home.undo(program).expect("is undone");
        let error = home.undo(program).expect_err("nothing is left").to_string();
        assert!(error.ends_with(": none of our settings is in it."), "{error}");
        assert_eq!(home.read(program), existing(program));
    }
    let home = Home::empty();
    let error = home.undo(Program::OpenWebUi).expect_err("has no file").to_string();
    assert_eq!(error, "Nothing was undone in Open WebUI: this program was set up by hand.");
}

/// The user's edits before, between and after our settings, as texts to find and to put there.
fn edits(program: Program) -> Vec<(&'static str, &'static str)> {
    match program {
        Program::ClaudeCode => vec![
            ("\"permissions\": {", "\"permissions\": { \"deny\": [],"),
            ("\"dark\"", "\"light\", \"new\": {\"a\": [1]}"),
            ("\"vi\"", "\"emacs\""),
        ],
        Program::Codex => vec![
            ("# my Codex", "# my own Codex\nnew = 1"),
            ("\"--fast\"", "\"--slow\""),
            ("theme = \"x\"", "theme = \"y\"\n\n[last]\na = 1"),
        ],
        Program::OpenCode => {
            vec![("/* mine */", "/* all mine */ \"share\": \"manual\","), ("\"Mine\"", "\"Mine too\"")]
        }
        Program::Continue => vec![
            ("# my models", "# my own models"),
            ("gpt-5", "gpt-6"),
            ("- Be kind", "- Be kind\n- Be short"),
            ("rules:", "docs: []\nrules:"),
        ],
        Program::Zed => vec![
            ("true,\n  \"agent\"", "false,\n  \"agent\""),
            ("\"enabled\": true", "\"enabled\": false"),
            ("\"ollama\": {}", "\"ollama\": {\"a\": 1}"),
        ],
        Program::VsCode => vec![("\"Mine\"", "\"Mine too\""), ("// keep", "// keep it")],
        Program::Obsidian => vec![("\"me\"", "\"myself\""), ("\"chain\": 1", "\"chain\": 2, \"new\": [[]]")],
        Program::OpenWebUi => vec![],
    }
}

#[test]
fn edits_of_the_user_elsewhere_stay() {
    let made = |text: &str, edits: &[(&str, &str)]| {
        edits.iter().fold(text.to_owned(), |text, (from, to)| {
            assert!(text.contains(from), "{from:?} in\n{text}");
            text.replacen(from, to, 1)
        })
    };
    for program in with_files() {
        let all = edits(program);
        for chosen in 1..1_usize << all.len() {
            let some: Vec<_> = all
                .iter()
                .enumerate()
                .filter(|(index, _)| chosen >> index & 1 == 1)
                .map(|(_, edit)| *edit)
                .collect();
            let home = Home::empty();
            home.write(program, existing(program));
            let after = home.connect(program, &server()).after;
            home.write(program, &made(&after, &some));
            let undone = home.undo(program).expect("is undone");
            assert!(undone.kept.is_empty(), "{program:?} {undone:?}");
            let (found, wanted) = (home.read(program), made(existing(program), &some));
            assert_eq!(squeezed(&found), squeezed(&wanted), "{program:?} {some:?}\n{found}");
        }
    }
}

/// Spaces and commas at the ends of lists may differ where an object was opened for ours.
fn squeezed(text: &str) -> String {
    let text: String = text.split_whitespace().collect();
    text.replace(",}", "}").replace(",]", "]")
}

#[test]
fn comments_that_the_user_wrote_around_ours_stay() {
    let cases = [
        (Program::OpenCode, "    \"whaledeck\"", "    // one\n    \"whaledeck\""),
        (Program::Codex, "model = ", "# one\n\nmodel = "),
        (Program::Codex, "[model_providers", "# two\n[model_providers"),
        (Program::OpenCode, "  \"provider\"", "  /* one */\n  \"provider\""),
        (Program::Continue, "  - name", "  # one\n  - name"),
        (Program::Zed, "  \"agent\"", "  // one\n  \"agent\""),
        (Program::VsCode, "  {\n    \"name\"", "  // one\n  {\n    \"name\""),
    ];
    for (program, from, to) in cases {
        let home = Home::empty();
        home.connect(program, &server());
        let text = home.read(program);
        assert!(text.contains(from), "{text}");
        home.write(program, &text.replacen(from, to, 1));
        assert!(!home.undo(program).expect("is undone").deleted, "{program:?}");
        let text = home.read(program);
        let comment = to.split('\n').next().expect("a line").trim();
        assert!(text.contains(comment) && !text.contains("8080"), "{program:?} {comment}\n{text}");
    }
}

#[test]
fn a_setting_that_the_user_changed_since_is_the_users() {
    let cases = [
        (
            Program::ClaudeCode,
            "\"ANTHROPIC_MODEL\": \"deepseek-ai/DeepSeek-V3\"",
            "\"ANTHROPIC_MODEL\": \"mine\"",
            "env.ANTHROPIC_MODEL",
        ),
        (Program::Codex, "model_provider = \"whaledeck\"", "model_provider = \"other\"", "model_provider"),
        (
            Program::OpenCode,
            "\"model\": \"whaledeck/deepseek-ai/DeepSeek-V3\"",
            "\"model\": \"a/b\"",
            "model",
        ),
    ];
    for (program, from, to, name) in cases {
        let home = Home::empty();
        home.connect(program, &server());
        let text = home.read(program).replacen(from, to, 1);
        home.write(program, &text);
        let undone = home.undo(program).expect("is undone");
        assert_eq!((undone.deleted, undone.kept), (false, vec![name.to_owned()]), "{program:?}");
        let text = home.read(program);
        assert!(text.contains(to) && !text.contains("wd-0123456789") && !text.contains("8080"), "{text}");
    }
}

#[test]
fn a_file_of_ours_with_something_of_the_user_stays() {
    let home = Home::empty();
    home.connect(Program::Continue, &server());
    let text = home.read(Program::Continue) + "  - name: Mine\n    provider: openai\n    model: x\n";
    home.write(Program::Continue, &text);
    assert!(!home.undo(Program::Continue).expect("is undone").deleted);
    let wanted = "name: Local Config\nversion: \"1.0.0\"\nschema: v1\nmodels:\n  - name: Mine\n    provider: openai\n    model: x\n";
    assert_eq!(home.read(Program::Continue), wanted);
    home.connect(Program::Zed, &server());
    let text = home.read(Program::Zed).replacen('{', "{ // mine", 1);
    home.write(Program::Zed, &text);
    assert!(!home.undo(Program::Zed).expect("is undone").deleted);
    assert!(home.read(Program::Zed).starts_with("{ // mine"));
}

#[test]
fn several_times_with_other_values_leave_the_first_text() {
    for program in with_files() {
        for text in [None, Some(existing(program))] {
            let home = Home::empty();
            if let Some(text) = text {
                home.write(program, text);
            }
            for (model, context) in [("one", Some(65_536)), ("two", None), ("three", Some(8192))] {
                let server = Server { model: model.into(), context, key: format!("wd-{model}"), ..server() };
                assert!(home.connect(program, &server).changes());
            }
            home.undo(program).expect("is undone");
            assert_eq!(std::fs::read_to_string(home.file(program)).ok().as_deref(), text, "{program:?}");
        }
    }
}

#[test]
fn without_a_record_what_has_our_name_goes() {
    for program in with_files() {
        let home = Home::empty();
        home.write(program, existing(program));
        home.connect(program, &server());
        std::fs::remove_dir_all(home.backups()).expect("is removed");
        if program == Program::ClaudeCode {
            assert_eq!(home.connected(program), None, "its settings have no name");
            continue;
        }
        home.undo(program).expect("is undone");
        let text = home.read(program);
        assert!(!text.contains("127.0.0.1") && !text.contains("wd-0123456789"), "{text}");
        assert_eq!(home.connected(program), None);
    }
}

#[test]
fn a_record_that_cannot_be_read_is_moved_aside() {
    let home = Home::empty();
    home.connect(Program::Codex, &server());
    std::fs::write(home.backups().join("codex.json"), "{").expect("is written");
    let error = home.undo(Program::Codex).expect_err("the record is broken");
    assert!(matches!(&error, ConnectError::Record { path, .. } if path.exists()), "{error}");
    home.undo(Program::Codex).expect("is undone by name");
    assert!(!home.read(Program::Codex).contains("whaledeck"));
}

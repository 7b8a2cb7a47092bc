//! What the settings of each program look like, and what each program is told.
//! The files of `made/` are what was seen to work with the real programs.

use connect::{LineKind, Plan, Program, Server, Step};

use crate::{Home, existing, server, with_files};

/// Each line of the old text is in the new one, in its order. Those that ours replace are named.
fn keeps(before: &str, after: &str, replaced: &[&str]) {
    let mut lines = after.lines();
    for line in before.lines().filter(|line| !replaced.contains(&line.trim())) {
        // A comma is added where ours follows.
        let is_it = |other: &str| {
            other == line || other.strip_suffix(',') == Some(line) || other.replacen(',', "", 1) == line
        };
        assert!(lines.any(is_it), "{line:?} is not in\n{after}");
    }
}

#[test]
fn an_empty_home_gets_a_file_that_says_what_the_program_needs() {
    for program in with_files() {
        let home = Home::empty();
        assert_eq!(home.connected(program), None, "{program:?}");
        let change = home.connect(program, &server());
        assert_eq!((change.before.as_deref(), &change.path), (None, &home.file(program)), "{program:?}");
        let text = home.read(program);
        assert_eq!(text, change.after);
        assert!(text.ends_with('\n'), "{program:?}: {text}");
        for part in ["http://127.0.0.1:8080", "deepseek-ai/DeepSeek-V3"] {
            assert!(text.contains(part), "{program:?}: {text}");
        }
        // Zed takes no key from a file.
        assert_eq!(text.contains("wd-0123456789"), program != Program::Zed, "{program:?}: {text}");
        let found = home.connected(program).expect("is connected");
        assert_eq!(found.base, "http://127.0.0.1:8080", "{program:?}");
        let has_default = program != Program::VsCode;
        assert_eq!(found.model, has_default.then(|| "deepseek-ai/DeepSeek-V3".into()), "{program:?}");
    }
}

#[test]
fn the_files_are_as_the_programs_document_them() {
    let cases = [
        (Program::ClaudeCode, include_str!("made/claude-code.json")),
        (Program::Codex, include_str!("made/codex.toml")),
        (Program::OpenCode, include_str!("made/opencode.json")),
        (Program::Continue, include_str!("made/continue.yaml")),
        (Program::Zed, include_str!("made/zed.json")),
        (Program::VsCode, include_str!("made/vscode.json")),
        (Program::Obsidian, include_str!("made/obsidian.json")),
    ];
    for (program, wanted) in cases {
        let made = Home::empty().connect(program, &server()).after;
        assert_eq!(made, wanted, "{program:?}:\n{made}");
    }
}

#[test]
fn what_others_wrote_into_a_file_stays() {
    let replaced = |program| match program {
        Program::ClaudeCode => vec!["\"ANTHROPIC_AUTH_TOKEN\": \"sk-of-another\""],
        Program::Codex => vec!["model = \"gpt-5\"   # the large one"],
        Program::OpenCode => vec!["\"model\": \"anthropic/claude\","],
        Program::Zed => vec![
            "\"default_model\": { \"provider\": \"zed.dev\", \"model\": \"claude\" }, // mine",
            "\"language_models\": { \"ollama\": {} },",
        ],
        Program::Obsidian => vec!["\"defaultModelKey\": \"gpt|openai\","],
        _ => vec![],
    };
    for program in with_files() {
        let home = Home::empty();
        home.write(program, existing(program));
        let change = home.connect(program, &server());
        keeps(existing(program), &change.after, &replaced(program));
        assert_eq!(home.connected(program).expect("is connected").base, "http://127.0.0.1:8080");
    }
    let home = Home::empty();
    home.write(Program::Codex, existing(Program::Codex));
    let text = home.connect(Program::Codex, &server()).after;
    assert!(text.contains("model = \"deepseek-ai/DeepSeek-V3\"   # the large one\n"), "{text}");
}

#[test]
fn a_second_time_changes_nothing() {
    for program in with_files() {
        for text in [None, Some(existing(program))] {
            let home = Home::empty();
            if let Some(text) = text {
                home.write(program, text);
            }
            assert!(home.connect(program, &server()).changes());
            let again = home.plan(program, &server()).expect("is planned");
            assert!(!again.changes(), "{program:?}: {:?}", again.diff());
            assert!(again.diff().is_empty());
            again.apply(&home.backups()).expect("does nothing");
            home.undo(program).expect("is undone");
            assert_eq!(std::fs::read_to_string(home.file(program)).ok().as_deref(), text, "{program:?}");
        }
    }
}

#[test]
fn the_difference_shows_no_keys() {
    for program in with_files() {
        let home = Home::empty();
        home.write(program, existing(program));
        let lines = home.plan(program, &server()).expect("is planned").diff();
        let text: String = lines.iter().map(|line| format!("{}\n", line.text)).collect();
        assert!(!text.contains("wd-0123") && !text.contains("sk-of-another"), "{text}");
        assert_eq!(text.contains("••••"), program != Program::Zed, "{text}");
        assert!(lines.iter().any(|line| line.kind == LineKind::Added), "{text}");
    }
    let home = Home::empty();
    let long: String = (0..40).map(|number| format!("# {number}\n")).collect();
    home.write(Program::Codex, &format!("model = \"x\"\n{long}[tui]\n"));
    let lines = home.plan(Program::Codex, &server()).expect("is planned").diff();
    let kinds = |kind| lines.iter().filter(|line| line.kind == kind).count();
    assert_eq!((kinds(LineKind::Removed), kinds(LineKind::Gap)), (1, 1), "{lines:?}");
    assert!(lines.len() < 30, "{lines:?}");
}

#[test]
fn opencode_and_continue_use_the_file_that_counts() {
    let home = Home::empty();
    let commented = home.places.opencode.join("opencode.jsonc");
    home.write(Program::OpenCode, "{}");
    std::fs::write(&commented, "{ // mine\n}\n").expect("is written");
    assert_eq!(home.connect(Program::OpenCode, &server()).path, commented);
    let older = home.places.continues.join("config.json");
    std::fs::create_dir_all(&home.places.continues).expect("is made");
    std::fs::write(&older, "{\"models\": []}").expect("is written");
    let change = home.connect(Program::Continue, &server());
    assert_eq!(change.path, older);
    assert!(change.after.contains("\"title\": \"Whaledeck\""), "{}", change.after);
    home.undo(Program::Continue).expect("is undone");
    assert_eq!(std::fs::read_to_string(older).expect("reads"), "{\"models\": []}");
}

fn steps(program: Program, server: &Server, places: &connect::Places) -> Vec<Step> {
    match connect::plan(program, server, places).expect("is planned") {
        Plan::Steps(steps) => {
            assert_eq!(steps.origin, program.origin());
            steps.steps
        }
        Plan::File(change) => panic!("{change:?}"),
    }
}

#[test]
fn programs_without_a_file_have_steps() {
    let home = Home::empty();
    let found = steps(Program::OpenWebUi, &server(), &home.places);
    let codes: Vec<_> = found.iter().map(Step::code).collect();
    assert_eq!(codes, ["run-docker", "run-pip", "open", "enter-address", "enter-key"]);
    let Step::Run { command, .. } = &found[0] else { panic!("{found:?}") };
    #[cfg(target_os = "linux")]
    assert!(
        command.contains("--network host -e PORT=3000 -e OPENAI_API_BASE_URL=http://127.0.0.1:8080/v1"),
        "{command}"
    );
    let Step::Run { command, .. } = &found[1] else { panic!("{found:?}") };
    assert!(command.ends_with("open-webui serve --port 3000"), "{command}");
    let far = Server { base: "http://far.example:80".into(), model: "it's $(x)".into(), ..server() };
    let Step::Run { command, .. } = &steps(Program::OpenWebUi, &far, &home.places)[0] else { panic!() };
    assert!(
        command.contains("-p 3000:8080") && command.contains(r#"DEFAULT_MODELS="it's "'$(x)'"#),
        "{command}"
    );
}

#[test]
fn obsidian_has_steps_where_its_keys_are_in_the_keychain() {
    let home = Home::empty();
    let none = connect::Places { vault: None, ..home.places.clone() };
    assert_eq!(steps(Program::Obsidian, &server(), &none)[0].code(), "open");
    let other = home.places.clone().in_vault(home.backups());
    assert_eq!(steps(Program::Obsidian, &server(), &other)[0].code(), "install");
    for version in ["3.3.0", "4.0.2", "", "x"] {
        let manifest = home.file(Program::Obsidian).with_file_name("manifest.json");
        std::fs::write(manifest, format!("{{\"version\": \"{version}\"}}")).expect("is written");
        assert_eq!(steps(Program::Obsidian, &server(), &home.places)[0].code(), "open", "{version}");
    }
    assert_eq!(Program::Obsidian.origin(), Some("app://obsidian.md"));
}

#[test]
fn ids_lead_back_to_their_programs() {
    for program in Program::all() {
        assert_eq!(Program::from_id(program.id()), Some(*program));
    }
    assert_eq!((Program::all().len(), Program::from_id("other")), (8, None));
}

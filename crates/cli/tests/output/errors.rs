//! The error output of commands that fail: title, meaning, next step and code. Snapshots have both languages.
//! A message of the operating system is replaced, because it differs by system.
use crate::program::{LANGS, Program};

/// One snapshot per error, with both languages below each other.
fn snapshot(name: &str, args: &[&str]) {
    let program = Program::new();
    prepare(&program);
    let transcripts = LANGS.map(|lang| program.transcript(&[args, &["--lang", lang]].concat()));
    insta::assert_snapshot!(format!("error_{name}"), transcripts.join("\n"));
}

/// Files that are no model, no image, no chat and no certificate.
fn prepare(program: &Program) {
    std::fs::create_dir(program.data().join("empty")).expect("is made");
    std::fs::write(program.data().join("text.txt"), "a text\n").expect("is written");
}

#[test]
fn models_that_are_not_here() {
    for (name, args) in [
        ("cards_unknown_model", &["cards", "--model", "no-such-model"][..]),
        ("pull_unknown_model", &["pull", "no-such-model"]),
        ("pull_unknown_variant", &["pull", "deepseek-r1-distill-qwen-1.5b", "--variant", "q9"]),
        ("pull_built_in", &["pull", "guide"]),
        ("pull_unclear", &["pull", "https://evil.example/a/b"]),
        ("pull_hostile", &["pull", "a/../../b"]),
        ("search_no_word", &["search", " "]),
        ("use_not_downloaded", &["use", "deepseek-r1", "fp8"]),
        ("remove_not_downloaded", &["remove", "deepseek-r1"]),
        ("import_missing_path", &["import", "missing"]),
        ("import_no_model", &["import", "empty"]),
    ] {
        snapshot(name, args);
    }
}

#[test]
fn plans_that_cannot_be_made() {
    for (name, args) in [
        ("plan_unknown_card", &["plan", "--model", "deepseek-r1", "--gpus", "8xNONE"][..]),
        ("plan_too_small", &["plan", "--model", "deepseek-r1", "--gpus", "1xT4"]),
        (
            "plan_unknown_precision",
            &["plan", "--model", "deepseek-r1", "--gpus", "8xH200", "--precision", "Q9"],
        ),
        (
            "plan_no_such_file",
            &["plan", "--model", "deepseek-r1", "--gpus", "8xH200", "--render", "modelfile"],
        ),
        ("sizing_unknown_precision", &["sizing", "--model", "deepseek-r1", "--precision", "q9"]),
    ] {
        snapshot(name, args);
    }
}

#[test]
fn questions_that_cannot_be_asked() {
    for (name, args) in [
        ("ask_not_downloaded", &["ask", "Hello", "--model", "deepseek-r1"][..]),
        ("ask_unknown_endpoint", &["ask", "Hello", "--endpoint", "none"]),
        ("ask_unknown_deployment", &["ask", "Hello", "--deployment", "none"]),
        ("ask_temperature", &["ask", "Hello", "--temperature", "9"]),
        ("ask_missing_picture", &["ask", "Hello", "--image", "missing.png"]),
        ("ask_text_as_picture", &["ask", "Hello", "--model", "guide-vision", "--image", "text.txt"]),
    ] {
        snapshot(name, args);
    }
}

#[test]
fn things_that_are_not_in_a_list() {
    for (name, args) in [
        ("deployments_stop", &["deployments", "stop", "none"][..]),
        ("deployments_logs", &["deployments", "logs", "none"]),
        ("deployments_remove", &["deployments", "remove", "none"]),
        ("chats_export", &["chats", "export", "none", "chat.json"]),
        ("chats_export_pdf", &["chats", "export", "none", "chat.pdf"]),
        ("chats_import_missing", &["chats", "import", "missing"]),
        ("chats_import_text", &["chats", "import", "text.txt"]),
        ("ask_prompt_missing", &["ask", "--prompt", "none"]),
        ("prompts_import_text", &["prompts", "import", "text.txt"]),
        ("backups_restore", &["backups", "restore", "none"]),
        ("endpoints_test", &["endpoints", "test", "none"]),
        ("endpoints_remove", &["endpoints", "remove", "none"]),
        ("endpoints_add_unknown", &["endpoints", "add", "none"]),
        ("endpoints_add_no_address", &["endpoints", "add", "custom"]),
        ("keys_remove", &["serve", "keys", "remove", "none"]),
        ("keys_add_no_name", &["serve", "keys", "add", ""]),
        ("serve_no_key", &["serve"]),
    ] {
        snapshot(name, args);
    }
}

#[test]
fn connections_that_cannot_be_set() {
    for (name, args) in [
        ("proxy_no_address", &["connections", "proxy", "nonsense"][..]),
        ("login_no_proxy", &["connections", "login", "somebody"]),
        ("certificates_missing", &["connections", "certificates", "missing.pem"]),
        ("certificates_text", &["connections", "certificates", "text.txt"]),
    ] {
        snapshot(name, args);
    }
}

#[test]
fn damaged_files_of_the_app() {
    for (name, file, args) in [
        ("history_damaged", "history.db", &["chats", "list"][..]),
        ("settings_damaged", "settings.toml", &["connections"]),
    ] {
        let transcripts = LANGS.map(|lang| {
            let program = Program::new();
            std::fs::write(program.data().join(file), "damaged [").expect("is written");
            program.transcript(&[args, &["--lang", lang]].concat())
        });
        insta::assert_snapshot!(format!("error_{name}"), transcripts.join("\n"));
    }
}

/// These messages are clap's, in English only.
#[test]
fn a_command_line_that_is_not_understood() {
    let program = Program::new();
    for (name, args) in [
        ("typed_unknown_command", &["modles"][..]),
        ("typed_no_model", &["pull"]),
        ("typed_unknown_engine", &["plan", "--model", "m", "--gpus", "8xH200", "--engine", "none"]),
        ("typed_unknown_language", &["models", "--lang", "xx"]),
        ("typed_two_sources", &["ask", "Hello", "--model", "guide", "--deployment", "none"]),
    ] {
        insta::assert_snapshot!(format!("error_{name}"), program.transcript(args));
    }
}

#[test]
fn with_json_an_error_is_a_value() {
    let program = Program::new();
    insta::assert_snapshot!("error_json", program.transcript(&["pull", "no-such-model", "--json"]));
}

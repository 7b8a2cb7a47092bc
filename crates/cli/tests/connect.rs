//! The real `whaledeck-cli connect` in a home of its own: the settings of a program written with a key, shown
//! as connected, replaced, and taken back byte for byte.
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn run(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-cli"));
    for name in ["XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "CONTINUE_GLOBAL_DIR"] {
        command.env_remove(name);
    }
    command
        .args(args)
        .env("HOME", home)
        .env("WHALEDECK_DATA", home.join("data"))
        .env("WHALEDECK_ENGINE", home.join("no-engine"))
        .env("WHALEDECK_GUIDE", home.join("no-guide"))
        .env("WHALEDECK_KEYS", "file")
        .env("LANG", "C.UTF-8")
        .output()
        .expect("it runs")
}

fn stdout(home: &Path, args: &[&str]) -> String {
    let output = run(home, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is text")
}

fn keys(home: &Path) -> Vec<String> {
    let keys: Value =
        serde_json::from_str(&stdout(home, &["--json", "serve", "keys", "list"])).expect("JSON");
    let names = keys.as_array().expect("a list").iter();
    names.map(|key| key["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_program_is_connected_to_serve_and_disconnected_without_a_trace() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let file = home.join(".codex/config.toml");
    let before = "# mine\nmodel = \"another\" # keep\n";
    std::fs::create_dir_all(home.join(".codex")).expect("a folder");
    std::fs::write(&file, before).expect("written");

    let told = stdout(home, &["connect", "codex", "--yes"]);
    assert!(
        told.contains("whaledeck-cli serve --model guide"),
        "where access is off, it says what runs it: {told}"
    );
    let written = std::fs::read_to_string(&file).expect("is there");
    assert!(written.contains("http://127.0.0.1:8137/v1"), "{written}");
    assert!(written.contains("# mine") && written.contains("guide"), "{written}");
    assert_eq!(keys(home), ["Codex"]);
    let list = stdout(home, &["connect"]);
    assert!(list.lines().any(|line| line.starts_with("codex: http://127.0.0.1:8137")), "{list}");
    assert!(list.contains("claude-code: not connected"), "{list}");
    // Nothing was stored by which the window would give access.
    assert!(!home.join("data/sharing.json").exists());

    stdout(home, &["connect", "codex", "--yes", "--model", "deepseek-r1"]);
    assert_eq!(keys(home), ["Codex"], "the old key is gone");
    let written = std::fs::read_to_string(&file).expect("is there");
    assert!(written.contains("deepseek-r1") && !written.contains("\"guide\""), "{written}");

    stdout(home, &["connect", "codex", "--undo"]);
    assert_eq!(std::fs::read_to_string(&file).expect("is there"), before);
    assert_eq!(keys(home), Vec::<String>::new());
}

#[test]
fn nothing_is_written_without_consent_or_for_an_unknown_program() {
    let home = tempfile::tempdir().expect("a folder");
    let home = home.path();
    let refused = run(home, &["connect", "codex"]);
    assert!(!refused.status.success(), "there is no terminal to agree on");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--yes"));
    let unknown = run(home, &["connect", "emacs", "--yes"]);
    assert!(!unknown.status.success());
    assert!(!home.join(".codex").exists());
    assert_eq!(keys(home), Vec::<String>::new(), "no key is left");
}

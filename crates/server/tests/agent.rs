//! A real coding agent edits a file with a model of the worker, through the chat API and through Anthropic's:
//! Qwen Code from npm, on a model that calls as a script says, in DeepSeek-V3.1's own syntax.
mod worker_program;

use std::path::Path;
use std::process::Command;

use serde_json::json;
use testkit::ScriptModel;
use worker_program::{KEY, Worker};

const BEFORE: &str = "def harbour():\n    return \"closed\"\n";
const AFTER: &str = "def harbour():\n    return \"open\"\n";

/// Runs the agent in a folder with one file. `protocol` is the agent's name of it, `path` where it begins.
fn edit(protocol: &str, path: &str) {
    let (Some(node), Some(agent)) = (std::env::var_os("WHALEDECK_NODE"), std::env::var_os("WHALEDECK_AGENT"))
    else {
        println!("not run: WHALEDECK_NODE and WHALEDECK_AGENT are not set (make test sets them)");
        return;
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    std::fs::create_dir(&project).expect("is made");
    let file = project.join("harbour.py");
    std::fs::write(&file, BEFORE).expect("is written");

    let template = repository.join("tests/fixtures/text/templates/v3_1.jinja");
    // The model knows by the last token of a prompt how often it has called.
    let template = std::fs::read_to_string(template).expect("read")
        + "{% set results = messages | selectattr('role', 'equalto', 'tool') | list | length %}\
           {% if results == 1 %}<｜second｜>{% elif results > 1 %}<｜third｜>{% endif %}";
    let read = json!({"file_path": file}).to_string();
    let change =
        json!({"file_path": file, "old_string": "return \"closed\"", "new_string": "return \"open\""});
    let change = change.to_string();
    // The marks of the first call are tokens, so it is held to the schemas of the agent's functions.
    let call = |name: &'static str, arguments| {
        let [begin, end] = ["<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>"];
        [begin, "<｜tool▁call▁begin｜>", name, "<｜tool▁sep｜>", arguments, "<｜tool▁call▁end｜>", end]
    };
    let model = ScriptModel::new(&template, &call("read_file", &read))
        .after("<｜second｜>", &call("edit", &change))
        .after("<｜third｜>", &["The harbour ", "is open."])
        .context(32_768);
    model.write(&folder.path().join("model")).expect("written");
    let mut worker =
        Worker::start(&folder.path().join("model"), &["--context", "32768", "--model-name", "agent"]);
    let address = worker.ready();

    let output = Command::new(node)
        .arg(agent)
        .arg("Open the harbour.")
        .args(["--auth-type", protocol, "--model", "agent", "--approval-mode", "yolo"])
        // Its own instructions and twenty tools are a hundred thousand bytes, and a byte is a token here.
        .args(["--system-prompt", "You edit files.", "--core-tools", "read_file", "--core-tools", "edit"])
        .current_dir(&project)
        .env("HOME", folder.path())
        .env("OPENAI_API_KEY", KEY)
        .env("OPENAI_BASE_URL", format!("{address}{path}"))
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", format!("{address}{path}"))
        .env("ANTHROPIC_MODEL", "agent")
        .output()
        .expect("it runs");
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("reads"), AFTER, "{said}");
    assert!(said.contains("The harbour is open."), "{said}");
}

#[test]
fn an_agent_edits_a_file_through_the_chat_api() {
    edit("openai", "/v1");
}

#[test]
fn an_agent_edits_a_file_through_the_messages_api() {
    edit("anthropic", "");
}

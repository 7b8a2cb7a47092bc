//! What a model may write, through the real worker: a script model writes it token by token.
mod worker_program;

use serde_json::{Value, json};
use testkit::{PLAIN_TEMPLATE, ScriptModel, script_model};
use worker_program::{Worker, post};

/// A worker with such a model; the folder must outlive it.
struct Scripted {
    _folder: tempfile::TempDir,
    _worker: Worker,
    address: String,
}

impl Scripted {
    fn start(model: &ScriptModel) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        model.write(folder.path()).expect("written");
        let mut worker = Worker::start(folder.path(), &[]);
        let address = worker.ready();
        Self { _folder: folder, _worker: worker, address }
    }

    /// The text of an answer and why it ended.
    fn said(&self, more: &Value) -> (String, String) {
        let mut body = json!({"messages": [{"role": "user", "content": "Hi"}]});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let (status, reply) = post(&self.address, "/v1/chat/completions", &body);
        assert_eq!(status, 200, "{reply}");
        let choice = &reply["choices"][0];
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&choice["message"]["content"]), text(&choice["finish_reason"]))
    }
}

#[test]
fn a_script_comes_out_word_for_word_at_any_temperature() {
    let folder = tempfile::tempdir().expect("a folder");
    let steps =
        ["A", "whale ", "whale ", "sings: 🐋", "\n", "```rust\n", "fn", " ", "f", "(", ")", "\n", "```"];
    script_model(folder.path(), PLAIN_TEMPLATE, &steps);
    let mut worker = Worker::start(folder.path(), &[]);
    let address = worker.ready();
    for temperature in [0.0, 1.0, 2.0] {
        let body = json!({"messages": [{"role": "user", "content": "Sing. f("}], "temperature": temperature, "seed": 3});
        let (status, reply) = post(&address, "/v1/chat/completions", &body);
        assert_eq!(status, 200, "{reply}");
        let choice = &reply["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&json!(steps.concat()), &json!("stop"))
        );
    }
}

#[test]
fn other_prompts_have_other_scripts_and_an_endless_one_is_cut() {
    let template =
        format!("{PLAIN_TEMPLATE}{{% if messages[-1]['role'] == 'tool' %}}<｜second｜>{{% endif %}}");
    let model =
        ScriptModel::new(&template, &["on ", "and "]).after("<｜second｜>", &["tool ", "said"]).endless();
    let scripted = Scripted::start(&model);
    let first = scripted.said(&json!({"max_tokens": 5}));
    assert_eq!(first, ("on and on and on ".to_owned(), "length".to_owned()));
    let tool =
        json!([{"role": "user", "content": "Hi"}, {"role": "tool", "content": "x", "tool_call_id": "1"}]);
    assert_eq!(scripted.said(&json!({"messages": tool, "max_tokens": 3})).0, "tool saidtool ");
}

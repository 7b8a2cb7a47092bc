//! The real program on a tiny random Coder-V2-Lite, as a folder and as a GGUF file: the same answers, kept
//! prompts, smaller weights, drafts, holes. The fixture's script: tests/fixtures/worker/make.py.
mod worker_program;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use worker_program::{Worker, post};

/// Longer than a page of the cache, with a text that comes twice, so that drafts have something to find.
const CODE: &str =
    "def area(width, height):\n    return width * height\n\ndef area(width, height):\n    return";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/worker").join(name)
}

fn chat(address: &str, more: Value) -> Value {
    let mut body = json!({
        "messages": [{"role": "system", "content": "写代码。"}, {"role": "user", "content": CODE}],
        "temperature": 0, "max_tokens": 48, "logprobs": true,
    });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let (status, reply) = post(address, "/v1/chat/completions", &body);
    assert_eq!(status, 200, "{reply}");
    reply
}

/// The tokens of an answer, by their bytes.
fn tokens(reply: &Value) -> Vec<Value> {
    let list = reply["choices"][0]["logprobs"]["content"].as_array().expect("a list");
    list.iter().map(|token| token["bytes"].clone()).collect()
}

fn complete(address: &str, prompt: Value, suffix: Option<&str>) -> (u16, Value) {
    let body = json!({"prompt": prompt, "suffix": suffix, "temperature": 0, "max_tokens": 24, "logprobs": 1});
    post(address, "/v1/completions", &body)
}

#[test]
fn a_gguf_answers_as_the_folder_it_came_from() {
    let (mut folder, mut gguf) =
        (Worker::start(&fixture("coder"), &[]), Worker::start(&fixture("coder.gguf"), &[]));
    let (folder, gguf) = (folder.ready(), gguf.ready());
    for more in [json!({}), json!({"temperature": 0.9, "seed": 11}), json!({"temperature": 0.9, "seed": 12})]
    {
        let (expected, answer) = (chat(&folder, more.clone()), chat(&gguf, more.clone()));
        assert_eq!(answer["choices"][0], expected["choices"][0], "{more}");
        assert_eq!(answer["usage"]["prompt_tokens"], expected["usage"]["prompt_tokens"]);
        assert_eq!(tokens(&answer).len(), 48, "{answer}");
    }
    let distinct: std::collections::HashSet<String> =
        tokens(&chat(&gguf, json!({}))).iter().map(Value::to_string).collect();
    assert!(distinct.len() > 4, "an answer of {} different tokens says little", distinct.len());
}

#[test]
fn kept_prompts_survive_a_restart() {
    let kept = tempfile::tempdir().expect("a folder");
    let path = kept.path().to_str().expect("a path");
    let start = || Worker::start(&fixture("coder.gguf"), &["--prefix-cache", path]);
    let reused = |reply: &Value| reply["usage"]["whaledeck"]["prefix_tokens"].as_u64().expect("a number");
    let mut worker = start();
    let first = chat(&worker.ready(), json!({}));
    assert_eq!(reused(&first), 0);
    worker.stop();
    let mut worker = start();
    let again = chat(&worker.ready(), json!({}));
    let prompt = again["usage"]["prompt_tokens"].as_u64().expect("a number");
    // All but the last token, which is read for what comes after it.
    assert_eq!(reused(&again), prompt - 1);
    assert_eq!(again["usage"]["prompt_tokens_details"]["cached_tokens"], prompt - 1);
    // The last token is read alone now, which is rounded a little differently: the tokens count, not the last
    // bits.
    assert_eq!(tokens(&again), tokens(&first));
    worker.stop();

    // Another model finds nothing there, the same weights in another form too: pages are not exchanged.
    let mut other = Worker::start(&fixture("coder"), &["--prefix-cache", path]);
    assert_eq!(reused(&chat(&other.ready(), json!({}))), 0);
}

#[test]
fn shrunk_weights_are_smaller_and_still_answer() {
    let mut sizes = Vec::new();
    for (name, format) in [("q8_0", "Q8_0"), ("q6_k", "Q6_K"), ("q4_k", "Q4_K")] {
        let mut formats = Vec::new();
        for file in ["coder", "coder.gguf"] {
            let mut worker = Worker::start(&fixture(file), &["--shrink", name]);
            let address = worker.ready();
            assert_eq!(tokens(&chat(&address, json!({}))).len(), 48);
            let weights = worker_program::get(&address, "/v1/whaledeck/memory")["weights"].clone();
            formats.push(weights["formats"][format].as_u64().expect("bytes in that format"));
            sizes.push(weights["measured"].as_u64().expect("bytes"));
        }
        assert_eq!(formats[0], formats[1], "the same matrices become {name} from both forms");
        // A GGUF has the gate in f32, which makes it a little larger.
        sizes.pop();
    }
    let wide = std::fs::metadata(fixture("coder/model.safetensors")).expect("it is there").len();
    assert!(sizes[0] < wide && sizes.is_sorted_by(|a, b| a > b), "{sizes:?} of {wide}");
    let refused = worker_program::usage_error(&fixture("coder"), &["--shrink", "q5_k"]);
    assert!(refused.contains("q6_k"), "{refused}");
}

#[test]
fn drafts_change_no_answer_and_are_counted_by_place() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    for (model, drafter) in [(fixture("coder.gguf"), "lookup"), (guide, "mtp")] {
        let (mut on, mut off) = (
            Worker::start(&model, &["--speculation", "auto"]),
            Worker::start(&model, &["--speculation", "off"]),
        );
        let (on, off) = (on.ready(), off.ready());
        for more in [json!({"max_tokens": 160}), json!({"temperature": 0.8, "seed": 5, "max_tokens": 160})] {
            let (drafted, plain) = (chat(&on, more.clone()), chat(&off, more));
            assert_eq!(drafted["choices"], plain["choices"]);
            let (drafts, none) =
                (&drafted["usage"]["whaledeck"]["drafts"], &plain["usage"]["whaledeck"]["drafts"]);
            assert_eq!((&drafts["drafter"], &none["drafter"]), (&json!(drafter), &Value::Null));
            assert_eq!(none["offered"], json!([]));
            let list = |name: &str| drafts[name].as_array().expect("a list").clone();
            let (offered, accepted) = (list("offered"), list("accepted"));
            assert_eq!(offered.len(), accepted.len());
            assert!(offered.len() <= 3 && offered.is_sorted_by(|a, b| a.as_u64() >= b.as_u64()), "{drafts}");
            assert!(drafts["switched_off"].is_u64(), "{drafts}");
        }
    }
}

/// The published order: begin, what is before, the hole, what is after, end.
#[test]
fn a_hole_is_filled_as_the_model_was_trained_to() {
    let mut worker = Worker::start(&fixture("coder.gguf"), &[]);
    let address = worker.ready();
    let (before, after) = ("def add(a, b):\n", "\n    return 和\n");
    let (status, filled) = complete(&address, json!(before), Some(after));
    assert_eq!(status, 200, "{filled}");
    let written = |parts: [&str; 5]| {
        let (status, reply) = complete(&address, json!(parts.concat()), None);
        assert_eq!(status, 200, "{reply}");
        reply
    };
    let [begin, hole, end] = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"];
    let same = written([begin, before, hole, after, end]);
    // The second is read from kept pages, so that its first token is computed in the other form of attention.
    let text = |reply: &Value| {
        let choice = &reply["choices"][0];
        let values = choice["logprobs"]["token_logprobs"].as_array().expect("each token's").clone();
        let values: Vec<f64> = values.iter().map(|value| value.as_f64().expect("a number")).collect();
        (choice["text"].clone(), choice["logprobs"]["tokens"].clone(), values)
    };
    let (one, other) = (text(&filled), text(&same));
    assert_eq!((one.0, one.1), (other.0, other.1));
    assert!(one.2.iter().zip(&other.2).all(|(a, b)| (a - b).abs() < 1e-5), "{:?} {:?}", one.2, other.2);
    assert_eq!(filled["usage"]["prompt_tokens"], same["usage"]["prompt_tokens"]);
    for other in [[begin, after, hole, before, end], [begin, before, end, after, hole]] {
        assert_ne!(
            written(other)["choices"],
            same["choices"],
            "the order must matter for this to say anything"
        );
    }
    // What stands in a text is no mark of ours: an empty side is one too.
    let (status, empty) = complete(&address, json!(""), Some(""));
    assert_eq!((status, empty["usage"]["prompt_tokens"].as_u64()), (200, Some(4)));
}

#[test]
fn refusals_have_the_codes_that_the_window_has_words_for() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model");
    let mut worker = Worker::start(&guide, &[]);
    let address = worker.ready();
    let check = |(status, reply): (u16, Value), code: &str, param: Value| {
        let error = &reply["error"];
        assert_eq!((status, &error["code"], &error["param"]), (400, &json!(code), &param), "{reply}");
    };
    check(complete(&address, json!("a"), Some("b")), "fill_unsupported", json!("suffix"));
    let ask = |more: Value| {
        let mut body = json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 2});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        post(&address, "/v1/chat/completions", &body)
    };
    check(ask(json!({"temperature": 3})), "invalid_input", json!("temperature"));
    check(ask(json!({"messages": []})), "invalid_input", json!("messages"));
    check(ask(json!({"messages": 5})), "invalid_input", json!("messages"));
    let image = json!([{"type": "image_url", "image_url": {"url": "data:"}}]);
    check(
        ask(json!({"messages": [{"role": "user", "content": image}]})),
        "unsupported_content",
        json!("messages"),
    );
    check(ask(json!({"continue_final_message": true})), "conversation_refused", json!("messages"));
    let schema = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "nothing"}}});
    check(ask(json!({"response_format": schema})), "form_impossible", json!("response_format"));
    let long = "a b ".repeat(9000);
    check(
        ask(json!({"messages": [{"role": "user", "content": long}]})),
        "context_length_exceeded",
        json!("messages"),
    );
}

//! The Messages and the Responses API through the real worker, on a model that reasons, writes and calls as
//! the test says: what the official clients do not show, such as the order of events.
mod worker_program;

use std::path::Path;

use serde_json::{Value, json};
use testkit::ScriptModel;
use worker_program::{Worker, post, stream};

const STEPS: [&str; 13] = [
    "I should ",
    "look.",
    "</think>",
    "Let me ",
    "see.",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁call▁begin｜>",
    "get_weather",
    "<｜tool▁sep｜>",
    "{\"city\": ",
    "\"Paris\"}",
    "<｜tool▁call▁end｜>",
    "<｜tool▁calls▁end｜>",
];

fn worker() -> (tempfile::TempDir, Worker, String) {
    let file = "../../tests/fixtures/text/templates/v3_1.jinja";
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let template = std::fs::read_to_string(template).expect("read");
    let folder = tempfile::tempdir().expect("a folder");
    let model = ScriptModel::new(&template, &STEPS).after("<｜tool▁output▁end｜>", &["Sun", "ny."]);
    model.write(folder.path()).expect("written");
    let mut worker = Worker::start(folder.path(), &[]);
    let address = worker.ready();
    (folder, worker, address)
}

fn messages(more: &Value) -> Value {
    let tool = json!({"name": "get_weather", "input_schema": {"type": "object"}});
    let mut body = json!({"max_tokens": 100, "tools": [tool], "thinking": {"type": "adaptive"},
        "messages": [{"role": "user", "content": "Weather?"}]});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

fn responses(more: &Value) -> Value {
    let tool = json!({"type": "function", "name": "get_weather", "parameters": {"type": "object"}});
    let mut body = json!({"tools": [tool], "reasoning": {"effort": "high"}, "input": "Weather?"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

/// One after another, each run of equal kinds once.
fn kinds(events: &[Value]) -> Vec<String> {
    let mut kinds: Vec<String> = events.iter().map(|event| text(&event["type"])).collect();
    kinds.dedup();
    kinds
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_message_has_thinking_text_and_a_call_as_blocks_streamed_or_not() {
    let (_folder, _worker, address) = worker();
    let (status, message) = post(&address, "/v1/messages", &messages(&json!({})));
    assert_eq!((status, &message["stop_reason"]), (200, &json!("tool_use")), "{message}");
    let id = message["content"][2]["id"].clone();
    assert!(text(&id).starts_with("call_"), "{message}");
    let expect = json!([
        {"type": "thinking", "thinking": "I should look.", "signature": ""},
        {"type": "text", "text": "Let me see."},
        {"type": "tool_use", "id": id, "name": "get_weather", "input": {"city": "Paris"}},
    ]);
    assert_eq!(message["content"], expect);

    let events = stream(&address, "/v1/messages", &messages(&json!({"stream": true})));
    let block = ["content_block_start", "content_block_delta", "content_block_stop"];
    let all = [&["message_start"][..], &block, &block, &block, &["message_delta", "message_stop"]].concat();
    assert_eq!(kinds(&events), all);
    let deltas = |kind: &str, field: &str| -> String {
        let deltas = events.iter().map(|event| &event["delta"]).filter(|delta| delta["type"] == kind);
        deltas.map(|delta| text(&delta[field])).collect()
    };
    assert_eq!(deltas("thinking_delta", "thinking"), "I should look.");
    assert_eq!(deltas("text_delta", "text"), "Let me see.");
    assert_eq!(deltas("input_json_delta", "partial_json"), "{\"city\": \"Paris\"}");
    let last = &events[events.len() - 2];
    assert_eq!(last["delta"]["stop_reason"], "tool_use");
    assert_eq!(last["usage"]["output_tokens"], message["usage"]["output_tokens"]);

    // The answer goes back with the result of its call, and the model sees both.
    let result = json!({"type": "tool_result", "tool_use_id": id, "content": "clear"});
    let turns = json!([{"role": "user", "content": "Weather?"}, {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [result]}]);
    let (_, last) = post(&address, "/v1/messages", &messages(&json!({"messages": turns})));
    assert_eq!(
        (&last["content"][0]["text"], &last["stop_reason"]),
        (&json!("Sunny."), &json!("end_turn")),
        "{last}"
    );
}

#[test]
fn a_call_that_is_cut_off_is_no_call_in_either_protocol() {
    let (_folder, _worker, address) = worker();
    let (_, message) = post(&address, "/v1/messages", &messages(&json!({"max_tokens": 9})));
    assert_eq!(message["stop_reason"], "max_tokens");
    assert_eq!(message["content"][2], json!({"type": "text", "text": "get_weather {\"city\":"}), "{message}");
    let (_, response) = post(&address, "/v1/responses", &responses(&json!({"max_output_tokens": 9})));
    assert_eq!(
        (&response["status"], &response["output"][2]["status"]),
        (&json!("incomplete"), &json!("incomplete"))
    );
}

#[test]
fn without_thinking_a_model_that_can_choose_does_not_reason() {
    let (_folder, _worker, address) = worker();
    let count = |more: Value| {
        let (status, reply) = post(&address, "/v1/messages/count_tokens", &messages(&more));
        assert_eq!(status, 200, "{reply}");
        reply["input_tokens"].as_u64().expect("a number")
    };
    let off = count(json!({"thinking": null}));
    assert_eq!(off, count(json!({"thinking": {"type": "disabled"}})));
    // The prompt ends with one of the two think tags.
    let (_, message) = post(&address, "/v1/messages", &messages(&json!({"thinking": null})));
    assert_eq!(message["content"][0]["type"], "text", "{message}");
}

#[test]
fn a_response_has_reasoning_a_message_and_a_call_as_items_streamed_or_not() {
    let (_folder, _worker, address) = worker();
    let (status, response) = post(&address, "/v1/responses", &responses(&json!({})));
    assert_eq!((status, &response["status"]), (200, &json!("completed")), "{response}");
    let output = response["output"].as_array().expect("a list");
    let kinds_of = |items: &[Value]| items.iter().map(|item| text(&item["type"])).collect::<Vec<_>>();
    assert_eq!(kinds_of(output), ["reasoning", "message", "function_call"]);
    assert_eq!(output[0]["content"][0]["text"], "I should look.");
    assert_eq!(output[1]["content"][0]["text"], "Let me see.");
    assert_eq!(output[2]["arguments"], "{\"city\": \"Paris\"}");
    // "I should ", "look." and the tag.
    assert_eq!(response["usage"]["output_tokens_details"]["reasoning_tokens"], 3, "{}", response["usage"]);

    let events = stream(&address, "/v1/responses", &responses(&json!({"stream": true})));
    let item = |delta: &[&str]| {
        let around =
            |events: &[&str]| events.iter().map(|event| format!("response.{event}")).collect::<Vec<_>>();
        [around(&["output_item.added"]), around(delta), around(&["output_item.done"])].concat()
    };
    let part = |kind: &str| {
        let (delta, done) = (format!("{kind}.delta"), format!("{kind}.done"));
        item(&["content_part.added", &delta, &done, "content_part.done"])
    };
    let call = item(&["function_call_arguments.delta", "function_call_arguments.done"]);
    let begin = vec!["response.created".to_owned(), "response.in_progress".to_owned()];
    let end = vec!["response.completed".to_owned()];
    assert_eq!(kinds(&events), [begin, part("reasoning_text"), part("output_text"), call, end].concat());
    let done: Vec<Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["item"].clone())
        .collect();
    assert_eq!(Value::from(done), events.last().expect("events")["response"]["output"]);

    let mut turns = vec![json!({"role": "user", "content": "Weather?"})];
    turns.extend(output.iter().cloned());
    turns.push(json!({"type": "function_call_output", "call_id": output[2]["call_id"], "output": "clear"}));
    let (_, last) = post(&address, "/v1/responses", &responses(&json!({"input": turns})));
    assert_eq!(last["output"][0]["content"][0]["text"], "Sunny.", "{last}");
}

#[test]
fn every_refusal_has_the_shape_of_its_protocol() {
    let (_folder, _worker, address) = worker();
    let (status, body) = post(&address, "/v1/messages", &messages(&json!({"messages": "no list"})));
    assert_eq!((status, &body["type"]), (400, &json!("error")), "{body}");
    assert_eq!(body["error"]["type"], "invalid_request_error");
    let (status, body) = post(&address, "/v1/messages/batches", &json!({}));
    assert_eq!((status, &body["error"]["type"]), (404, &json!("not_found_error")), "{body}");
    let (status, body) =
        post(&address, "/v1/responses", &responses(&json!({"input": [{"type": "computer_call"}]})));
    assert_eq!((status, &body["error"]["param"]), (400, &json!("input[0].type")), "{body}");
    let (status, body) = post(&address, "/v1/responses", &responses(&json!({"input": []})));
    assert_eq!((status, &body["error"]["param"]), (400, &json!("input")), "{body}");
}

#[test]
fn the_progress_of_a_long_prompt_comes_before_its_answer_when_it_is_asked_for() {
    let (_folder, _worker, address) = worker();
    let question = "The whale is large. ".repeat(150);
    let body = |progress: bool| {
        json!({"messages": [{"role": "user", "content": question}], "stream": true, "max_tokens": 1,
            "stream_options": {"include_usage": true}, "return_progress": progress})
    };
    let events = stream(&address, "/v1/chat/completions", &body(true));
    let progress: Vec<&Value> =
        events.iter().map(|event| &event["prompt_progress"]).filter(|one| !one.is_null()).collect();
    let usage = &events.last().expect("the usage is last")["usage"];
    assert!(progress.len() >= 4, "{} reports for {usage}", progress.len());
    let counts = |name: &str| -> Vec<u64> {
        progress.iter().map(|one| one[name].as_u64().expect("a count")).collect()
    };
    assert!(counts("total").iter().all(|total| Some(*total) == usage["prompt_tokens"].as_u64()));
    let processed = counts("processed");
    assert_eq!(processed[0], counts("cache")[0], "the first report is the prefix cache");
    assert!(processed.is_sorted_by(|a, b| a < b) && *processed.last().expect("one") < counts("total")[0]);
    // All of them are before the first text.
    let at = |wanted: &dyn Fn(&Value) -> bool| events.iter().rposition(wanted).expect("is there");
    let first_text = events.iter().position(|event| {
        let delta = &event["choices"][0]["delta"];
        delta["content"].as_str().is_some_and(|text| !text.is_empty())
            || delta["reasoning_content"].is_string()
    });
    let last_progress = at(&|event| !event["prompt_progress"].is_null());
    assert!(first_text.is_none_or(|first| last_progress < first));

    // Now the prompt is in the cache, and reports of it are not wanted.
    let events = stream(&address, "/v1/chat/completions", &body(false));
    assert!(events.iter().all(|event| event["prompt_progress"].is_null()));
}

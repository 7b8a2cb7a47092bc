//! Requests as clients really write them, to the real program: fields that are null, second spellings, fields
//! that are not honoured, and a body for every refusal. The model is the Guide, also under the published
//! template of V3.1.
mod worker_program;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use worker_program::{KEY, Worker, post, usage_error};

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

/// The Guide with the template that a hybrid model was published with.
fn hybrid(folder: &Path) -> PathBuf {
    for entry in std::fs::read_dir(guide()).expect("the Guide is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("copied");
    }
    let template = guide().join("../../tests/fixtures/text/templates/v3_1.jinja");
    std::fs::copy(template, folder.join("chat_template.jinja")).expect("copied");
    folder.to_owned()
}

fn chat(address: &str, more: Value) -> (u16, Value) {
    let mut body =
        json!({"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3, "temperature": 0});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    post(address, "/v1/chat/completions", &body)
}

fn complete(address: &str, more: Value) -> (u16, Value) {
    let mut body = json!({"prompt": "DeepSeek is", "max_tokens": 3, "temperature": 0});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    post(address, "/v1/completions", &body)
}

/// The choice of an answer, and the tokens of its prompt.
fn choice_and_prompt_tokens((status, reply): (u16, Value)) -> (Value, u64) {
    assert_eq!(status, 200, "{reply}");
    (reply["choices"][0].clone(), reply["usage"]["prompt_tokens"].as_u64().expect("a number"))
}

/// The request is refused for this field.
fn refused((status, reply): (u16, Value), param: &str) {
    let error = &reply["error"];
    assert_eq!(
        (status, &error["param"], &error["code"]),
        (400, &json!(param), &json!("invalid_input")),
        "{reply}"
    );
    assert!(error["message"].as_str().is_some_and(|text| text.contains(param)), "{reply}");
}

#[test]
fn null_is_an_absent_field_in_every_request() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    let mut nulls = json!({});
    // Every optional field of OpenAI's client, ours, and an unknown one.
    for name in "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens metadata modalities \
                 model n parallel_tool_calls prediction presence_penalty reasoning_effort response_format seed service_tier stop \
                 store stream stream_options tool_choice tools top_logprobs top_p user verbosity web_search_options top_k min_p \
                 repetition_penalty chat_template_kwargs continue_final_message enable_thinking thinking no_such_field"
        .split_whitespace()
    {
        nulls[name] = Value::Null;
    }
    let plain = choice_and_prompt_tokens(chat(&address, json!({})));
    assert_eq!(choice_and_prompt_tokens(chat(&address, nulls)), plain);
    let message = json!({"role": "user", "content": "Hi", "name": null, "tool_calls": null, "tool_call_id": null,
                         "reasoning_content": null, "reasoning": null, "prefix": null, "refusal": null});
    assert_eq!(choice_and_prompt_tokens(chat(&address, json!({"messages": [message]}))), plain);

    let plain = choice_and_prompt_tokens(complete(&address, json!({})));
    let nulls = json!({"suffix": null, "logprobs": null, "echo": null, "best_of": null, "stream": null, "stop": null,
                       "n": null, "user": null, "logit_bias": null, "stream_options": null, "model": null});
    assert_eq!(choice_and_prompt_tokens(complete(&address, nulls)), plain);
    // A missing required field is named.
    refused(chat(&address, json!({"messages": null})), "messages");
    refused(complete(&address, json!({"prompt": null})), "prompt");
}

#[test]
fn values_that_say_the_same_are_taken() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    let plain = choice_and_prompt_tokens(chat(&address, json!({"seed": 1, "max_tokens": 5})));
    for same in [
        json!({"max_tokens": 5.0, "seed": 1.0}),
        json!({"max_completion_tokens": 5, "seed": 1}),
        json!({"max_tokens": 5, "top_k": -1, "n": 1.0, "stop": []}),
        json!({"max_tokens": 5, "top_k": 0, "logit_bias": {}, "presence_penalty": 0, "frequency_penalty": 0.0, "tools": []}),
        json!({"max_tokens": 5, "response_format": {"type": "text"}, "top_logprobs": 0, "store": false, "user": "a"}),
        json!({"max_tokens": 5, "metadata": {"a": "b"}, "service_tier": "auto", "modalities": ["text"], "verbosity": "medium"}),
        json!({"max_tokens": 5, "stream_options": {"include_usage": true, "include_obfuscation": false}}),
        json!({"max_tokens": 5, "ignore_eos": false, "length_penalty": 1.0, "mirostat": 0, "cache_prompt": true}),
        json!({"max_tokens": 5, "messages": [{"role": "user", "content": ["Hi"]}]}),
        json!({"max_tokens": 5, "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi",
               "cache_control": {"type": "ephemeral"}}]}]}),
    ] {
        assert_eq!(choice_and_prompt_tokens(chat(&address, same.clone())), plain, "{same}");
    }
    // No limit, as llama.cpp writes it: the answer ends by itself.
    let (whole, _) = choice_and_prompt_tokens(chat(&address, json!({"max_tokens": -1})));
    assert_eq!(whole["finish_reason"], "stop");
    assert_eq!(whole, choice_and_prompt_tokens(chat(&address, json!({"max_tokens": null}))).0);
    let plain = choice_and_prompt_tokens(complete(&address, json!({})));
    for same in [json!({"prompt": ["DeepSeek is"]}), json!({"best_of": 1.0, "echo": false})] {
        assert_eq!(choice_and_prompt_tokens(complete(&address, same.clone())), plain, "{same}");
    }
}

#[test]
fn a_call_s_arguments_are_text_or_an_object_and_thoughts_have_two_names() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    let history = |arguments: Value, thoughts: &str| {
        let mut assistant = json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "index": 0, "type": "function", "function": {"name": "weather", "arguments": arguments}}]});
        assistant[thoughts] = json!("It is about Paris.");
        json!([{"role": "user", "content": "Hi"}, assistant, {"role": "tool", "tool_call_id": "c1", "content": "12"},
               {"role": "user", "content": "Thanks"}])
    };
    // As Python's json.dumps writes it.
    let text = json!("{\"city\": \"巴黎\", \"days\": [1, 2.5], \"now\": true}");
    let object = json!({"city": "巴黎", "days": [1, 2.5], "now": true});
    let one =
        choice_and_prompt_tokens(chat(&address, json!({"messages": history(text, "reasoning_content")})));
    let other = choice_and_prompt_tokens(chat(&address, json!({"messages": history(object, "reasoning")})));
    assert_eq!(one, other);
    let none = choice_and_prompt_tokens(chat(&address, json!({"messages": history(json!({}), "reasoning")})));
    assert!(none.1 < one.1, "the arguments stand in the prompt");
    refused(
        chat(&address, json!({"messages": history(json!(5), "reasoning")})),
        "messages[1].tool_calls[0].function.arguments",
    );
}

#[test]
fn a_refusal_names_its_field() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    for (more, param) in [
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_completion_tokens": 0.0}), "max_completion_tokens"),
        (json!({"max_tokens": -2}), "max_tokens"),
        (json!({"max_tokens": 5.5}), "max_tokens"),
        (json!({"top_k": -2}), "top_k"),
        (json!({"stop": 5}), "stop"),
        (json!({"stop": ["a", 5]}), "stop[1]"),
        (json!({"stream_options": {"include_usage": "yes"}}), "stream_options.include_usage"),
        (json!({"messages": 5}), "messages"),
        (json!({"messages": [{"content": "Hi"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user", "content": 5}]}), "messages[0].content"),
        (json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}), "messages[0].content[0].type"),
        (json!({"messages": [{"role": "user", "content": "Hi", "images": ["AQI="]}]}), "messages[0].images"),
        (
            json!({"messages": [{"role": "user", "content": "Hi", "function_call": {"name": "f"}}]}),
            "messages[0].function_call",
        ),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"chat_template_kwargs": "thinking"}), "chat_template_kwargs"),
        // Fields that change the answer, of OpenAI, vLLM, SGLang, llama.cpp, ollama, and an unknown one.
        (json!({"logit_bias": {"5": 1}}), "logit_bias"),
        (json!({"functions": [{"name": "f"}]}), "functions"),
        (json!({"web_search_options": {"search_context_size": "low"}}), "web_search_options"),
        (json!({"modalities": ["audio"]}), "modalities"),
        (json!({"verbosity": "low"}), "verbosity"),
        (json!({"guided_json": {"type": "object"}}), "guided_json"),
        (json!({"ignore_eos": true}), "ignore_eos"),
        (json!({"stop_token_ids": [1]}), "stop_token_ids"),
        (json!({"regex": "a+"}), "regex"),
        (json!({"mirostat": 2}), "mirostat"),
        (json!({"options": {"num_ctx": 8192}}), "options"),
        (json!({"no_such_field": 1}), "no_such_field"),
        (json!({"response_format": {"type": "text", "more": 1}}), "response_format.more"),
        (json!({"reasoning_effort": "much"}), "reasoning_effort"),
        (json!({"reasoning_effort": 3}), "reasoning_effort"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 100}}), "thinking.budget_tokens"),
    ] {
        refused(chat(&address, more), param);
    }
    for (more, param) in [
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"prompt": [[1, 2], [3]]}), "prompt"),
        (json!({"prompt": {"text": "a"}}), "prompt"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"messages": []}), "messages"),
    ] {
        let (status, reply) = complete(&address, more.clone());
        if more["messages"].is_array() {
            assert_eq!(status, 200, "an empty list says nothing: {reply}");
        } else {
            refused((status, reply), param);
        }
    }
    let (status, reply) = chat(&address, json!({"model": "gpt-4o"}));
    assert_eq!(
        (status, &reply["error"]["code"], &reply["error"]["param"]),
        (404, &json!("model_not_found"), &json!("model"))
    );
    let (status, reply) = complete(&address, json!({"model": "gpt-4o"}));
    assert_eq!((status, &reply["error"]["code"]), (404, &json!("model_not_found")));
    choice_and_prompt_tokens(chat(&address, json!({"model": "guide-model"})));
    let hi = json!([{"role": "user", "content": "Hi"}]);
    let tokenize = |more: Value| {
        let mut body = json!({"messages": hi, "model": null, "tools": null, "user": "somebody"});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        post(&address, "/tokenize", &body)
    };
    let (status, counted) = tokenize(json!({}));
    assert_eq!(
        (status, counted["count"].as_u64()),
        (200, Some(choice_and_prompt_tokens(chat(&address, json!({}))).1)),
        "{counted}"
    );
    assert_eq!(tokenize(json!({"model": "gpt-4o"})).0, 404);
    refused(tokenize(json!({"no_such_field": 1})), "no_such_field");
}

#[test]
fn reasoning_effort_switches_a_hybrid_model() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut worker = Worker::start(&hybrid(folder.path()), &[]);
    let address = worker.ready();
    let prompt = |more: Value| choice_and_prompt_tokens(chat(&address, more)).1;
    let kwargs = |on: bool| prompt(json!({"chat_template_kwargs": {"thinking": on}}));
    // V3.1 writes <think> or </think> behind the question, which the answer's place tells apart.
    let thinks = |more: Value| {
        choice_and_prompt_tokens(chat(&address, more)).0["message"]["reasoning_content"].is_string()
    };
    assert!(thinks(json!({"chat_template_kwargs": {"thinking": true}})));
    for (more, on) in [
        (json!({"reasoning_effort": "high"}), true),
        (json!({"reasoning_effort": "low"}), true),
        (json!({"reasoning_effort": "none"}), false),
        (json!({"thinking": {"type": "enabled"}}), true),
        (json!({"thinking": {"type": "disabled"}}), false),
        (json!({"enable_thinking": true}), true),
        (json!({"reasoning_effort": "high", "chat_template_kwargs": {"thinking": false}}), false),
        (json!({}), false),
    ] {
        assert_eq!((thinks(more.clone()), prompt(more.clone())), (on, kwargs(on)), "{more}");
    }
    refused(chat(&address, json!({"reasoning_effort": "high", "enable_thinking": false})), "enable_thinking");
    drop(worker);
    let mut plain = Worker::start(&guide().join("../../tests/fixtures/worker/coder"), &[]);
    let address = plain.ready();
    refused(chat(&address, json!({"reasoning_effort": "high"})), "reasoning_effort");
    choice_and_prompt_tokens(chat(&address, json!({"reasoning_effort": "none"})));
}

/// Status line, headers and body of the response to these bytes.
fn raw(address: &str, request: &str) -> (String, String, String) {
    let mut socket =
        TcpStream::connect(address.strip_prefix("http://").expect("an address")).expect("it listens");
    socket.write_all(request.as_bytes()).expect("sent");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("an answer");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
    let (status, head) = head.split_once("\r\n").expect("a status line");
    (status.to_owned(), head.to_ascii_lowercase(), body.to_owned())
}

fn request(method: &str, path: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\n{head}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

#[test]
fn every_refusal_has_a_body_of_the_protocol() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    let key = format!("host: x\r\nauthorization: Bearer {KEY}\r\n");
    let json_key = format!("{key}content-type: application/json\r\n");
    let large = format!("{{\"messages\": \"{}\"}}", "x".repeat(65 << 20));
    for (request, status, code) in [
        (request("GET", "/nowhere", &key, ""), 404, "not_found"),
        (request("GET", "/v1/chat/completions", &key, ""), 405, "method_not_allowed"),
        (request("DELETE", "/health", &key, ""), 405, "method_not_allowed"),
        (request("POST", "/v1/chat/completions", &key, "{}"), 415, "unsupported_media_type"),
        (
            request("POST", "/v1/completions", &format!("{key}content-type: text/plain\r\n"), "{}"),
            415,
            "unsupported_media_type",
        ),
        (request("POST", "/v1/chat/completions", &json_key, "{"), 400, "invalid_input"),
        (request("POST", "/v1/chat/completions", &json_key, "[]"), 400, "invalid_input"),
        (request("POST", "/v1/chat/completions", &json_key, "\u{1}"), 400, "invalid_input"),
        (request("GET", "/v1/models", "host: x\r\n", ""), 401, "invalid_api_key"),
        (request("GET", "/v1/models/gpt-4o", &key, ""), 404, "model_not_found"),
        (request("POST", "/v1/chat/completions", &json_key, &large), 413, "request_too_large"),
    ] {
        let excerpt: String = request.chars().take(120).collect();
        let (line, head, body) = raw(&address, &request);
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{line}: {excerpt}");
        assert!(head.contains("content-type: application/json"), "{head}: {excerpt}");
        let body: Value =
            serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}: {excerpt}"));
        assert_eq!(body["error"]["code"], code, "{excerpt}");
        assert!(body["error"]["message"].as_str().is_some_and(|text| text.len() > 10), "{body}");
    }
    let (line, head, _) = raw(&address, &request("PUT", "/v1/models", &key, ""));
    assert!(line.contains("405") && head.contains("allow: get"), "{head}");
}

#[test]
fn a_key_is_read_in_each_way_that_clients_show_it() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    for (head, status) in [
        (format!("Authorization: Bearer {KEY}"), 200),
        (format!("authorization: bearer {KEY}"), 200),
        (format!("AUTHORIZATION: BEARER   {KEY} "), 200),
        (format!("x-api-key: {KEY}"), 200),
        (format!("api-key: {KEY}"), 200),
        (format!("authorization: Basic {KEY}"), 401),
        (format!("authorization: {KEY}"), 401),
        ("x-api-key: other".to_owned(), 401),
        (format!("authorization: Bearer other\r\nx-api-key: {KEY}"), 401),
    ] {
        let (line, _, body) =
            raw(&address, &request("GET", "/v1/models", &format!("host: x\r\n{head}\r\n"), ""));
        assert!(line.contains(&status.to_string()), "{head}: {line} {body}");
    }
    let models = raw(
        &address,
        &request("GET", "/v1/models/guide-model", &format!("host: x\r\nx-api-key: {KEY}\r\n"), ""),
    );
    assert!(models.0.contains("200") && models.2.contains("\"guide-model\""), "{models:?}");
}

/// A worker without a key, as a user starts it in a terminal.
fn keyless(more: &[&str]) -> (Worker, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"));
    command.args(["serve", "--model"]).arg(guide()).args(more).stdout(Stdio::piped());
    let mut worker = Worker::from_child(command.spawn().expect("the worker starts"));
    let address = worker.ready();
    (worker, address)
}

#[test]
fn without_a_key_only_this_computer_s_names_are_answered() {
    let (_worker, address) = keyless(&["--allow-host", "deck.example"]);
    let status = |path: &str, head: &str| raw(&address, &request("GET", path, head, "")).0;
    for (head, fine) in [
        ("host: localhost\r\n", true),
        ("host: 127.0.0.1:1234\r\n", true),
        ("host: deck.example:80\r\n", true),
        ("host: localhost\r\norigin: http://localhost:5173\r\n", true),
        ("host: evil.example\r\n", false),
        ("host: localhost\r\nhost: evil.example\r\n", false),
        ("host: localhost\r\norigin: http://evil.example\r\n", false),
        ("host: localhost\r\norigin: null\r\n", false),
    ] {
        for path in ["/v1/models", "/health", "/nowhere"] {
            let status = status(path, head);
            // Two hosts are refused by HTTP itself.
            assert_eq!(
                status.contains(" 403 ") || status.contains(" 400 "),
                !fine,
                "{path} {head}: {status}"
            );
        }
    }
    let (line, _, body) = raw(&address, &request("GET", "/v1/models", "host: evil.example\r\n", ""));
    let body: Value = serde_json::from_str(&body).expect("it is JSON");
    assert!(line.contains("403") && body["error"]["code"] == "host_not_allowed", "{body}");
}

#[test]
fn the_command_line_refuses_what_it_cannot_do_and_says_its_own_name() {
    let version =
        Command::new(env!("CARGO_BIN_EXE_whaledeck-engine")).arg("--version").output().expect("it runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert_eq!(version, format!("whaledeck-engine {}\n", env!("CARGO_PKG_VERSION")));
    for (args, message) in [
        (["--sequences", "9"], "8"),
        (["--sequences", "0"], "1"),
        (["--context", "0"], "1"),
        (["--context", "many"], "--context"),
    ] {
        let error = usage_error(&guide(), &args);
        assert!(error.contains(message) && error.contains(args[0]), "{error}");
    }
    let mut worker = Worker::start(&guide(), &["--context", "999999"]);
    let error = worker.wait_for("failed").0["error"].clone();
    assert_eq!(
        (&error["code"], &error["detail"]["most"]),
        (&json!("invalid_input"), &json!(2048)),
        "{error}"
    );
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("999999") && text.contains("2048")),
        "{error}"
    );
    let mut worker = Worker::start(&guide(), &["--context", "2048", "--sequences", "8"]);
    assert_eq!(worker.wait_for("ready").0["context_length"], 2048);
}

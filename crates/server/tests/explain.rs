//! What the worker tells of its own computation, with the real program: traces of tokens equal the router's
//! log and the drafts' counts, and each route of the page "How it works" follows the model that is loaded.
mod worker_program;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use worker_program::{Worker, get, post, stream};

fn guide() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/guide-model")
}

/// A random Coder-V2-Lite.
fn coder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/worker/coder.gguf")
}

fn chat(more: Value) -> Value {
    let mut body = json!({
        "messages": [{"role": "user", "content": "What is a mixture of experts? What is a mixture of experts?"}],
        "temperature": 0, "max_tokens": 60, "return_routed_experts": true,
    });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    body
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The log of the last answer in the form of the traces.
fn logged(address: &str) -> Vec<(Value, Vec<Value>)> {
    let log = get(address, "/v1/whaledeck/routing");
    let layers =
        |token: &Value| list(&token["layers"]).iter().map(|layer| layer["experts"].clone()).collect();
    list(&log["tokens"]).iter().map(|token| (token["id"].clone(), layers(token))).collect()
}

fn traced(tokens: &[Value]) -> Vec<(Value, Vec<Value>)> {
    tokens.iter().map(|token| (token["id"].clone(), list(&token["experts"]).clone())).collect()
}

fn sum(value: &Value) -> u64 {
    list(value).iter().map(|count| count.as_u64().expect("a count")).sum()
}

#[test]
fn traces_equal_the_log_of_the_router_and_the_counts_of_the_drafts() {
    let mut texts = Vec::new();
    for (model, speculation, n_experts) in
        [(guide(), "auto", 32), (guide(), "off", 32), (coder(), "auto", 0), (coder(), "off", 0)]
    {
        let mut worker = Worker::start(&model, &["--speculation", speculation]);
        let address = worker.ready();
        let (status, reply) = post(&address, "/v1/chat/completions", &chat(json!({})));
        assert_eq!(status, 200, "{reply}");
        let message = &reply["choices"][0]["message"];
        let (shape, tokens) = (&message["whaledeck"]["experts"], list(&message["whaledeck"]["tokens"]));
        let log = logged(&address);
        assert!(log.len() > 8, "{reply}");
        assert_eq!(traced(tokens), log, "one body, {model:?}");
        if n_experts > 0 {
            assert_eq!(shape["n_routed_experts"], n_experts);
        }
        let (layers, top_k) = (list(&shape["layers"]).len(), shape["num_experts_per_tok"].as_u64());
        for token in tokens {
            let experts = list(&token["experts"]);
            assert_eq!(experts.len(), layers);
            assert!(experts.iter().all(|layer| Some(list(layer).len() as u64) == top_k), "{token}");
        }
        let text: String = tokens.iter().map(|token| token["text"].as_str().expect("text")).collect();
        // Random tokens end in the middle of characters, which only the whole text joins.
        if n_experts > 0 {
            assert_eq!(text.trim(), message["content"].as_str().expect("text").trim());
        }
        texts.push(text);

        let drafts = &reply["usage"]["whaledeck"]["drafts"];
        let drafted = tokens.iter().filter(|token| token["drafted"] == true).count() as u64;
        let rejected = tokens.iter().filter(|token| token["rejected"].is_string()).count() as u64;
        assert_eq!(drafted, sum(&drafts["accepted"]), "{drafts}");
        // The answer may end at a token whose draft was another one.
        let refused = sum(&drafts["offered"]) - sum(&drafts["accepted"]);
        assert!((rejected..=rejected + 1).contains(&refused), "{rejected} {drafts}");
        assert_eq!(list(&drafts["pauses"]).len() as u64, drafts["switched_off"].as_u64().expect("a count"));
        if speculation == "off" {
            assert_eq!((drafted, rejected), (0, 0));
        }

        // The same in a stream, where the first delta has the shape.
        let deltas: Vec<Value> = stream(&address, "/v1/chat/completions", &chat(json!({"stream": true})));
        let delta = |chunk: &Value| chunk["choices"][0]["delta"]["whaledeck"].clone();
        assert_eq!(&delta(&deltas[0])["experts"], shape);
        let streamed: Vec<Value> =
            deltas.iter().filter_map(|chunk| delta(chunk)["tokens"].as_array().cloned()).flatten().collect();
        assert_eq!(traced(&streamed), logged(&address), "a stream, {model:?}");
        // Without the field nothing is told.
        let (_, reply) =
            post(&address, "/v1/chat/completions", &chat(json!({"return_routed_experts": false})));
        assert!(reply["choices"][0]["message"]["whaledeck"].is_null(), "{reply}");
    }
    assert_eq!(texts[0], texts[1], "drafts change no token");
    assert_eq!(texts[2], texts[3], "drafts change no token");
}

#[test]
fn a_text_is_routed_as_the_same_tokens_of_a_prompt() {
    let mut seen = Vec::new();
    for model in [guide(), coder()] {
        let mut worker = Worker::start(&model, &[]);
        let address = worker.ready();
        let text = "The whale dives";
        let ask = || post(&address, "/v1/whaledeck/prompt_routing", &json!({ "text": text })).1;
        let (first, again) = (ask(), ask());
        assert_eq!(first, again, "kept prompts are computed again");
        let tokens = list(&first["tokens"]);
        let read: String = tokens.iter().map(|token| token["token"].as_str().expect("text")).collect();
        assert_eq!(read, text);
        // The pass over the last token predicts the first of an answer.
        let body = json!({"prompt": text, "max_tokens": 2, "temperature": 0});
        assert_eq!(post(&address, "/v1/completions", &body).0, 200);
        let layers = |token: &Value| -> Vec<Value> {
            list(&token["layers"]).iter().map(|layer| layer["experts"].clone()).collect()
        };
        assert_eq!(logged(&address)[0].1, layers(tokens.last().expect("tokens")));
        let n_experts = first["experts"]["n_routed_experts"].as_u64().expect("a count") as usize;
        assert!(list(&first["bias"]).iter().all(|bias| [0, n_experts].contains(&list(bias).len())));
        seen.push((n_experts, list(&first["bias"]).iter().map(|bias| list(bias).len()).sum::<usize>()));
    }
    // The Guide is a V3, whose router has a bias; a V2 has none.
    assert!(seen[0].1 > 0 && seen[1].1 == 0, "{seen:?}");
}

#[test]
fn the_distribution_of_the_next_token_is_the_one_it_is_drawn_from() {
    let mut worker = Worker::start(&guide(), &[]);
    let address = worker.ready();
    let messages = json!([{"role": "user", "content": "What is the capital of France?"}]);
    let ask = |messages: &Value, samplings: Value| {
        let body = json!({"messages": messages, "samplings": samplings, "count": 8});
        let (status, reply) = post(&address, "/v1/whaledeck/next_token", &body);
        assert_eq!(status, 200, "{reply}");
        list(&reply["distributions"]).clone()
    };
    let samplings = json!([{"temperature": 0}, {"temperature": 1.0}, {"temperature": 2.0}, {"top_p": 0.01}]);
    let all = ask(&messages, samplings);
    let first = |at: usize| all[at][0]["probability"].as_f64().expect("a number");
    assert_eq!((list(&all[0]).len(), first(0)), (1, 1.0));
    assert_eq!((list(&all[3]).len(), first(3)), (1, 1.0), "top_p keeps the most likely token");
    assert!(first(1) > first(2), "a higher temperature is flatter: {all:?}");
    assert!(all.iter().all(|tokens| tokens[0]["id"] == all[0][0]["id"]), "{all:?}");
    for tokens in &all {
        let total: f64 = list(tokens).iter().map(|t| t["probability"].as_f64().expect("a number")).sum();
        assert!(
            total <= 1.0 + 1e-5
                && list(tokens).is_sorted_by(|a, b| a["probability"].as_f64() >= b["probability"].as_f64())
        );
    }
    let (_, reply) = post(&address, "/v1/chat/completions", &chat(json!({"messages": messages})));
    let token = &reply["choices"][0]["message"]["whaledeck"]["tokens"][0];
    assert_eq!(token["id"], all[0][0]["id"]);
    // With a beginning the next token is another one, and the frequency penalty counts the beginning.
    let begun = token["text"].as_str().expect("text").to_owned();
    let mut more = list(&messages).clone();
    more.push(json!({"role": "assistant", "content": begun, "prefix": true}));
    let more = ask(
        &Value::from(more),
        json!([{"temperature": 1.0}, {"temperature": 1.0, "frequency_penalty": 2.0}]),
    );
    assert_ne!(more[0][0]["id"], all[0][0]["id"]);
    let probability = |tokens: &Value| -> f64 {
        let found = list(tokens).iter().find(|other| other["id"] == token["id"]);
        found.map_or(0.0, |found| found["probability"].as_f64().expect("a number"))
    };
    assert!(probability(&more[1]) <= probability(&more[0]), "{more:?}");
    let body = json!({"messages": messages, "samplings": [{}], "count": 8, "temperature": 1});
    assert_eq!(post(&address, "/v1/whaledeck/next_token", &body).0, 400, "a field that nothing reads");
}

#[test]
fn all_experts_and_a_block_in_fp8_are_of_the_loaded_model() {
    let mut tensors = Vec::new();
    for model in [guide(), coder()] {
        let mut worker = Worker::start(&model, &[]);
        let address = worker.ready();
        let body = json!({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 6});
        let (status, reply) = post(&address, "/v1/whaledeck/all_experts", &body);
        assert_eq!(status, 200, "{reply}");
        let count = |name: &str| reply["parameters"][name].as_u64().expect("a count");
        assert!(count("active") < count("total") && count("experts") < count("total"), "{reply}");
        for part in ["routed", "all"] {
            assert!(reply[part]["token_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{reply}");
        }
        // An answer with all experts is that of another model: the next question is answered by the router's.
        assert_eq!(post(&address, "/v1/chat/completions", &chat(json!({}))).0, 200);
        let log = logged(&address);
        let top_k = get(&address, "/v1/whaledeck/routing")["experts"].as_u64().expect("a count");
        assert!(log.iter().all(|(_, layers)| layers.iter().all(|layer| (list(layer).len() as u64) < top_k)));

        let (status, block) = post(&address, "/v1/whaledeck/fp8", &json!({}));
        assert_eq!(status, 200, "{block}");
        let numbers = |name: &str| -> Vec<f64> {
            list(&block[name]).iter().map(|value| value.as_f64().expect("a number")).collect()
        };
        let (values, fp8, scale) =
            (numbers("values"), numbers("fp8"), block["scale"].as_f64().expect("a number"));
        assert_eq!(values.len() as u64, block["rows"].as_u64().unwrap() * block["cols"].as_u64().unwrap());
        let within =
            |(value, fp8): (&f64, &f64)| (value - fp8).abs() <= value.abs() / 16.0 + scale / 1024.0 + 1e-9;
        assert!(values.iter().zip(&fp8).all(within));
        assert!(values.iter().zip(&fp8).any(|(value, fp8)| value != fp8) || block["dtype"] == "F8_E4M3");
        // As the weights are multiplied: an FP8 file has its values without their scale.
        let weights = checkpoint::open(&model).expect("the files are there").weights;
        let name = block["tensor"].as_str().expect("a name");
        let stored = |name: &str| weights.tensor(name).map(|view| f64::from(view.to_f32()[0]));
        let scale = stored(&format!("{name}_scale_inv")).unwrap_or(1.0);
        let first = stored(name).expect("it is there") * scale;
        assert!((values[0] - first).abs() <= first.abs() * 1e-6, "{} and {first}", values[0]);
        tensors.push(values);
    }
    assert_ne!(tensors[0], tensors[1]);
}

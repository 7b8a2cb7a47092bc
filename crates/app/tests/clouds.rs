//! A chat with a cloud service, from the key to the answer, and its errors. A key is in no file, event or
//! error.
mod common;

use std::path::Path;
use std::sync::{Arc, Mutex};

use app::App;
use common::{open_for, send, service};
use contract::{
    AppEvent, ConnectionStep, EndpointChange, EndpointSpec, ErrorCode, KeyPlace, MessageState, MessageView,
    SendRequest, StepState,
};
use testkit::{CloudResponse, StreamEnd, TRANSFORMERS, TestCloud};

const KEY: &str = "sk-marked-0815-4711";

#[derive(Default)]
struct RecordingHost(Mutex<Vec<AppEvent>>);

impl app::Host for RecordingHost {
    fn emit(&self, event: AppEvent) {
        self.0.lock().expect("no panic").push(event);
    }
}

async fn open(data: &Path) -> App {
    open_for(data, Arc::new(RecordingHost::default())).await
}

fn spec(provider: &str, address: &str) -> EndpointSpec {
    service(provider, address, &format!(" {KEY}\n"))
}

fn ask(chat_id: &str, parent: Option<&MessageView>, text: &str) -> SendRequest {
    SendRequest {
        chat_id: chat_id.into(),
        parent_id: parent.map(|message| message.id.clone()),
        text: text.into(),
        retry_of: None,
        continue_of: None,
        ..SendRequest::default()
    }
}

/// Every byte of every file under a folder.
fn files(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let entries =
        std::fs::read_dir(folder).expect("is a folder").map(|entry| entry.expect("an entry").path());
    let of = |path: std::path::PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![(path.clone(), std::fs::read(&path).expect("is read"))]
        }
    };
    entries.flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_an_address_and_a_name_are_changed_in_place() {
    let data = tempfile::tempdir().expect("a folder");
    let [before, after] = [
        TestCloud::start(KEY).await.expect("starts"),
        TestCloud::start("sk-marked-new").await.expect("starts"),
    ];
    let app = open(data.path()).await;
    let wrong = EndpointSpec { key: "sk-marked-old".into(), ..spec("deepseek", before.address()) };
    let id = app.endpoint_add(wrong).await.expect("is added").id;
    let test = async || app.endpoint_test(&id, None).await.expect("is tested").error.map(|error| error.code);
    assert_eq!(test().await, Some(ErrorCode::KeyRefused));
    let sealed = || std::fs::read_to_string(data.path().join("keys.sealed.json")).expect("is there");
    let old = sealed();
    let key = |key: &str| EndpointChange { key: Some(key.into()), ..EndpointChange::default() };
    let changed = app.endpoint_change(&id, key(&format!(" {KEY}\n"))).await.expect("is changed");
    assert_eq!((changed.id.as_str(), changed.name.as_str()), ("deepseek", "DeepSeek"));
    assert_eq!(test().await, None);
    assert_ne!(sealed(), old);
    assert_eq!(sealed().matches('[').count(), 1, "the old key is forgotten: {}", sealed());
    for bad in ["", "two words", "schlüssel"] {
        let error = app.endpoint_change(&id, key(bad)).await.expect_err("is refused");
        assert_eq!(error.code, ErrorCode::InvalidInput);
    }
    assert_eq!(test().await, None, "a refused change changes nothing");

    // A key of another server must be entered again.
    let address =
        |address: &str| EndpointChange { address: Some(address.into()), ..EndpointChange::default() };
    let elsewhere = app.endpoint_change(&id, address(after.address())).await.expect_err("is refused");
    assert_eq!(elsewhere.code, ErrorCode::InvalidInput);
    let moved = EndpointChange {
        name: Some("My DeepSeek".into()),
        key: Some("sk-marked-new".into()),
        models: Some(vec![" mine ".into(), String::new()]),
        ..address(after.address())
    };
    let moved = app.endpoint_change(&id, moved).await.expect("is changed");
    assert_eq!((moved.id.as_str(), moved.name.as_str()), ("deepseek", "My DeepSeek"));
    let names: Vec<_> = moved.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["mine"], "what the other one listed is not offered");
    assert_eq!(test().await, None);
    assert!(after.requests().iter().all(|asked| !format!("{asked:?}").contains(KEY)));
    let other_path = format!("{}/lab/v1", after.address().trim_end_matches("/v1"));
    app.endpoint_change(&id, address(&other_path)).await.expect("the same server keeps its key");
    assert_eq!(
        app.endpoint_change("nobody", key("sk")).await.expect_err("is missing").code,
        ErrorCode::EndpointNotFound
    );
    assert!(files(data.path()).iter().all(|(_, bytes)| !bytes.windows(9).any(|some| some == b"sk-marked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_becomes_a_chat_and_is_in_no_file() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let app = open(data.path()).await;
    let added = app.endpoint_add(spec("deepseek", cloud.address())).await.expect("is added");
    assert_eq!(
        (added.id.as_str(), added.name.as_str(), added.key_place),
        ("deepseek", "DeepSeek", KeyPlace::File)
    );
    assert!(added.continues && added.unused.contains(&"seed".to_owned()), "{added:?}");
    assert!(added.unused_while_thinking.contains(&"temperature".to_owned()), "{added:?}");

    let test = app.endpoint_test("deepseek", None).await.expect("is tested");
    assert_eq!(test.error, None);
    let states: Vec<_> = test.steps.iter().map(|step| step.state).collect();
    use StepState::{Passed, Skipped};
    assert_eq!(states, [Passed, Passed, Skipped, Passed, Passed, Passed], "no TLS on loopback");
    assert_eq!(test.model.as_deref(), Some("deepseek-flash"));
    let ids: Vec<_> = test.endpoint.models.iter().map(|model| model.id.as_str()).collect();
    assert_eq!(ids, ["cloud:deepseek/deepseek-flash", "cloud:deepseek/deepseek/v4-pro"]);
    assert!(cloud.requests().last().expect("was asked").body.contains("\"max_tokens\":1"));

    let chat = app.chat_create(ids[1]).await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    sampling.top_p = 0.8;
    sampling.thinking = contract::Thinking::Off;
    app.chat_update(&chat.id, ids[1], "custom", sampling, "Be brief.").await.expect("is kept");
    let first = send(&app, ask(&chat.id, None, "What is a whale?")).await.expect("answers");
    assert_eq!(
        (first.text.as_str(), first.reasoning.as_str(), first.state),
        ("A whale 是鲸。", "想一想", MessageState::Done)
    );
    let stats = first.stats.clone().expect("has counts");
    assert_eq!((stats.model_id.as_str(), stats.completion_tokens), (ids[1], 6), "it remembers where it ran");
    let second = send(&app, ask(&chat.id, Some(&first), "And?")).await.expect("answers");
    assert_eq!(second.state, MessageState::Done);
    let body: serde_json::Value =
        serde_json::from_str(&cloud.requests().last().expect("was asked").body).expect("is JSON");
    assert_eq!(body["model"], "deepseek/v4-pro");
    assert_eq!(body["thinking"]["type"], "disabled");
    assert!(body["top_p"].to_string().starts_with("0.8"), "{body}");
    let said: Vec<_> = body["messages"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["content"].as_str().expect("text"))
        .collect();
    assert_eq!(said, ["Be brief.", "What is a whale?", "A whale 是鲸。", "And?"]);

    // A service repeats the key in its error: neither the history nor the event contains it.
    cloud.set_chat_response(CloudResponse::json(
        "400 Bad Request",
        format!("{{\"error\":{{\"message\":\"bad {KEY}\"}}}}"),
    ));
    let refused = send(&app, ask(&chat.id, Some(&second), "Again")).await.expect("begins");
    let error = refused.error.clone().expect("an error");
    assert_eq!((error.code, error.detail["reason"].as_str()), (ErrorCode::EndpointRefused, "bad …"));

    drop(app);
    let again = open(data.path()).await;
    assert_eq!(again.endpoints().await.expect("lists").len(), 1);
    assert_eq!(
        again.endpoint_test("deepseek", Some("m")).await.expect("is tested").error.expect("fails").code,
        ErrorCode::EndpointRefused
    );
    let kept = files(data.path());
    assert!(kept.iter().any(|(path, _)| path.ends_with("keys.sealed.json")) && kept.len() >= 4, "{kept:?}");
    for (path, bytes) in &kept {
        assert!(
            !bytes.windows(KEY.len()).any(|some| some == KEY.as_bytes()),
            "{} holds the key",
            path.display()
        );
    }
    let shown = format!(
        "{:?} {:?} {:?}",
        spec("deepseek", ""),
        again.endpoints().await,
        again.chat_get(&chat.id).await
    );
    assert!(!shown.contains(KEY));

    again.endpoint_remove("deepseek").await.expect("is removed");
    assert_eq!(again.endpoints().await.expect("lists"), []);
    let sealed = std::fs::read_to_string(data.path().join("keys.sealed.json")).expect("is there");
    assert!(sealed.contains("\"keys\": {}"), "{sealed}");
    let gone = send(&again, ask(&chat.id, Some(&second), "There?")).await.expect("begins");
    assert_eq!(gone.error.expect("an error").code, ErrorCode::EndpointNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_failure_has_a_step_and_a_code() {
    use ConnectionStep::{Connect, Key, Models, Name, Tls, Token};
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start("sk-another").await.expect("starts");
    let app = open(data.path()).await;
    let check = async |address: &str| {
        let id = app.endpoint_add(spec("custom", address)).await.expect("is added").id;
        let test = app.endpoint_test(&id, None).await.expect("is tested");
        let failed = test.steps.iter().find(|step| step.state == StepState::Failed).map(|step| step.step);
        app.endpoint_remove(&id).await.expect("is removed");
        (failed, test.error.map(|error| error.code))
    };
    let failed_at = |step, code| (Some(step), Some(code));
    assert_eq!(check("https://no-such-name.invalid").await, failed_at(Name, ErrorCode::EndpointUnreachable));
    // The error of a server on this computer does not mention the internet.
    for local in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.8.8.8:1"] {
        assert_eq!(check(local).await, failed_at(Connect, ErrorCode::LocalServerUnreachable), "{local}");
    }
    let secure = cloud.address().replace("http://", "https://");
    assert_eq!(check(&secure).await, failed_at(Tls, ErrorCode::EndpointNotTrusted));
    assert_eq!(check(cloud.address()).await, failed_at(Key, ErrorCode::KeyRefused));
    let cloud = TestCloud::start(KEY).await.expect("starts");
    cloud.set_models_response(CloudResponse::new("200 OK", "text/html", "<html>a page</html>"));
    assert_eq!(check(cloud.address()).await, failed_at(Models, ErrorCode::EndpointGarbled));
    cloud.set_models_response(CloudResponse::json("404 Not Found", ""));
    assert_eq!(check(cloud.address()).await, failed_at(Models, ErrorCode::InvalidInput), "nothing to ask");
    cloud.set_models_response(CloudResponse::json("200 OK", "{\"data\":[{\"id\":\"m\"}]}"));
    for (answer, code) in [
        (CloudResponse::json("402 Payment Required", ""), ErrorCode::NoCredit),
        (
            CloudResponse::json("429 Too Many Requests", "").with("retry-after", "3"),
            ErrorCode::EndpointRateLimited,
        ),
        (CloudResponse::json("503 Service Unavailable", ""), ErrorCode::EndpointFailed),
        (
            CloudResponse::json("302 Found", "").with("location", "https://x.example"),
            ErrorCode::EndpointMoved,
        ),
        (CloudResponse::stream("data: {"), ErrorCode::EndpointCut),
    ] {
        cloud.set_chat_response(answer);
        assert_eq!(check(cloud.address()).await, failed_at(Token, code));
    }
}

/// `transformers serve` on a computer where nothing was ever downloaded: its list fails, the named model
/// answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_model_answers_where_the_list_fails() {
    let data = tempfile::tempdir().expect("a folder");
    let app = open(data.path()).await;
    let cloud = TestCloud::start(KEY).await.expect("starts");
    cloud.set_models_response(CloudResponse::new(
        "500 Internal Server Error",
        "text/plain",
        "Internal Server Error",
    ));
    cloud.set_chat_response(CloudResponse::stream(TRANSFORMERS));
    let unnamed = app.endpoint_add(spec("custom", cloud.address())).await.expect("is added");
    let test = app.endpoint_test(&unnamed.id, None).await.expect("is tested");
    assert_eq!(test.error.expect("nothing to ask").code, ErrorCode::EndpointFailed);
    let spec = EndpointSpec { models: vec!["/models/guide".into()], ..spec("custom", cloud.address()) };
    let named = app.endpoint_add(spec).await.expect("is added");
    let test = app.endpoint_test(&named.id, None).await.expect("is tested");
    assert_eq!((&test.error, test.model.as_deref()), (&None, Some("/models/guide")));
    use StepState::{Absent, Passed, Skipped};
    let states: Vec<_> = test.steps.iter().map(|step| step.state).collect();
    assert_eq!(states, [Passed, Passed, Skipped, Passed, Absent, Passed], "the list was tried");
    let model = test.endpoint.models.first().expect("is offered");
    let chat = app.chat_create(&model.id).await.expect("a chat");
    let answer = send(&app, ask(&chat.id, None, "What?")).await.expect("answers");
    assert_eq!((answer.text.as_str(), answer.error), ("A whale 是鲸。", None));
    assert!(cloud.requests().last().expect("was asked").body.contains("\"model\":\"/models/guide\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_answer_is_kept_and_goes_on_only_where_it_can() {
    let data = tempfile::tempdir().expect("a folder");
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let app = open(data.path()).await;
    for (provider, goes_on) in [("deepseek", true), ("siliconflow", false)] {
        app.endpoint_add(spec(provider, cloud.address())).await.expect("is added");
        let half = "data: {\"choices\":[{\"delta\":{\"content\":\"One, \"}}]}\n\n";
        cloud.set_chat_response(CloudResponse::stream(half).with_end(StreamEnd::Reset));
        let chat = app.chat_create(&format!("cloud:{provider}/m")).await.expect("a chat");
        let cut = send(&app, ask(&chat.id, None, "Count")).await.expect("begins");
        assert_eq!((cut.text.as_str(), cut.state), ("One, ", MessageState::Interrupted));
        assert_eq!(cut.error.as_ref().map(|error| error.code), Some(ErrorCode::EndpointCut));
        let rest = half.replace("One, ", "two.") + "data: [DONE]\n\n";
        cloud.set_chat_response(CloudResponse::stream(rest));
        let request = SendRequest { continue_of: Some(cut.id), ..ask(&chat.id, None, "") };
        let after = send(&app, request).await;
        if goes_on {
            assert_eq!(
                after.map(|message| (message.text, message.state)),
                Ok(("One, two.".into(), MessageState::Done))
            );
        } else {
            assert_eq!(after.expect_err("is refused").code, ErrorCode::ContinueUnsupported);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_added_is_refused_before_anything_is_kept() {
    let data = tempfile::tempdir().expect("a folder");
    let app = open(data.path()).await;
    let with_key = |key: &str| EndpointSpec { key: key.into(), ..spec("deepseek", "") };
    for wrong in [
        spec("nobody", ""),
        spec("azure", ""),
        spec("custom", ""),
        spec("custom", "http://api.example.com/v1"),
        spec("custom", &format!("https://api.example.com/v1?key={KEY}")),
        with_key(""),
        with_key("sk-one two"),
        with_key("密钥"),
    ] {
        let refused = app.endpoint_add(wrong.clone()).await.expect_err("is refused");
        assert_eq!(refused.code, ErrorCode::InvalidInput, "{wrong:?}");
        assert!(!format!("{refused:?}").contains(KEY), "{refused:?}");
    }
    assert_eq!(app.endpoints().await.expect("lists"), []);
    assert!(!data.path().join("keys.sealed.json").exists());
    let bare = EndpointSpec { key: String::new(), ..spec("custom", "http://127.0.0.1:9/v1") };
    assert_eq!(app.endpoint_add(bare).await.expect("is added").key_place, KeyPlace::Nowhere);
}

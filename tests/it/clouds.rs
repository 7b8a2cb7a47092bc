//! Cloud services from the command line, and a chat that moves between the worker and a service.
//! The service is `testkit`'s on loopback. Keys go to a sealed file, never to the keyring of the computer.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use contract::{AnswerEvent, EndpointSpec, EndpointTest, EndpointView, StepState};
use testkit::{CloudResponse, TestCloud};

use crate::host::{ONE_WORKER, ask, open};
use crate::programs::{LANGS, ProgramOutput, cli, run};

const KEY: &str = "sk-marked-cli-4711";

fn endpoints(data: &Path, lang: &str, args: &[&str]) -> Command {
    let mut command = cli(data, lang);
    // The tests must not use the keyring of the user who runs them.
    command.env("WHALEDECK_KEYS", "file").arg("endpoints").args(args);
    command
}

/// Passes the key on the standard input.
fn add(data: &Path, lang: &str, args: &[&str], key: &str) -> ProgramOutput {
    let mut command = endpoints(data, lang, args);
    let mut program = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    program.stdin.take().expect("is piped").write_all(key.as_bytes()).expect("is typed");
    ProgramOutput::of(program.wait_with_output().expect("it ends"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_adds_tests_asks_and_removes() {
    let cloud = TestCloud::start(KEY).await.expect("starts");
    let data = tempfile::tempdir().expect("a folder");
    let place = data.path();
    let result = run(&mut endpoints(place, LANGS[0], &["providers"]));
    assert_eq!(result.out.lines().count(), 13, "{result:?}");

    let args = ["add", "deepseek", "--address", cloud.address()];
    let added = add(place, LANGS[0], &args, &format!("{KEY}\n"));
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.out.contains("deepseek: DeepSeek") && added.out.contains("encrypted file"), "{added:?}");
    let tested = run(&mut endpoints(place, LANGS[1], &["test", "deepseek"]));
    assert!(tested.out.contains("密钥: 通过") && tested.out.contains("模型列表: 通过"), "{tested:?}");
    cloud.set_models_response(CloudResponse::json("404 Not Found", ""));
    for (lang, output) in LANGS.into_iter().zip([
        "Model list: not offered by the service, which is fine\n",
        "模型列表: 服务没有提供，不影响使用\n",
    ]) {
        let unlisted = run(&mut endpoints(place, lang, &["test", "deepseek", "--model", "deepseek-flash"]));
        assert!(unlisted.code == Some(0) && unlisted.out.contains(output), "{unlisted:?}");
    }
    cloud.set_models_response(CloudResponse::json("200 OK", "{\"data\":[{\"id\":\"deepseek-flash\"}]}"));
    let listed = run(&mut endpoints(place, LANGS[0], &["list", "--json"]));
    let list: Vec<EndpointView> = serde_json::from_str(&listed.out).expect("is JSON");
    assert_eq!(list[0].models[0].name, "deepseek-flash");

    let mut command = cli(place, LANGS[0]);
    let output = run(command.args(["ask", "--endpoint", "deepseek", "What is a whale?"]));
    // The output into a pipe is the answer only.
    let result = (output.code, output.out.as_str(), output.err.as_str());
    assert_eq!(result, (Some(0), "A whale 是鲸。\n", "Thinking:\n想一想\n\nAnswer:\n"));
    let mut command = cli(place, LANGS[0]);
    run(command.args(["ask", "--endpoint", "deepseek", "--model", "other", "And?"]));
    assert!(cloud.requests().last().expect("was asked").body.contains("\"model\":\"other\""));

    cloud.set_chat_response(CloudResponse::json("402 Payment Required", ""));
    let mut command = cli(place, LANGS[1]);
    let refused = run(command.args(["ask", "--endpoint", "deepseek", "More?"]));
    refused.refused(LANGS[1], "no_credit", "The account has no credit left", "账户余额不足");
    let failed = run(&mut endpoints(place, LANGS[0], &["test", "deepseek", "--json"]));
    let test: EndpointTest = serde_json::from_str(failed.out.trim()).expect("is JSON");
    assert_eq!(test.steps.last().map(|step| step.state), Some(StepState::Failed));
    assert_ne!(failed.code, Some(0));

    let wrong = add(place, LANGS[0], &["add", "azure"], KEY);
    wrong.refused(LANGS[0], "invalid_input", "This value is not allowed", "这个值不允许");
    let all = [&added, &tested, &listed, &output, &refused, &failed, &wrong];
    assert!(!format!("{all:?}").contains(KEY), "{all:?}");
    let removed = run(&mut endpoints(place, LANGS[0], &["remove", "deepseek"]));
    assert!(removed.out.contains("deepseek and its key are forgotten"), "{removed:?}");
    let mut command = cli(place, LANGS[1]);
    let gone = run(command.args(["ask", "--endpoint", "deepseek", "There?"]));
    gone.refused(LANGS[1], "endpoint_not_found", "This cloud service is not set up", "这个云服务还没有设置");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_moves_to_a_cloud_and_back() {
    let _alone = ONE_WORKER.lock().await;
    let cloud = TestCloud::with_auth_header(None).await.expect("starts");
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let spec = EndpointSpec {
        provider_id: "custom".into(),
        name: "Lab".into(),
        address: cloud.address().into(),
        // Without a key the keyring is not used.
        key: String::new(),
        models: vec!["big".into()],
    };
    let endpoint = app.endpoint_add(spec).await.expect("is added");
    assert_eq!(endpoint.models[0].id, "cloud:lab/big");
    let chat = app.chat_create("guide").await.expect("a chat");
    let chosen = contract::SamplingView { temperature: 0.0, top_p: 0.8, ..chat.sampling.clone() };
    app.chat_update(&chat.id, "guide", "custom", chosen.clone(), "Be brief.").await.expect("is kept");
    let mut texts = Vec::new();
    for model in ["guide", "cloud:lab/big", "guide"] {
        let now = app.chat_get(&chat.id).await.expect("reads");
        // Only the model changes: the sampling, the system prompt and the messages stay.
        assert_eq!((now.preset_id.as_str(), &now.sampling), ("custom", &chosen));
        app.chat_update(&chat.id, model, &now.preset_id, now.sampling, &now.system_prompt)
            .await
            .expect("is kept");
        let parent = now.messages.last().map(|message| message.id.clone());
        let events = ask_after(&app, &chat.id, parent, "What is MoE?").await;
        let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("it failed: {events:?}") };
        assert_eq!(message.stats.as_ref().expect("has counts").model_id, model);
        texts.push(message.text.clone());
    }
    assert_eq!(texts[1], "A whale 是鲸。");
    let body: serde_json::Value =
        serde_json::from_str(&cloud.requests().last().expect("was asked").body).expect("is JSON");
    assert_eq!(body["temperature"], 0.0);
    assert!(body["top_p"].to_string().starts_with("0.8"), "{body}");
    let output: Vec<_> =
        body["messages"].as_array().expect("a list").iter().map(|one| &one["content"]).collect();
    assert_eq!(output, ["Be brief.", "What is MoE?", texts[0].as_str(), "What is MoE?"]);
    app.worker_stop().await.expect("stops");
}

/// As [`ask`], after a message.
async fn ask_after(app: &app::App, chat_id: &str, parent_id: Option<String>, text: &str) -> Vec<AnswerEvent> {
    if parent_id.is_none() {
        return ask(app, chat_id, text).await;
    }
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let request = contract::SendRequest {
        chat_id: chat_id.into(),
        parent_id,
        text: text.into(),
        retry_of: None,
        continue_of: None,
        ..contract::SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        let last = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
        events.push(event);
        if last {
            break;
        }
    }
    events
}

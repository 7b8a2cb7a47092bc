//! One prompt to two cloud models on loopback: times, token counts and costs, an error on one side, and a
//! stop of both.
mod common;

use std::path::Path;
use std::time::Duration;

use app::App;
use contract::{
    CompareEvent, CompareRequest, CompareResult, CompareState, EndpointSpec, ErrorCode, ErrorView, Side,
};
use testkit::{CloudResponse, StreamEnd, TestCloud};

async fn open(data: &Path, clouds: [&TestCloud; 2]) -> App {
    let app = common::open(data).await;
    for (name, cloud) in ["One", "Two"].iter().zip(clouds) {
        let spec = EndpointSpec {
            provider_id: "custom".into(),
            name: (*name).into(),
            address: cloud.address().into(),
            key: String::new(),
            models: vec!["m".into()],
        };
        app.endpoint_add(spec).await.expect("is added");
    }
    app
}

fn request(text: &str) -> CompareRequest {
    CompareRequest {
        text: text.into(),
        system_prompt: "Be brief.".into(),
        left: "cloud:one/m".into(),
        right: "cloud:two/m".into(),
        sampling: None,
        when_busy: contract::WhenBusy::Ask,
    }
}

/// The text of a side, its result, and its error.
#[derive(Debug, Default)]
struct SideOutcome {
    asked: bool,
    text: String,
    reasoning: String,
    result: Option<CompareResult>,
    error: Option<ErrorView>,
}

async fn compare(app: &App, request: CompareRequest, stop_at_first: bool) -> [SideOutcome; 2] {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    app.compare_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    let mut received = [SideOutcome::default(), SideOutcome::default()];
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(30), events.recv()).await {
        let of = |side| usize::from(side == Side::Right);
        match event {
            CompareEvent::Asked { side } => received[of(side)].asked = true,
            CompareEvent::Delta { side, text, reasoning } => {
                received[of(side)].text += &text;
                received[of(side)].reasoning += &reasoning;
                if stop_at_first {
                    app.compare_stop().await.expect("stops");
                }
            }
            CompareEvent::Finished { side, result } => received[of(side)].result = Some(result),
            CompareEvent::Failed { side, result, error } => {
                (received[of(side)].result, received[of(side)].error) = (Some(result), Some(error));
            }
        }
    }
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clouds_answer_the_same_question_and_a_cost_needs_a_price() {
    let (one, two) = (
        TestCloud::with_auth_header(None).await.expect("starts"),
        TestCloud::with_auth_header(None).await.expect("starts"),
    );
    let data = tempfile::tempdir().expect("a folder");
    let app = open(data.path(), [&one, &two]).await;
    let prices = "version = 1\n[[price]]\nservice = 'one'\nmodel = 'm'\ncurrency = 'USD'\ninput = 1\noutput = 2\n\
        date = '2026-11-20'\nsource = 'https://one.example/pricing'\n";
    std::fs::write(data.path().join("prices.toml"), prices).expect("is written");
    let [left, right] = compare(&app, request("What is a whale?"), false).await;
    for (side, cloud) in [(&left, &one), (&right, &two)] {
        assert!(side.asked);
        assert_eq!((side.text.as_str(), side.reasoning.as_str()), ("A whale 是鲸。", "想一想"));
        let result = side.result.as_ref().expect("it ended");
        assert_eq!(
            (result.state, result.prompt_tokens, result.completion_tokens),
            (CompareState::Done, Some(9), Some(6))
        );
        assert!(result.first_token_ms.expect("a word came") <= result.total_ms);
        let body: serde_json::Value =
            serde_json::from_str(&cloud.requests().last().expect("was asked").body).expect("is JSON");
        assert_eq!(body["messages"][0]["content"], "Be brief.");
        assert_eq!(body["messages"][1]["content"], "What is a whale?");
    }
    let cost = left.result.expect("it ended").cost.expect("its price is known");
    assert!((cost.amount - 21e-6).abs() < 1e-12, "{cost:?}");
    assert_eq!((cost.date.as_str(), cost.source.as_str()), ("2026-11-20", "https://one.example/pricing"));
    assert_eq!(right.result.expect("it ended").cost, None);
    // A comparison is not stored as a chat.
    assert_eq!(app.chats().await.expect("lists"), []);

    std::fs::write(data.path().join("prices.toml"), "version = 1\n[[price]]\n").expect("is written");
    let [left, _] = compare(&app, request("Again"), false).await;
    let problem = left.result.expect("it ended").cost_problem.expect("an error");
    assert_eq!(problem.code, ErrorCode::PricesUnreadable);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_side_fails_alone_and_a_stop_ends_both() {
    let (one, two) = (
        TestCloud::with_auth_header(None).await.expect("starts"),
        TestCloud::with_auth_header(None).await.expect("starts"),
    );
    let data = tempfile::tempdir().expect("a folder");
    let app = open(data.path(), [&one, &two]).await;
    let half = "data: {\"choices\":[{\"delta\":{\"content\":\"One, \"}}]}\n\n";
    one.set_chat_response(CloudResponse::stream(half).with_end(StreamEnd::Reset));
    let [left, right] = compare(&app, request("Count"), false).await;
    assert_eq!((left.text.as_str(), left.error.expect("an error").code), ("One, ", ErrorCode::EndpointCut));
    assert_eq!(left.result.expect("it ended").state, CompareState::Failed);
    assert_eq!(right.result.expect("it ended").state, CompareState::Done);

    // Both sides hang after their first token. One stop ends both, and the next comparison may start.
    for cloud in [&one, &two] {
        cloud.set_chat_response(CloudResponse::stream(half).with_end(StreamEnd::Hang));
    }
    for side in compare(&app, request("Count"), true).await {
        assert_eq!(side.result.expect("it ended").state, CompareState::Stopped);
    }
    one.set_chat_response(CloudResponse::json("402 Payment Required", ""));
    let [left, _] = {
        two.set_chat_response(CloudResponse::stream(testkit::DEEPSEEK));
        compare(&app, request("Count"), false).await
    };
    let result = left.result.expect("it ended");
    assert_eq!((left.error.expect("an error").code, result.first_token_ms), (ErrorCode::NoCredit, None));

    let empty = app.compare_start(request(" "), Box::new(drop)).await.expect_err("is refused");
    assert_eq!(empty.code, ErrorCode::InvalidInput);
    let unknown = CompareRequest { left: "no such model".into(), ..request("Hi") };
    let unknown = app.compare_start(unknown, Box::new(drop)).await.expect_err("is refused");
    assert_eq!(unknown.code, ErrorCode::ModelNotFound);
    let [left, _] = compare(&app, request("Free again"), false).await;
    assert!(left.result.is_some());
}

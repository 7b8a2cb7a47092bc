//! Fifty chats at once, on services that answer, disconnect, send garbage, send an endless line, or stop
//! sending. What was received is stored, each error has its code, the memory stays bounded, and the chats
//! survive a restart.
mod common;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use contract::{AnswerEvent, EndpointSpec, ErrorCode, MessageState, MessageView, SendRequest};
use testkit::{CloudResponse, StreamEnd, TestCloud};

const CHATS: usize = 50;
/// The text that is sent before the failure.
const HALF: &str = "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Hm.\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"Half of \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"it 鲸\"}}]}\n\n";
/// An endless line is cut off after one MiB; without that limit ten chats would take a thousand megabytes.
const MOST_GROWTH: u64 = 300 << 20;

async fn open(data: &Path) -> Arc<App> {
    Arc::new(common::open(data).await)
}

/// The behaviours of services, with the expected end of an answer.
fn kinds() -> Vec<(&'static str, CloudResponse, MessageState, Option<ErrorCode>)> {
    let with = |rest: &str| format!("{HALF}{rest}");
    let whole = with("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    let cut = MessageState::Interrupted;
    vec![
        ("well", CloudResponse::stream(whole).split(97), MessageState::Done, None),
        (
            "killed",
            CloudResponse::stream(with("data: {\"cho")).with_end(StreamEnd::Reset),
            cut,
            Some(ErrorCode::EndpointCut),
        ),
        (
            "garbage",
            CloudResponse::stream(with("data: \u{1}<html>{]\n\n")),
            cut,
            Some(ErrorCode::EndpointGarbled),
        ),
        (
            "endless",
            CloudResponse::stream(with("data: ")).with_end(StreamEnd::Line(100 << 20)),
            cut,
            Some(ErrorCode::EndpointGarbled),
        ),
        // The user stops the answer; the timeout of a silent service is tested in `endpoint`.
        ("silent", CloudResponse::stream(with("")).with_end(StreamEnd::Hang), MessageState::Stopped, None),
        (
            "slow",
            CloudResponse::stream(with("data: ")).with_end(StreamEnd::Trickle(Duration::from_millis(20))),
            MessageState::Stopped,
            None,
        ),
    ]
}

async fn ask(app: Arc<App>, chat_id: String, stops: bool) -> MessageView {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat_id.clone(),
        text: format!("Tell me about {chat_id}"),
        ..SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("it starts");
    let mut received = String::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await.expect("an end comes");
        match event.expect("a terminal event comes before the end") {
            AnswerEvent::Started { .. }
            | AnswerEvent::Looking { .. }
            | AnswerEvent::Reading { .. }
            | AnswerEvent::Waiting { .. }
            | AnswerEvent::Called { .. }
            | AnswerEvent::Traced { .. }
            | AnswerEvent::Counted { .. }
            | AnswerEvent::Repeating { .. } => {}
            AnswerEvent::Delta { text, .. } => {
                received += &text;
                if stops && received == "Half of it 鲸" {
                    app.answer_stop(&chat_id).await.expect("stops");
                }
            }
            AnswerEvent::Finished { message } | AnswerEvent::Failed { message, .. } => {
                assert_eq!(message.text, received, "what was shown is what is kept");
                return message;
            }
        }
    }
}

/// The peak memory of this process, in bytes.
fn peak() -> u64 {
    let peak = hardware::peak_resident(std::process::id());
    assert!(peak.is_some() || cfg!(not(target_os = "linux")), "Linux has it");
    peak.unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_chats_lose_nothing_whatever_the_services_do() {
    let data = tempfile::tempdir().expect("a folder");
    let app = open(data.path()).await;
    let mut clouds = Vec::new();
    for (name, answer, ..) in kinds() {
        let cloud = TestCloud::with_auth_header(None).await.expect("starts");
        cloud.set_chat_response(answer);
        let spec = EndpointSpec {
            provider_id: "custom".into(),
            name: name.into(),
            address: cloud.address().into(),
            key: String::new(),
            models: vec!["m".into()],
        };
        assert_eq!(app.endpoint_add(spec).await.expect("is added").id, name);
        clouds.push(cloud);
    }
    let before = peak();
    let all = kinds();
    let mut answers = Vec::new();
    for number in 0..CHATS {
        let (name, _, state, code) = &all[number % all.len()];
        let chat = app.chat_create(&format!("cloud:{name}/m")).await.expect("a chat");
        let stops = *state == MessageState::Stopped;
        answers.push((*name, chat.id.clone(), *state, *code, tokio::spawn(ask(app.clone(), chat.id, stops))));
    }
    let mut kept = Vec::new();
    for (name, chat_id, state, code, answer) in answers {
        let message = answer.await.expect("no panic");
        assert_eq!((message.text.as_str(), message.reasoning.as_str()), ("Half of it 鲸", "Hm."), "{name}");
        assert_eq!((message.state, message.error.as_ref().map(|error| error.code)), (state, code), "{name}");
        kept.push((chat_id, message));
    }
    let grown = peak() - before;
    assert!(grown < MOST_GROWTH, "fifty chats took {grown} bytes");
    drop(app);

    let again = open(data.path()).await;
    assert_eq!(again.chats().await.expect("reads").len(), CHATS);
    for (chat_id, message) in kept {
        let shown = again.chat_get(&chat_id).await.expect("is there").messages;
        assert_eq!((shown.len(), shown.last()), (2, Some(&message)));
    }
}

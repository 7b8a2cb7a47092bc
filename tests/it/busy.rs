//! The worker runs one model at a time. A prompt or a change that needs another model never ends an answer by
//! itself. The tests stop the worker with a signal, so that its answer cannot end too early.
#![cfg(unix)]
use contract::{AnswerEvent, ErrorCode, MessageState, SendRequest, WhenBusy};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::host::{ONE_WORKER, ask, open};
use crate::worker_dies::{child, signal};

async fn begin(
    app: &app::App,
    chat_id: &str,
    text: &str,
    when_busy: WhenBusy,
) -> Result<UnboundedReceiver<AnswerEvent>, contract::ErrorView> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let request =
        SendRequest { chat_id: chat_id.into(), text: text.into(), when_busy, ..SendRequest::default() };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await?;
    Ok(receiver)
}

async fn end(events: &mut UnboundedReceiver<AnswerEvent>) -> AnswerEvent {
    let mut last = None;
    let all = async {
        while let Some(event) = events.recv().await {
            last = Some(event);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), all).await.expect("it ends in time");
    last.expect("a terminal event")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_for_another_model_asks_and_then_waits() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let first = app.chat_create("guide").await.expect("a chat");
    let other = app.chat_create("guide-vision").await.expect("a chat");
    ask(&app, &first.id, "Hello").await;
    let worker = child("whaledeck-engine");
    signal("-STOP", worker);
    let writing_chat = app.chat_create("guide").await.expect("a chat");
    let mut writing = begin(&app, &writing_chat.id, "Why?", WhenBusy::Ask).await.expect("the same model");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let answering = |chats: Vec<contract::ChatSummary>| -> Vec<String> {
        chats.into_iter().filter(|chat| chat.answering).map(|chat| chat.id).collect()
    };
    assert_eq!(answering(app.chats().await.expect("lists")), std::slice::from_ref(&writing_chat.id));

    let refused = begin(&app, &other.id, "Hello", WhenBusy::Ask).await.expect_err("it asks first");
    assert_eq!((refused.code, refused.detail["chats"].as_str()), (ErrorCode::ModelBusy, "Why?"));
    assert!(app.chat_get(&other.id).await.expect("reads").messages.is_empty(), "nothing was written down");
    assert_eq!(
        app.worker_start("guide-vision").await.expect_err("no start either").code,
        ErrorCode::ModelBusy
    );

    let mut waiting = begin(&app, &other.id, "Hello", WhenBusy::Wait).await.expect("starts");
    loop {
        match waiting.recv().await.expect("it waits") {
            AnswerEvent::Waiting { .. } => break,
            AnswerEvent::Started { .. } => {}
            other => panic!("it should wait: {other:?}"),
        }
    }
    signal("-CONT", worker);
    let AnswerEvent::Finished { message } = end(&mut writing).await else { panic!("nothing ends it") };
    assert_eq!(message.state, MessageState::Done);
    let AnswerEvent::Finished { message } = end(&mut waiting).await else { panic!("it is answered then") };
    assert_eq!(message.state, MessageState::Done);
    app.worker_stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_for_another_model_is_kept_as_stopped() {
    let _alone = ONE_WORKER.lock().await;
    let data = tempfile::tempdir().expect("a folder");
    let (app, _host) = open(data.path()).await;
    let first = app.chat_create("guide").await.expect("a chat");
    let other = app.chat_create("guide-vision").await.expect("a chat");
    ask(&app, &first.id, "Hello").await;
    signal("-STOP", child("whaledeck-engine"));
    let writing_chat = app.chat_create("guide").await.expect("a chat");
    let mut writing = begin(&app, &writing_chat.id, "Why?", WhenBusy::Ask).await.expect("the same model");
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut asked = begin(&app, &other.id, "Hello", WhenBusy::Stop).await.expect("the user chose so");
    let AnswerEvent::Finished { message } = end(&mut writing).await else { panic!("a stop is no failure") };
    assert_eq!(message.state, MessageState::Stopped);
    let AnswerEvent::Finished { message } = end(&mut asked).await else { panic!("it is answered") };
    assert_eq!(message.state, MessageState::Done);
    app.worker_stop().await.expect("stops");
}

//! A graphics card that is lost in mid-answer: the text is kept, the error says why, the worker's end is
//! seen, and the same question is answered on the processor when the settings say so. The worker is a script.
#![cfg(target_os = "linux")]
use std::path::Path;
use std::sync::{Arc, Mutex};

use app::{App, Paths, SecretBackend};
use contract::{
    AnswerEvent, AppEvent, ErrorCode, ErrorView, MessageState, MessageView, SendRequest, WorkerState,
};
use messages::{Lang, terminal_text};

#[derive(Default)]
struct RecordingHost(Mutex<Vec<AppEvent>>);

impl app::Host for RecordingHost {
    fn emit(&self, event: AppEvent) {
        self.0.lock().expect("no panic").push(event);
    }
}

async fn ask(app: &App, chat: &str) -> (MessageView, Option<ErrorView>) {
    let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
    let request =
        SendRequest { chat_id: chat.to_owned(), text: "Which card?".into(), ..SendRequest::default() };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event)))).await.expect("starts");
    while let Some(event) = events.recv().await {
        match event {
            AnswerEvent::Failed { message, error } => return (message, Some(error)),
            AnswerEvent::Finished { message } => return (message, None),
            _ => {}
        }
    }
    panic!("an answer ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_is_kept_and_the_processor_answers_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path();
    let guide = data.join("guide");
    std::fs::create_dir(&guide).expect("is made");
    std::fs::write(guide.join("config.json"), "{}").expect("is written");
    let paths = Paths {
        data_dir: data.to_owned(),
        models_dir: data.join("models"),
        engine_binary: Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_worker.py"),
        guide_dir: guide,
        home_dir: None,
    };
    let host = Arc::new(RecordingHost::default());
    let app = App::open_with_secrets(paths, host.clone(), SecretBackend::File).await.expect("opens");
    let chat = app.chat_create("guide").await.expect("a chat");

    let (message, error) = ask(&app, &chat.id).await;
    let error = error.expect("it fails");
    assert_eq!((error.code, message.state), (ErrorCode::CardLost, MessageState::Interrupted));
    assert_eq!(message.text, "A **24 GB** card runs");
    assert_eq!(error.detail["reason"], "an illegal memory access was encountered");
    assert!(
        terminal_text(&error, Lang::En)
            .contains("(an illegal memory access was encountered). What was answered")
    );
    assert!(terminal_text(&error, Lang::Zh).starts_with("显卡停止工作\n"));
    let worker = app.worker().await.expect("a worker");
    assert_eq!(worker.state, WorkerState::Failed);
    assert_eq!(worker.error.map(|error| error.code), Some(ErrorCode::CardLost));
    let on_card = |event: &AppEvent| matches!(event, AppEvent::WorkerChanged { worker } if worker.card_memory == Some(9e8));
    assert!(host.0.lock().expect("no panic").iter().any(on_card), "the window was told of the card");

    let place = app.settings().await.expect("settings").place;
    app.use_processor().await.expect("is changed");
    let (message, error) = ask(&app, &chat.id).await;
    assert_eq!((error, message.text.as_str()), (None, "A **24 GB** card runs"));
    let worker = app.worker().await.expect("a worker");
    assert_eq!((worker.place.as_deref(), worker.card_memory), (Some("CPU, 2 threads"), None));
    assert_eq!(app.settings().await.expect("settings").place, place, "the setting stays");
    app.worker_stop().await.expect("it stops");
}

//! A host that only collects events, and the app on a data folder with the real worker and the Guide.
//! It is the proof that the use cases need no window.
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use contract::{AnswerEvent, AppEvent, SendRequest};

/// Locked by each test that starts a worker, so that the worker it finds or kills is its own.
pub static ONE_WORKER: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Records every event.
#[derive(Default)]
pub struct TestHost {
    events: Mutex<Vec<AppEvent>>,
}

impl TestHost {
    pub fn events(&self) -> Vec<AppEvent> {
        self.events.lock().expect("no test panics while holding it").clone()
    }
}

impl app::Host for TestHost {
    fn emit(&self, event: AppEvent) {
        self.events.lock().expect("no test panics while holding it").push(event);
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The worker program of the same build.
pub fn engine_binary() -> PathBuf {
    std::env::var_os("WHALEDECK_ENGINE").map_or_else(
        || {
            let test = std::env::current_exe().expect("a test has a path");
            test.ancestors().nth(2).expect("tests are in target/debug/deps").join("whaledeck-engine")
        },
        PathBuf::from,
    )
}

/// An app with its own data folder, the real worker and the real Guide model.
pub async fn open(data: &Path) -> (app::App, Arc<TestHost>) {
    let engine_binary = engine_binary();
    assert!(engine_binary.is_file(), "build it first: cargo build -p server ({})", engine_binary.display());
    let paths = app::Paths {
        data_dir: data.to_owned(),
        models_dir: data.join("models"),
        engine_binary,
        guide_dir: root().join("assets/guide-model"),
        home_dir: None,
    };
    let host = Arc::new(TestHost::default());
    (app::App::open(paths, host.clone()).await.expect("the app opens"), host)
}

/// Sends the first text of a chat and returns every event up to the terminal one.
pub async fn ask(app: &app::App, chat_id: &str, text: &str) -> Vec<AnswerEvent> {
    ask_after(app, chat_id, None, text).await
}

/// Sends a text after a message of the chat.
pub async fn ask_after(app: &app::App, chat_id: &str, parent: Option<&str>, text: &str) -> Vec<AnswerEvent> {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let request = SendRequest {
        chat_id: chat_id.into(),
        parent_id: parent.map(Into::into),
        text: text.into(),
        retry_of: None,
        continue_of: None,
        ..SendRequest::default()
    };
    app.answer_start(request, Box::new(move |event| drop(sender.send(event))))
        .await
        .expect("the answer starts");
    let mut events = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(120), receiver.recv()).await {
        let last = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
        events.push(event);
        if last {
            return events;
        }
    }
    panic!("no terminal event came: {events:?}");
}

/// Asserts that the real worker starts a model and that it answers some tokens; its weights are random.
pub async fn answers(data: &Path, model: &str) {
    let (app, _host) = open(data).await;
    let chat = app.chat_create(model).await.expect("a chat");
    let mut sampling = chat.sampling.clone();
    sampling.max_tokens = 8;
    app.chat_update(&chat.id, model, "custom", sampling, "").await.expect("is kept");
    let events = ask(&app, &chat.id, "def area(width, height):").await;
    let Some(AnswerEvent::Finished { message }) = events.last() else { panic!("{events:?}") };
    assert!(!message.text.is_empty(), "{message:?}");
    app.worker_stop().await.expect("stops");
}

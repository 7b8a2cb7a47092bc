//! Answers of an [`App`] with a real history and a scripted backend.
//! The worker and the services have tests of their own.
use std::sync::Mutex;

use contract::Role;
use futures_util::stream;
use tokio::sync::mpsc;

use super::*;
use crate::{Host, Paths};

#[derive(Default)]
struct RecordingHost(Mutex<Vec<AppEvent>>);

impl Host for RecordingHost {
    fn emit(&self, event: AppEvent) {
        self.0.lock().expect("no panic").push(event);
    }
}

const POLICY: PromptPolicy = PromptPolicy { images: ImagePolicy::Include, documents: DocumentMode::Whole };

async fn open(folder: &std::path::Path) -> App {
    let paths = Paths {
        data_dir: folder.to_owned(),
        models_dir: folder.join("models"),
        engine_binary: folder.join("whaledeck-engine"),
        guide_dir: folder.join("guide"),
        home_dir: None,
    };
    App::open(paths, Arc::new(RecordingHost::default())).await.expect("opens")
}

async fn ask(app: &App, request: SendRequest, answer: &str) -> (Prompt, Vec<AnswerEvent>) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let mut prompt = None;
    let pieces = [Ok(BackendEvent::Text(answer.to_owned())), Ok(BackendEvent::End { length: false })];
    let on_event = Box::new(move |event| drop(sender.send(event)));
    let source = |asked| {
        prompt = Some(asked);
        stream::iter(pieces)
    };
    app.answer_with(request, POLICY, on_event, source).await.expect("starts");
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        let last = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
        events.push(event);
        if last {
            break;
        }
    }
    (prompt.expect("the backend was asked"), events)
}

fn message(role: Role, text: &str) -> PromptMessage {
    PromptMessage::new(role, text)
}

#[tokio::test]
async fn a_conversation_goes_on_and_a_retry_branches() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = app.chat_create("guide").await.expect("creates");
    app.chat_update(&chat.id, "guide", "factual", chat.sampling, "Be brief.").await.expect("changes");
    let request = |parent_id: Option<String>, text: &str, retry_of: Option<String>| SendRequest {
        chat_id: chat.id.clone(),
        parent_id,
        text: text.into(),
        retry_of,
        continue_of: None,
        ..SendRequest::default()
    };

    ask(&app, request(None, "Why?", None), "Because.").await;
    let shown = app.chat_get(&chat.id).await.expect("reads").messages;
    let (prompt, events) = ask(&app, request(Some(shown[1].id.clone()), "And?", None), "So.").await;
    let system = message(Role::System, "Be brief.");
    let expected = [
        system.clone(),
        message(Role::User, "Why?"),
        message(Role::Assistant, "Because."),
        message(Role::User, "And?"),
    ];
    assert_eq!(prompt.messages, expected);
    assert!(matches!(events.first(), Some(AnswerEvent::Started { user: Some(_), .. })));

    let (prompt, events) = ask(&app, request(None, "", Some(shown[0].id.clone())), "Hence.").await;
    assert_eq!(prompt.messages, [system, message(Role::User, "Why?")]);
    assert!(matches!(events.first(), Some(AnswerEvent::Started { user: None, .. })));
    let shown = app.chat_get(&chat.id).await.expect("reads");
    assert_eq!(shown.title, "Why?");
    assert_eq!(shown.messages.len(), 2);
    assert_eq!(shown.messages[1].text, "Hence.");
    assert_eq!(shown.messages[1].siblings.len(), 2);
}

#[tokio::test]
async fn a_page_that_was_loaded_again_gets_what_is_there_and_what_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = app.chat_create("guide").await.expect("creates");
    let request = SendRequest { chat_id: chat.id.clone(), text: "Count".into(), ..SendRequest::default() };
    let (pieces, arriving) = mpsc::unbounded_channel();
    let source = stream::unfold(arriving, |mut arriving: mpsc::UnboundedReceiver<_>| async move {
        arriving.recv().await.map(|piece| (Ok::<BackendEvent, ErrorView>(piece), arriving))
    });
    // The first page is closed, so its events are dropped.
    app.answer_with(request, POLICY, Box::new(|_| ()), |_| source).await.expect("starts");
    let nothing = app.answer_follow("another chat", Box::new(|_| ())).await;
    assert_eq!(nothing, Ok(false));
    pieces.send(BackendEvent::Text("One, ".into())).expect("arrives");
    let follow = |sender: mpsc::UnboundedSender<AnswerEvent>| {
        app.answer_follow(&chat.id, Box::new(move |event| drop(sender.send(event))))
    };
    // Asked again until the first piece is in the text so far, which is shown a moment after it came.
    let (partial, mut events) = loop {
        let (sender, mut events) = mpsc::unbounded_channel();
        assert_eq!(follow(sender).await, Ok(true));
        let Some(AnswerEvent::Started { user: None, assistant }) = events.recv().await else {
            panic!("the text so far comes first")
        };
        if !assistant.text.is_empty() {
            break (assistant.text, events);
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    };
    assert_eq!(partial, "One, ");
    pieces.send(BackendEvent::Text("two.".into())).expect("arrives");
    pieces.send(BackendEvent::End { length: false }).expect("arrives");
    let end = loop {
        match events.recv().await.expect("an end comes") {
            AnswerEvent::Finished { message } => break message,
            AnswerEvent::Delta { text, .. } => assert_eq!(text, "two."),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.text, "One, two.");
    assert_eq!(follow(mpsc::unbounded_channel().0).await, Ok(false), "it has ended");
}

#[tokio::test]
async fn a_cut_answer_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = app.chat_create("guide").await.expect("creates");
    let request = |text: &str, continue_of: Option<String>| SendRequest {
        chat_id: chat.id.clone(),
        parent_id: None,
        text: text.into(),
        retry_of: None,
        continue_of,
        ..SendRequest::default()
    };
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let half =
        stream::iter([Ok(BackendEvent::Reasoning("Hm.".into())), Ok(BackendEvent::Text("One, ".into()))]);
    let on_event = Box::new(move |event| drop(sender.send(event)));
    app.answer_with(request("Count", None), POLICY, on_event, |_| half).await.expect("starts");
    while receiver.recv().await.is_some() {}
    let cut = app.chat_get(&chat.id).await.expect("reads").messages.remove(1);
    assert_eq!(cut.state, contract::MessageState::Interrupted);

    let (prompt, events) = ask(&app, request("", Some(cut.id.clone())), "two.").await;
    assert_eq!(prompt.messages, [message(Role::User, "Count")]);
    assert_eq!(prompt.partial, AnswerText { text: "One, ".into(), reasoning: "Hm.".into() });
    let Some(AnswerEvent::Started { user: None, assistant }) = events.first() else {
        panic!("no start: {events:?}")
    };
    assert_eq!((assistant.id.as_str(), assistant.text.as_str()), (cut.id.as_str(), "One, "));
    let shown = app.chat_get(&chat.id).await.expect("reads").messages;
    assert_eq!(shown.len(), 2);
    assert_eq!((shown[1].text.as_str(), shown[1].reasoning.as_str()), ("One, two.", "Hm."));
    assert_eq!((shown[1].state, &shown[1].error), (contract::MessageState::Done, &None));

    let complete = request("", Some(cut.id.clone()));
    let refused = app.answer_with(complete, POLICY, Box::new(drop), |_| stream::empty()).await;
    assert_eq!(refused.expect_err("it is complete").code, ErrorCode::InvalidInput);
    app.message_delete(&chat.id, &cut.id).await.expect("the refusal left the chat free");
    assert_eq!(app.chat_get(&chat.id).await.expect("reads").messages.len(), 1);
}

#[tokio::test]
async fn an_empty_message_is_refused_and_adds_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = open(folder.path()).await;
    let chat = app.chat_create("guide").await.expect("creates");
    let request = SendRequest {
        chat_id: chat.id.clone(),
        parent_id: None,
        text: " \n".into(),
        retry_of: None,
        continue_of: None,
        ..SendRequest::default()
    };
    let refused = app.answer_with(request, POLICY, Box::new(drop), |_| stream::empty()).await;
    assert_eq!(refused.expect_err("is refused").code, ErrorCode::InvalidInput);
    assert!(app.chat_get(&chat.id).await.expect("reads").messages.is_empty());
}

//! One answer as a use case: the messages are added, the pieces recorded in the background, the turn given back before
//! the terminal event. Where the pieces come from is the caller's choice.
use std::sync::Arc;

use contract::{AnswerEvent, AppEvent, ErrorCode, ErrorView, Role, SamplingView, SendRequest};
use futures_util::Stream;

use crate::App;
use crate::answers::{Begun, begin};
use crate::convert::{chat_view, message_view};
use crate::recorder::{Piece, Recorder, Text};

/// Where the events of one answer go.
pub type OnAnswer = Box<dyn Fn(AnswerEvent) + Send + Sync>;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub model_id: String,
    pub sampling: SamplingView,
    /// System prompt first when there is one. Thinking of earlier answers is left out, as the models were trained.
    pub messages: Vec<(Role, String)>,
    /// What the answer has already; it goes on from there. Empty for a new one.
    pub so_far: Text,
}

impl App {
    /// Returns once both messages exist; the events follow until a terminal one.
    pub(crate) async fn answer_from<S>(
        &self,
        request: SendRequest,
        on_event: OnAnswer,
        source: impl FnOnce(Question) -> S,
    ) -> Result<(), ErrorView>
    where
        S: Stream<Item = Result<Piece, ErrorView>> + Send + 'static,
    {
        let fresh = request.retry_of.is_none() && request.continue_of.is_none();
        if fresh && request.text.trim().is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "send the message: it is empty"));
        }
        let turn = Arc::new(self.running.begin(&request.chat_id)?);
        let begun = self.with_history(move |history| begin(history, &request)).await?;
        let message_id = begun.assistant.id.clone();
        let thought_before = begun.assistant.thinking_ms;
        let (started, question) = split(begun)?;
        let pieces = source(question.clone());
        on_event(started);
        self.host.emit(AppEvent::ChatsChanged);

        let (host, stopped, held) = (self.host.clone(), turn.stopped.clone(), turn.clone());
        let recorder = Recorder {
            history: self.history.clone(),
            message_id,
            model_id: question.model_id,
            so_far: question.so_far,
            thought_before,
            on_event: move |event: AnswerEvent| {
                let terminal = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
                if terminal {
                    // First, so that whoever sees the end may send the next message at once.
                    held.end();
                }
                on_event(event);
                if terminal {
                    host.emit(AppEvent::ChatsChanged);
                }
            },
        };
        tokio::spawn(async move {
            recorder.run(pieces, stopped).await;
            drop(turn);
        });
        Ok(())
    }
}

fn split(begun: Begun) -> Result<(AnswerEvent, Question), ErrorView> {
    let user = begun.user.map(message_view).transpose()?;
    let so_far = Text { text: begun.assistant.text.clone(), reasoning: begun.assistant.reasoning.clone() };
    let started = AnswerEvent::Started { user, assistant: message_view(begun.assistant)? };
    let chat = chat_view(begun.chat)?;
    let mut messages = Vec::new();
    if !chat.system_prompt.trim().is_empty() {
        messages.push((Role::System, chat.system_prompt));
    }
    for message in begun.path {
        let message = message_view(message)?;
        // An answer that failed before its first word says nothing.
        if !message.text.is_empty() {
            messages.push((message.role, message.text));
        }
    }
    Ok((started, Question { model_id: chat.model_id, sampling: chat.sampling, messages, so_far }))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{Host, Paths};

    #[derive(Default)]
    struct Seen(Mutex<Vec<AppEvent>>);

    impl Host for Seen {
        fn emit(&self, event: AppEvent) {
            self.0.lock().expect("no panic").push(event);
        }
    }

    async fn open(folder: &std::path::Path) -> App {
        let paths = Paths {
            data_dir: folder.to_owned(),
            models_dir: folder.join("models"),
            engine_binary: folder.join("whaledeck-engine"),
            guide_dir: folder.join("guide"),
        };
        App::open(paths, Arc::new(Seen::default())).await.expect("opens")
    }

    async fn ask(app: &App, request: SendRequest, answer: &str) -> (Question, Vec<AnswerEvent>) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut asked = None;
        let pieces = [Ok(Piece::Text(answer.to_owned())), Ok(Piece::End { length: false })];
        let on_event = Box::new(move |event| drop(sender.send(event)));
        let source = |question| {
            asked = Some(question);
            stream::iter(pieces)
        };
        app.answer_from(request, on_event, source).await.expect("starts");
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            let last = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
            events.push(event);
            if last {
                break;
            }
        }
        (asked.expect("the source was asked"), events)
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
        };

        ask(&app, request(None, "Why?", None), "Because.").await;
        let shown = app.chat_get(&chat.id).await.expect("reads").messages;
        let (question, events) = ask(&app, request(Some(shown[1].id.clone()), "And?", None), "So.").await;
        let system = (Role::System, "Be brief.".to_owned());
        let told = [
            system.clone(),
            (Role::User, "Why?".to_owned()),
            (Role::Assistant, "Because.".to_owned()),
            (Role::User, "And?".to_owned()),
        ];
        assert_eq!(question.messages, told);
        assert!(matches!(events.first(), Some(AnswerEvent::Started { user: Some(_), .. })));

        let (question, events) = ask(&app, request(None, "", Some(shown[0].id.clone())), "Hence.").await;
        assert_eq!(question.messages, [system, (Role::User, "Why?".to_owned())]);
        assert!(matches!(events.first(), Some(AnswerEvent::Started { user: None, .. })));
        let shown = app.chat_get(&chat.id).await.expect("reads");
        assert_eq!(shown.title, "Why?");
        assert_eq!(shown.messages.len(), 2);
        assert_eq!(shown.messages[1].text, "Hence.");
        assert_eq!(shown.messages[1].siblings.len(), 2);
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
        };
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let half = stream::iter([Ok(Piece::Reasoning("Hm.".into())), Ok(Piece::Text("One, ".into()))]);
        let on_event = Box::new(move |event| drop(sender.send(event)));
        app.answer_from(request("Count", None), on_event, |_| half).await.expect("starts");
        while receiver.recv().await.is_some() {}
        let cut = app.chat_get(&chat.id).await.expect("reads").messages.remove(1);
        assert_eq!(cut.state, contract::MessageState::Interrupted);

        let (question, events) = ask(&app, request("", Some(cut.id.clone())), "two.").await;
        assert_eq!(question.messages, [(Role::User, "Count".to_owned())]);
        assert_eq!(question.so_far, Text { text: "One, ".into(), reasoning: "Hm.".into() });
        let Some(AnswerEvent::Started { user: None, assistant }) = events.first() else {
            panic!("no start: {events:?}")
        };
        assert_eq!((assistant.id.as_str(), assistant.text.as_str()), (cut.id.as_str(), "One, "));
        let shown = app.chat_get(&chat.id).await.expect("reads").messages;
        assert_eq!(shown.len(), 2);
        assert_eq!((shown[1].text.as_str(), shown[1].reasoning.as_str()), ("One, two.", "Hm."));
        assert_eq!((shown[1].state, &shown[1].error), (contract::MessageState::Done, &None));

        let complete = request("", Some(cut.id.clone()));
        let refused = app.answer_from(complete, Box::new(drop), |_| stream::empty()).await;
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
        };
        let refused = app.answer_from(request, Box::new(drop), |_| stream::empty()).await;
        assert_eq!(refused.expect_err("is refused").code, ErrorCode::InvalidInput);
        assert!(app.chat_get(&chat.id).await.expect("reads").messages.is_empty());
    }
}

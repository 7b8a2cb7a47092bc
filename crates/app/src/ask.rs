//! One answer as a use case: the messages are added, the pieces recorded in the background, the turn given back before
//! the terminal event. Where the pieces come from is the caller's choice.
use std::sync::Arc;

use contract::{
    AnswerEvent, AppEvent, BoxView, ErrorCode, ErrorView, MessageView, PictureView, Role, SamplingView,
    SendRequest,
};
use futures_util::Stream;

use crate::App;
use crate::answers::{Begun, begin};
use crate::convert::{chat_view, message_view};
use crate::pictures::{BoxTarget, Shown, left_out};
use crate::recorder::{Piece, Recorder, Text};

/// Where the events of one answer go.
pub type OnAnswer = Box<dyn Fn(AnswerEvent) + Send + Sync>;

/// What a model is asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Question {
    pub model_id: String,
    pub sampling: SamplingView,
    /// System prompt first when there is one. Thinking of earlier answers is left out, as the models were trained.
    pub messages: Vec<Said>,
    /// What the answer has already; it goes on from there. Empty for a new one.
    pub so_far: Text,
    /// The image that boxes of the answer lie on.
    pub box_target: BoxTarget,
}

/// One message as the model is told it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    pub role: Role,
    pub text: String,
    pub pictures: Vec<PictureView>,
}

impl App {
    /// Returns once both messages exist; the events follow until a terminal one.
    pub(crate) async fn answer_from<S>(
        &self,
        request: SendRequest,
        shown: Shown,
        on_event: OnAnswer,
        source: impl FnOnce(Question) -> S,
    ) -> Result<(), ErrorView>
    where
        S: Stream<Item = Result<Piece, ErrorView>> + Send + 'static,
    {
        let fresh = request.retry_of.is_none() && request.continue_of.is_none();
        if fresh && request.text.trim().is_empty() && request.pictures.is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "send the message: it is empty"));
        }
        let history = self.chats_file.writable()?;
        let chat_id = request.chat_id.clone();
        let turn = Arc::new(self.running.begin(&chat_id)?);
        let begun = self.with_history(move |history| begin(history, &request)).await?;
        let message_id = begun.assistant.id.clone();
        let thought_before = begun.assistant.thinking_ms;
        let (started, boxes, question) = split(begun, shown)?;
        let pieces = source(question.clone());
        if let AnswerEvent::Started { assistant, .. } = &started {
            self.streams.begin(&chat_id, assistant);
        }
        on_event(started);
        self.host.emit(AppEvent::ChatsChanged);

        let (host, stopped, held) = (self.host.clone(), turn.stopped.clone(), turn.clone());
        let streams = self.streams.clone();
        let recorder = Recorder {
            history,
            message_id,
            model_id: question.model_id,
            so_far: question.so_far,
            boxes,
            box_target: question.box_target,
            thought_before,
            on_event: move |event: AnswerEvent| {
                let terminal = matches!(event, AnswerEvent::Finished { .. } | AnswerEvent::Failed { .. });
                if terminal {
                    // First, so that whoever sees the end may send the next message at once.
                    held.end();
                }
                streams.event(&chat_id, &event);
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

fn split(begun: Begun, shown: Shown) -> Result<(AnswerEvent, Vec<BoxView>, Question), ErrorView> {
    let user = begun.user.map(message_view).transpose()?;
    let so_far = Text { text: begun.assistant.text.clone(), reasoning: begun.assistant.reasoning.clone() };
    let assistant = message_view(begun.assistant)?;
    let boxes = assistant.boxes.clone();
    let chat = chat_view(begun.chat)?;
    let path = begun.path.into_iter().map(message_view).collect::<Result<Vec<_>, _>>()?;
    let messages = told(&chat.system_prompt, path, shown);
    let box_target = box_target(&messages);
    let question =
        Question { model_id: chat.model_id, sampling: chat.sampling, messages, so_far, box_target };
    Ok((AnswerEvent::Started { user, assistant }, boxes, question))
}

/// A conversation as the model is told it. Thinking of earlier answers is left out.
pub(crate) fn told(system_prompt: &str, path: Vec<MessageView>, shown: Shown) -> Vec<Said> {
    let mut messages = Vec::new();
    if !system_prompt.trim().is_empty() {
        messages.push(Said { role: Role::System, text: system_prompt.to_owned(), pictures: Vec::new() });
    }
    for MessageView { role, text, pictures, .. } in path {
        // An answer that failed before its first word says nothing.
        if text.is_empty() && pictures.is_empty() {
            continue;
        }
        messages.push(match shown {
            Shown::Yes => Said { role, text, pictures },
            Shown::LeftOut => Said { role, text: left_out(&pictures, &text), pictures: Vec::new() },
        });
    }
    messages
}

fn box_target(messages: &[Said]) -> BoxTarget {
    let last = messages.iter().rposition(|said| said.role == Role::User).unwrap_or(0);
    let images = |part: &[Said]| part.iter().flat_map(|said| said.pictures.clone()).collect::<Vec<_>>();
    let (before, question) = messages.split_at(last);
    let text = question.first().map_or("", |said| said.text.as_str());
    BoxTarget::of(&images(before), &images(question), text)
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
        app.answer_from(request, Shown::Yes, on_event, source).await.expect("starts");
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

    fn said(role: Role, text: &str) -> Said {
        Said { role, text: text.to_owned(), pictures: Vec::new() }
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
        let (question, events) = ask(&app, request(Some(shown[1].id.clone()), "And?", None), "So.").await;
        let system = said(Role::System, "Be brief.");
        let told = [
            system.clone(),
            said(Role::User, "Why?"),
            said(Role::Assistant, "Because."),
            said(Role::User, "And?"),
        ];
        assert_eq!(question.messages, told);
        assert!(matches!(events.first(), Some(AnswerEvent::Started { user: Some(_), .. })));

        let (question, events) = ask(&app, request(None, "", Some(shown[0].id.clone())), "Hence.").await;
        assert_eq!(question.messages, [system, said(Role::User, "Why?")]);
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
        let request =
            SendRequest { chat_id: chat.id.clone(), text: "Count".into(), ..SendRequest::default() };
        let (pieces, arriving) = mpsc::unbounded_channel();
        let source = stream::unfold(arriving, |mut arriving: mpsc::UnboundedReceiver<_>| async move {
            arriving.recv().await.map(|piece| (Ok::<Piece, ErrorView>(piece), arriving))
        });
        // The first page is gone: nobody takes its events.
        app.answer_from(request, Shown::Yes, Box::new(|_| ()), |_| source).await.expect("starts");
        let nothing = app.answer_follow("another chat", Box::new(|_| ())).await;
        assert_eq!(nothing, Ok(false));
        pieces.send(Piece::Text("One, ".into())).expect("arrives");
        let follow = |sender: mpsc::UnboundedSender<AnswerEvent>| {
            app.answer_follow(&chat.id, Box::new(move |event| drop(sender.send(event))))
        };
        // Asked again until the first piece is in the text so far, which is shown a moment after it came.
        let (so_far, mut events) = loop {
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
        assert_eq!(so_far, "One, ");
        pieces.send(Piece::Text("two.".into())).expect("arrives");
        pieces.send(Piece::End { length: false }).expect("arrives");
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
        let half = stream::iter([Ok(Piece::Reasoning("Hm.".into())), Ok(Piece::Text("One, ".into()))]);
        let on_event = Box::new(move |event| drop(sender.send(event)));
        app.answer_from(request("Count", None), Shown::Yes, on_event, |_| half).await.expect("starts");
        while receiver.recv().await.is_some() {}
        let cut = app.chat_get(&chat.id).await.expect("reads").messages.remove(1);
        assert_eq!(cut.state, contract::MessageState::Interrupted);

        let (question, events) = ask(&app, request("", Some(cut.id.clone())), "two.").await;
        assert_eq!(question.messages, [said(Role::User, "Count")]);
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
        let refused = app.answer_from(complete, Shown::Yes, Box::new(drop), |_| stream::empty()).await;
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
        let refused = app.answer_from(request, Shown::Yes, Box::new(drop), |_| stream::empty()).await;
        assert_eq!(refused.expect_err("is refused").code, ErrorCode::InvalidInput);
        assert!(app.chat_get(&chat.id).await.expect("reads").messages.is_empty());
    }
}

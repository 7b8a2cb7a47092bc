//! The title of a new chat, written by its model in the background after the first answer. Where the model
//! gives none, the chat keeps the first words of its question; a title that the user gave is never replaced.
use std::sync::Arc;
use std::time::Duration;

use catalog::{Catalog, FamilyKind};
use contract::{AppEvent, ErrorView, TitleSource};
use endpoint::{ChatMessage, ChatRequest, ChatStream};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use history::{History, HistoryError, State};
use protocol::ModelRef;

use super::backend::Backend;
use crate::blocking::blocking;
use crate::chats::title_of;
use crate::convert::history_error;
use crate::{App, Host};

/// A title that takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Characters of each message that the model is shown.
const SHOWN: usize = 2000;
/// A longer line is no title.
const MAX_LETTERS: usize = 60;
/// Tokens of the answer. A model that reasons although it is asked not to uses them up, and gives no title.
const MAX_TOKENS: u32 = 48;
const INSTRUCTION: &str = "Write a title of two to six words for this conversation, in the language of my \
                           first message. Answer with the title only.";
/// The beginning of the answer, where the server continues one: a model that always reasons then does not.
const BEGINNING: &str = "Title: ";

/// Quotation marks, brackets, marks of Markdown and full stops around a title, also those of Chinese.
const AROUND: &str = "\"'`*#_.:\u{201c}\u{201d}\u{2018}\u{2019}\u{300a}\u{300b}\u{300c}\u{300d}\
                      \u{3010}\u{3011}\u{3002}\u{ff1a}";

/// Fails where the model of a chat is not there any more.
type OpenBackend = BoxFuture<'static, Result<Backend, ErrorView>>;

/// The first question and its answer.
struct FirstExchange {
    /// Made of the question.
    title: String,
    system_prompt: String,
    question: String,
    answer: String,
}

impl App {
    /// What writes the titles of chats with this model; `None` where the settings say that nothing does, and
    /// for the built-in models, which know no conversation but their own subject.
    pub(super) fn title_backend(&self, model_id: &str) -> Option<OpenBackend> {
        let wanted = match (self.settings_now().chat_titles, ModelRef::from(model_id)) {
            (TitleSource::FirstMessage, _) | (TitleSource::Local, ModelRef::Cloud { .. }) => false,
            (_, ModelRef::Local { id }) => {
                Catalog::builtin().model(&id).is_none_or(|model| model.family != FamilyKind::Guide)
            }
            (_, ModelRef::Cloud { .. } | ModelRef::Deployment { .. }) => true,
        };
        wanted.then(|| Box::pin(self.background_backend(model_id)) as OpenBackend)
    }
}

/// Asks for a title and stores it. A failure is only logged: the chat has a title.
pub(super) async fn write_title(
    backend: OpenBackend,
    history: Arc<History>,
    chat_id: String,
    host: Arc<dyn Host>,
) {
    let (read, id) = (history.clone(), chat_id.clone());
    let exchange = blocking("read the chat", move || first_exchange(&read, &id).map_err(history_error)).await;
    let Ok(Some(exchange)) = exchange else { return };
    let Ok(backend) = backend.await else { return };
    let title = tokio::time::timeout(PATIENCE, ask(&backend, &exchange)).await.ok().flatten();
    drop(backend);
    let Some(title) = title else { return };
    let store = move || history.chat_replace_title(&chat_id, &exchange.title, &title).map_err(history_error);
    match blocking("store the title", store).await {
        Ok(true) => host.emit(AppEvent::ChatsChanged),
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, "failed to store the title of a chat"),
    }
}

/// The first exchange of a chat that has no other and no title of its own. Images are not sent again.
fn first_exchange(history: &History, chat_id: &str) -> Result<Option<FirstExchange>, HistoryError> {
    let chat = history.chat(chat_id)?;
    let [question, answer] = &chat.path[..] else { return Ok(None) };
    let complete = answer.state == State::Done && !answer.text.trim().is_empty();
    let own_title = chat.title != title_of(&question.text);
    if !complete || own_title || !question.images.is_empty() {
        return Ok(None);
    }
    Ok(Some(FirstExchange {
        title: chat.title,
        system_prompt: chat.settings.system_prompt,
        question: beginning(&question.text),
        answer: beginning(&answer.text),
    }))
}

fn beginning(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// `None` where the server fails, or answers with something else than a title.
async fn ask(backend: &Backend, exchange: &FirstExchange) -> Option<String> {
    let mut messages = Vec::new();
    // The same beginning as the chat's, which is in the prefix cache.
    if !exchange.system_prompt.trim().is_empty() {
        messages.push(ChatMessage::new("system", &exchange.system_prompt));
    }
    messages.push(ChatMessage::new("user", &exchange.question));
    messages.push(ChatMessage::new("assistant", &exchange.answer));
    messages.push(ChatMessage::new("user", INSTRUCTION));
    if backend.continues() {
        messages.push(ChatMessage::prefix(BEGINNING, ""));
    }
    let request = ChatRequest {
        messages,
        temperature: 0.3,
        top_p: 0.9,
        max_tokens: Some(MAX_TOKENS),
        thinking: Some(false),
        ..ChatRequest::default()
    };
    title_in(&first_line(backend.ask(request).await.ok()?).await?)
}

/// The text of an answer up to the end of its first line.
async fn first_line(mut deltas: ChatStream) -> Option<String> {
    let mut text = String::new();
    while let Some(delta) = deltas.next().await {
        text += &delta.ok()?.text;
        if text.trim_start().contains('\n') {
            break;
        }
    }
    Some(text)
}

/// The title that an answer consists of, without what models put around one.
fn title_in(answer: &str) -> Option<String> {
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty())?;
    let around = |letter: char| letter.is_whitespace() || AROUND.contains(letter);
    let line = line.trim_matches(around);
    let title = line.strip_prefix(BEGINNING.trim()).unwrap_or(line).trim_matches(around);
    (!title.is_empty() && title.chars().count() <= MAX_LETTERS).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_what_is_left_without_its_decoration() {
        for (answer, title) in [
            ("Whales and ships", "Whales and ships"),
            ("\n**Title: \"Whales and ships.\"**\nIt is about whales.", "Whales and ships"),
            ("《鲸与船》", "鲸与船"),
            ("# What is C++?", "What is C++?"),
        ] {
            assert_eq!(title_in(answer).as_deref(), Some(title), "{answer}");
        }
        assert_eq!(title_in(" \n\"\"\n"), None);
        assert_eq!(title_in(&"Of course! Here is a title. ".repeat(5)), None, "a sentence is no title");
    }

    #[test]
    fn only_the_first_exchange_without_a_title_of_its_own_gets_one() {
        use history::{ChatSettings, FinalAnswer, NewMessage, Role};
        let folder = tempfile::tempdir().expect("a folder");
        let history = History::open(&folder.path().join("history.db")).expect("opens");
        let settings = ChatSettings {
            model_id: "m".into(),
            preset_id: "deepseek".into(),
            sampling: "{}".into(),
            system_prompt: String::new(),
        };
        let chat = history.chat_create(&settings).expect("creates");
        let add = |parent: Option<&str>, role, text: &str, state| {
            let message = NewMessage {
                chat_id: &chat.id,
                parent_id: parent,
                role,
                text,
                state,
                images: &[],
                documents: &[],
            };
            history.message_add(&message).expect("is added").id
        };
        let question = add(None, Role::User, "Why?", State::Done);
        history.chat_rename(&chat.id, "Why?").expect("is named");
        let exchange = || first_exchange(&history, &chat.id).expect("reads");
        assert!(exchange().is_none(), "there is no answer");
        let answer = add(Some(&question), Role::Assistant, "", State::Streaming);
        assert!(exchange().is_none(), "it is not complete");
        let end = FinalAnswer {
            text: "Because.",
            reasoning: "",
            thinking_ms: None,
            state: State::Done,
            error: None,
            stats: None,
            boxes: None,
        };
        history.message_end(&answer, &end).expect("ends");
        let first = exchange().expect("is one");
        assert_eq!((first.question.as_str(), first.answer.as_str()), ("Why?", "Because."));
        assert!(!history.chat_replace_title(&chat.id, "another", "Reasons").expect("is asked"));
        assert!(history.chat_replace_title(&chat.id, "Why?", "Reasons").expect("is stored"));
        assert!(exchange().is_none(), "it has a title of its own");
    }
}

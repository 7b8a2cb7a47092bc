//! The messages that an answer begins with: the user's, where it is new, and the empty one of the assistant.
//! A retry adds a branch, a continuation opens the old message again. Knows only the history.
use contract::SendRequest;
use history::{Chat, History, HistoryError, Message, NewMessage, Role, State};

use crate::chats::title_of;

/// An answer whose messages are stored, before a model is asked.
pub(crate) struct StartedAnswer {
    pub chat: Chat,
    /// The user's new message; `None` for a retry or a continuation.
    pub user: Option<Message>,
    /// In state `streaming`; empty unless it is continued.
    pub assistant: Message,
    /// The context of the answer, up to the user's message.
    pub path: Vec<Message>,
}

/// Stores the messages. The first message of a chat without a title becomes its title.
pub(crate) fn add_messages(history: &History, request: &SendRequest) -> Result<StartedAnswer, HistoryError> {
    let chat = history.chat(&request.chat_id)?;
    if let Some(id) = &request.continue_of {
        let assistant = history.message_reopen(&chat.id, id)?;
        let path = assistant
            .parent_id
            .as_deref()
            .map_or_else(|| Ok(Vec::new()), |parent| history.context_path(parent))?;
        return Ok(StartedAnswer { chat, user: None, assistant, path });
    }
    let (user, parent) = match &request.retry_of {
        Some(id) => (None, history.message(id)?.id),
        None => {
            let user = history.message_add(&NewMessage {
                chat_id: &chat.id,
                parent_id: request.parent_id.as_deref(),
                role: Role::User,
                text: &request.text,
                state: State::Done,
                images: &request.pictures,
                documents: &request.documents,
            })?;
            if chat.title.is_empty() {
                history.chat_rename(&chat.id, &title_of(&request.text))?;
            }
            if request.leave_out_older {
                history.chat_context_start(&chat.id, Some(&user.id))?;
            }
            let id = user.id.clone();
            (Some(user), id)
        }
    };
    let assistant = history.message_add(&NewMessage {
        chat_id: &chat.id,
        parent_id: Some(&parent),
        role: Role::Assistant,
        text: "",
        state: State::Streaming,
        images: &[],
        documents: &[],
    })?;
    let path = history.context_path(&parent)?;
    Ok(StartedAnswer { chat, user, assistant, path })
}

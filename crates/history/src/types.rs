//! The nouns: chat, message, role, state. Plain values, no SQL.

/// One row of the list of chats.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub id: String,
    pub title: String,
    pub model_id: String,
    /// RFC 3339, UTC, milliseconds.
    pub updated_at: String,
}

/// A chat that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub chat: Summary,
    /// `None` where only the title holds the words.
    pub hit: Option<Hit>,
}

/// The latest message that holds all the words; one that holds them as they were typed goes first.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub message_id: String,
    pub text: String,
}

/// What a chat asks of its model.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatSettings {
    pub model_id: String,
    pub preset_id: String,
    /// JSON, opaque here.
    pub sampling: String,
    pub system_prompt: String,
}

/// A chat with the path that is on show.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    pub id: String,
    pub title: String,
    pub settings: ChatSettings,
    /// The message from which on the model reads the chat; the first one with `None`.
    pub context_start: Option<String>,
    /// From the root to the chosen leaf, oldest first.
    pub path: Vec<Message>,
}

/// A picture that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// SHA-256 of its bytes, in hexadecimal.
    pub hash: String,
    /// Media type, such as `image/png`.
    pub kind: String,
    /// Pixels, turned as the file says.
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: String,
    pub chat_id: String,
    pub parent_id: Option<String>,
    pub role: Role,
    pub text: String,
    pub reasoning: String,
    /// How long the thinking took; `None` when there was none or nobody measured.
    pub thinking_ms: Option<u32>,
    pub state: State,
    /// JSON, opaque here.
    pub error: Option<String>,
    /// JSON, opaque here.
    pub stats: Option<String>,
    /// Where in a picture what the answer names is. JSON, opaque here.
    pub boxes: Option<String>,
    pub pictures: Vec<Picture>,
    /// RFC 3339, UTC, milliseconds.
    pub created_at: String,
    /// This message and those with the same parent, oldest first.
    pub siblings: Vec<String>,
}

/// A message to add. It becomes the chosen leaf of its chat.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage<'a> {
    pub chat_id: &'a str,
    pub parent_id: Option<&'a str>,
    pub role: Role,
    pub text: &'a str,
    pub state: State,
    /// Hashes of pictures that were added.
    pub pictures: &'a [String],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being written now.
    Streaming,
    Done,
    /// The person pressed Stop.
    Stopped,
    /// Ended by a limit of tokens.
    Length,
    /// Whoever wrote it went away; what had arrived is kept.
    Interrupted,
}

impl Role {
    pub(crate) fn key(self) -> &'static str {
        match self {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        [Role::System, Role::User, Role::Assistant].into_iter().find(|role| role.key() == key)
    }
}

impl State {
    pub(crate) fn key(self) -> &'static str {
        match self {
            State::Streaming => "streaming",
            State::Done => "done",
            State::Stopped => "stopped",
            State::Length => "length",
            State::Interrupted => "interrupted",
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        [State::Streaming, State::Done, State::Stopped, State::Length, State::Interrupted]
            .into_iter()
            .find(|state| state.key() == key)
    }
}

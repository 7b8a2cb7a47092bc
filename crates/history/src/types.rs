//! The types: chat, message, role, state. Plain values, no SQL.
//! JSON in `sampling`, `error`, `stats`, `boxes`, `passages` and `fields` is stored as text and never parsed
//! in this crate.

/// An entry of the list of chats.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub id: String,
    pub title: String,
    pub model_id: String,
    /// RFC 3339, UTC, milliseconds.
    pub updated_at: String,
    pub folder_id: Option<String>,
}

/// A search result.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchResult {
    pub chat: Summary,
    /// `None` if only the title matches.
    pub hit: Option<Hit>,
}

/// The latest matching message; an exact match of the query takes precedence.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub message_id: String,
    pub text: String,
}

/// The model settings of a chat.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatSettings {
    pub model_id: String,
    pub preset_id: String,
    /// JSON, opaque here.
    pub sampling: String,
    pub system_prompt: String,
}

/// A chat with its visible path.
#[derive(Debug, Clone, PartialEq)]
pub struct Chat {
    pub id: String,
    pub title: String,
    pub settings: ChatSettings,
    /// The first message of the model's context; `None` means the first of the chat.
    pub context_start: Option<String>,
    pub folder_id: Option<String>,
    /// From the root to the selected leaf, oldest first.
    pub path: Vec<Message>,
}

/// A folder of chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    pub id: String,
    pub name: String,
    /// Text before the system prompts of its chats.
    pub instructions: String,
    /// In the order in which they were added.
    pub documents: Vec<Document>,
    /// The number of its chats.
    pub chats: u32,
}

/// A stored image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// SHA-256 of its bytes, in hexadecimal.
    pub hash: String,
    /// Media type, such as `image/png`.
    pub kind: String,
    /// Pixels, after the EXIF orientation.
    pub width: u32,
    pub height: u32,
    pub bytes: u64,
}

/// A stored document, without the text of its pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// SHA-256 of its name and its bytes, in hexadecimal.
    pub hash: String,
    /// The name of its file.
    pub name: String,
    /// Opaque here.
    pub kind: String,
    pub bytes: u64,
    pub pages: u64,
    /// Of all pages, as the caller estimated them.
    pub tokens: u64,
    /// Numbers of pages that are pictures of text, from 1.
    pub scanned: Vec<u32>,
}

/// The text of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentText {
    /// Where the page has a name, as a sheet has.
    pub label: Option<String>,
    pub text: String,
}

/// A document to store.
#[derive(Debug, Clone, Copy)]
pub struct NewDocument<'a> {
    pub name: &'a str,
    pub kind: &'a str,
    /// The bytes of its file, which are not kept.
    pub content: &'a [u8],
    pub pages: &'a [DocumentText],
    pub tokens: u64,
    pub scanned: &'a [u32],
}

#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub id: String,
    pub chat_id: String,
    pub parent_id: Option<String>,
    pub role: Role,
    pub text: String,
    pub reasoning: String,
    /// Duration of the reasoning; `None` if there was none or it was not measured.
    pub thinking_ms: Option<u32>,
    pub state: State,
    /// JSON, opaque here.
    pub error: Option<String>,
    /// JSON, opaque here.
    pub stats: Option<String>,
    /// Bounding boxes (visual grounding) of the answer. JSON, opaque here.
    pub boxes: Option<String>,
    /// The passages of documents that an answer was given. JSON, opaque here.
    pub passages: Option<String>,
    pub images: Vec<Image>,
    pub documents: Vec<Document>,
    /// The calls of tools of an answer, in order.
    pub calls: Vec<ToolCall>,
    /// RFC 3339, UTC, milliseconds.
    pub created_at: String,
    /// This message and those with the same parent, oldest first.
    pub siblings: Vec<String>,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Differs from the others of its message.
    pub id: String,
    /// JSON, opaque here.
    pub fields: String,
    /// The first [`RESULT_BEGINNING`] characters.
    pub result: String,
    /// Characters of the whole result.
    pub result_chars: u64,
}

/// Characters of a result that come with its message.
pub const RESULT_BEGINNING: u32 = 32_000;

/// A message to add. It becomes the selected leaf of its chat.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage<'a> {
    pub chat_id: &'a str,
    pub parent_id: Option<&'a str>,
    pub role: Role,
    pub text: &'a str,
    pub state: State,
    /// Hashes of stored images.
    pub images: &'a [String],
    /// Hashes of stored documents.
    pub documents: &'a [String],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Being generated.
    Streaming,
    Done,
    /// Stopped by the user.
    Stopped,
    /// Ended by the token limit.
    Length,
    /// The writing process died; the received text is kept.
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

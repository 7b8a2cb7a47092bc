//! Conversations: a tree of messages, and the events of an answer while it streams.
//! A chat carries only the path that is shown; other branches are reached through `siblings`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{BoxView, ErrorView, PictureView, SamplingView};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ChatSummary {
    pub id: String,
    pub title: String,
    pub model_id: String,
    /// RFC 3339.
    pub updated_at: String,
    /// An answer is being written in it by this program.
    pub answering: bool,
    /// Of a search: where the words are. `None` where only the title holds them.
    pub hit: Option<SearchHit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SearchHit {
    pub message_id: String,
    /// Some words of the message, in parts.
    pub snippet: Vec<SnippetPart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SnippetPart {
    pub text: String,
    /// It is one of the words that were looked for.
    pub hit: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ChatView {
    pub id: String,
    pub title: String,
    pub model_id: String,
    /// `factual`, `creative`, `code`, `deepseek` or `custom`.
    pub preset_id: String,
    pub sampling: SamplingView,
    pub system_prompt: String,
    /// The message from which on the model reads the chat, where the person left out the older ones.
    pub context_start: Option<String>,
    /// The path from the root to the chosen leaf, oldest first.
    pub messages: Vec<MessageView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MessageView {
    pub id: String,
    pub parent_id: Option<String>,
    pub role: Role,
    pub text: String,
    /// Shown with the text, in this order.
    pub pictures: Vec<PictureView>,
    /// What the answer points at.
    pub boxes: Vec<BoxView>,
    /// Thinking, stored apart from the answer.
    pub reasoning: String,
    /// How long the model thought, over every part of the answer; `None` when it did not.
    pub thinking_seconds: Option<f64>,
    pub state: MessageState,
    pub error: Option<ErrorView>,
    pub stats: Option<AnswerStats>,
    /// This message and its siblings, oldest first, for the branch switch.
    pub siblings: Vec<String>,
    /// RFC 3339.
    pub created_at: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    Streaming,
    Done,
    /// The user pressed Stop.
    Stopped,
    /// Ended by `max_tokens` or a full context.
    Length,
    /// The worker or the app went away; what had arrived is kept.
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct AnswerStats {
    pub model_id: String,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    pub first_token_ms: f64,
    pub tokens_per_second: f64,
}

/// What the user sends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct SendRequest {
    pub chat_id: String,
    /// The message it answers to; `None` starts at the root.
    pub parent_id: Option<String>,
    /// Empty with `retry_of` set: answer that user message again as a new branch.
    pub text: String,
    /// Ids of pictures that were added.
    pub pictures: Vec<String>,
    /// The person wants an answer of a model of text alone: in place of each picture it reads that there is one. Without
    /// this, a conversation with pictures is refused by such a model.
    pub leave_out_pictures: bool,
    pub retry_of: Option<String>,
    /// Go on with this answer where it ended (`stopped`, `length` or `interrupted`): `started` then carries the same
    /// message with what it had, and the deltas are added to it. `text` is empty.
    pub continue_of: Option<String>,
    pub when_busy: WhenBusy,
    /// Of a new message: the model reads nothing that is before it. The person chose so, and the chat shows it.
    pub leave_out_older: bool,
}

/// What to do when the engine has another model loaded that is answering somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// Refuse with `model_busy`, before anything is written down.
    #[default]
    Ask,
    /// Begin when those answers have ended.
    Wait,
    /// Stop those answers; what was written of them is kept.
    Stop,
}

/// What is about to be sent, to be counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextQuery {
    pub model_id: String,
    /// `None` for a chat that does not exist yet.
    pub chat_id: Option<String>,
    /// The last message that the next one answers to; `None` at the root.
    pub parent_id: Option<String>,
    pub system_prompt: String,
    pub text: String,
    /// Ids of pictures that were added.
    pub pictures: Vec<String>,
    /// Tokens that a conversation may have, where the service said so and the app does not know.
    pub context: Option<u32>,
    /// It was sent and refused as too long, whatever an estimate says.
    pub refused: bool,
}

/// How much of a conversation's length would be used by a question, before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextUse {
    pub tokens: u32,
    /// Counted by the model's own tokenizer; otherwise an estimate from the letters.
    pub exact: bool,
    /// Tokens that a conversation with this model may have; `None` where only its service knows.
    pub context: Option<u32>,
    /// What could be left out where it is too long.
    pub trim: Option<ContextTrim>,
    /// A longer conversation that the model and the memory allow, where that is enough.
    pub longer: Option<LongerContext>,
}

/// The oldest turns of a chat, as many as have to go so that the rest has room for an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextTrim {
    /// The first message that stays; `None` where all go and only the new one stays.
    pub message_id: Option<String>,
    /// Messages that are left out.
    pub messages: u32,
    /// Tokens of what stays, with the new message.
    pub tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct LongerContext {
    /// Tokens.
    pub context: u32,
    /// Bytes that the conversation takes in memory then.
    pub memory: f64,
}

/// One batch of an answer, coalesced on the Rust side to 30-50 ms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one comes once in an answer, and its boxes come with the end"
)]
pub enum AnswerEvent {
    /// Both messages exist in the history now; there is no new one of the person in a retry or a continuation.
    Started {
        user: Option<MessageView>,
        assistant: MessageView,
    },
    /// Before the first word: a picture, counted from 1, is being looked at and so far through; 100 of the last one ends it.
    Looking {
        message_id: String,
        picture: u32,
        pictures: u32,
        percent: u32,
    },
    /// Another model is answering somebody; this answer begins when that has ended.
    Waiting {
        message_id: String,
    },
    Delta {
        message_id: String,
        text: String,
        reasoning: String,
    },
    /// Tokens of the prompt and of the answer so far, where the model counts while it writes.
    Counted {
        message_id: String,
        prompt_tokens: u32,
        completion_tokens: u32,
    },
    /// The model writes the same again and again. Once for an answer; nothing is stopped.
    Repeating {
        message_id: String,
    },
    /// Terminal: the message as stored.
    Finished {
        message: MessageView,
    },
    /// Terminal: the partial answer is kept, in state `interrupted`.
    Failed {
        message: MessageView,
        error: ErrorView,
    },
}

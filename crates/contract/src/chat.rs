//! Conversations: a tree of messages, and the events of an answer while it streams.
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
    Delta {
        message_id: String,
        text: String,
        reasoning: String,
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

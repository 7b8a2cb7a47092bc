//! Conversations: a tree of messages, and the events of an answer while it streams.
//! A chat carries only the path that is shown; other branches are reached through `siblings`.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{BoxView, DocumentView, ErrorView, PassageView, PictureView, SamplingView, ToolCallView};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ChatSummary {
    pub id: String,
    pub title: String,
    pub model_id: String,
    /// RFC 3339.
    pub updated_at: String,
    /// This program is writing an answer in the chat.
    pub answering: bool,
    /// The folder of the chat, if it is in one.
    pub folder_id: Option<String>,
    /// It is in memory only, and ends with the program.
    pub temporary: bool,
    /// The message that a search found; `None` where only the title matches.
    pub hit: Option<SearchHit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SearchHit {
    pub message_id: String,
    /// An excerpt of the message.
    pub snippet: Vec<SnippetPart>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SnippetPart {
    pub text: String,
    /// The part matches the query.
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
    /// The first message of the context, where the user excluded the older ones.
    pub context_start: Option<String>,
    /// The folder of the chat, if it is in one. Its instructions and documents go into the prompt.
    pub folder_id: Option<String>,
    /// It is in memory only, and ends with the program. It takes no pictures or documents.
    pub temporary: bool,
    /// The path from the root to the selected leaf, the oldest first.
    pub messages: Vec<MessageView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MessageView {
    pub id: String,
    pub parent_id: Option<String>,
    pub role: Role,
    pub text: String,
    /// The images of the message, in order.
    pub pictures: Vec<PictureView>,
    /// The documents of the message, in order.
    pub documents: Vec<DocumentView>,
    /// The passages of documents that the answer was given, where they did not fit as a whole.
    pub passages: Vec<PassageView>,
    /// The calls of tools in an answer, in order.
    pub calls: Vec<ToolCallView>,
    /// The objects that the answer locates in an image.
    pub boxes: Vec<BoxView>,
    /// The thinking, stored separately from the answer.
    pub reasoning: String,
    /// The thinking time of all parts of the answer; `None` without thinking.
    pub thinking_seconds: Option<f64>,
    pub state: MessageState,
    pub error: Option<ErrorView>,
    pub stats: Option<AnswerStats>,
    /// This message and its siblings, oldest first, for the branch switch.
    pub siblings: Vec<String>,
    /// RFC 3339.
    pub created_at: String,
}

impl MessageView {
    /// Whether the answer cites the passage of this number, from 1.
    pub fn cites(&self, number: usize) -> bool {
        self.text.contains(&format!("[citation:{number}]"))
    }
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
    /// The worker or the app ended; the text so far is stored.
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct AnswerStats {
    pub model_id: String,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
    pub first_token_ms: f64,
    pub tokens_per_second: f64,
    /// Of a model of this computer that drafts. Answers of earlier versions do not have it.
    #[serde(default)]
    pub drafts: Option<DraftStats>,
}

/// Speculative decoding in one answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DraftStats {
    pub drafter: Drafter,
    /// How often a first, second, third token of a step was proposed, and how often the model accepted it.
    pub proposed: Vec<u32>,
    pub accepted: Vec<u32>,
    /// When drafting was switched off for a while because it cost more time than it saved.
    pub pauses: Vec<DraftPause>,
    /// Milliseconds a token with drafts and without, as last measured.
    pub drafted_ms: Option<f64>,
    pub plain_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Drafter {
    /// The model's own multi-token-prediction layer.
    Mtp,
    /// What followed the same tokens earlier in the conversation.
    Lookup,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Type)]
pub struct DraftPause {
    /// Tokens of the answer before it.
    pub tokens: u32,
    /// Milliseconds a token that were measured until then.
    pub drafted_ms: f64,
    pub plain_ms: f64,
    /// Steps without drafts that follow.
    pub steps: u32,
}

/// The routed experts of a mixture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ExpertLayers {
    pub n_routed_experts: u32,
    pub num_experts_per_tok: u32,
    /// Index of each MoE layer.
    pub layers: Vec<u32>,
}

/// How one token of an answer was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct TokenTrace {
    /// `None` where the server names no tokens.
    pub text: Option<String>,
    /// A drafter proposed it.
    pub drafted: bool,
    /// The token that a drafter proposed here and the model rejected.
    pub rejected: Option<String>,
    /// By MoE layer, highest weight first; empty in a dense model.
    pub experts: Vec<Vec<u16>>,
}

/// How a chat is saved to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ChatFileFormat {
    Markdown,
    Html,
    Word,
    /// JSON with every branch, image and document, which can be imported again.
    Whaledeck,
}

impl ChatFileFormat {
    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Word => "docx",
            Self::Whaledeck => "json",
        }
    }
}

/// What of a chat is saved, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ChatFile {
    /// The suggested name of the file, without an ending.
    pub name: String,
    /// The file type in the user's language.
    pub kind: String,
    pub format: ChatFileFormat,
    /// Otherwise the selected branch. The app's own format always has all.
    pub all_branches: bool,
}

/// A request for an answer: a new message, a retry or a continuation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct SendRequest {
    pub chat_id: String,
    /// The message before the new one; `None` at the root.
    pub parent_id: Option<String>,
    /// Empty when `retry_of` is set: then that user message is answered again as a new branch.
    pub text: String,
    /// Ids of attached images.
    pub pictures: Vec<String>,
    /// Ids of attached documents.
    pub documents: Vec<String>,
    /// A text-only model answers with a placeholder for each image. Without this, it refuses a conversation
    /// with images.
    pub leave_out_pictures: bool,
    pub retry_of: Option<String>,
    /// Continues this answer (`stopped`, `length` or `interrupted`): `started` has the same message with its
    /// text so far, and the deltas are appended. `text` is empty.
    pub continue_of: Option<String>,
    pub when_busy: WhenBusy,
    /// The context starts at the new message. The user chose it, and the chat shows it.
    pub leave_out_older: bool,
    /// The events have each token of the answer with its experts and drafts, where the server tells them.
    pub trace: bool,
    /// The tools that are switched on are offered to the model.
    pub tools: bool,
}

/// What to do when the worker is answering with another model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum WhenBusy {
    /// Refuse with `model_busy`, before anything is stored.
    #[default]
    Ask,
    /// Start when those answers have ended.
    Wait,
    /// Stop those answers; their text so far is stored.
    Stop,
}

/// A message before it is sent, to count its tokens.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextQuery {
    pub model_id: String,
    /// `None` for a chat that does not exist yet.
    pub chat_id: Option<String>,
    /// The folder of a chat that does not exist yet.
    pub folder_id: Option<String>,
    /// The message before the new one; `None` at the root.
    pub parent_id: Option<String>,
    pub system_prompt: String,
    pub text: String,
    /// Ids of attached images.
    pub pictures: Vec<String>,
    /// Ids of attached documents.
    pub documents: Vec<String>,
    /// The context length, where only the error of a service has it.
    pub context: Option<u32>,
    /// The tools that are switched on are offered to the model.
    pub tools: bool,
    /// The message was refused as too long, whatever the estimate is.
    pub refused: bool,
}

/// The tokens that a prompt would use of the context, before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextUse {
    pub tokens: u32,
    /// True when the tokenizer of the model counted; otherwise the number is an estimate from the letters.
    pub exact: bool,
    /// The context length of the model, in tokens; `None` where only its service knows it.
    pub context: Option<u32>,
    /// The documents do not fit as a whole: only the passages that match the question are in the prompt.
    pub searched: bool,
    /// The turns to exclude, if the prompt is too long.
    pub trim: Option<ContextTrim>,
    /// A longer context that is enough and that the model and the memory allow.
    pub longer: Option<LongerContext>,
}

/// The oldest turns of a chat that must be excluded, so that the rest leaves room for an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ContextTrim {
    /// The first message that stays; `None` where only the new one stays.
    pub message_id: Option<String>,
    /// The number of excluded messages.
    pub messages: u32,
    /// The tokens of the rest, with the new message.
    pub tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct LongerContext {
    /// Tokens.
    pub context: u32,
    /// The bytes of its KV cache.
    pub memory: f64,
}

/// One event of an answer. Text is gathered for 40 ms before it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one comes once in an answer, and its boxes come with the end"
)]
pub enum AnswerEvent {
    /// Both messages are stored. A retry or a continuation has no new user message.
    Started {
        user: Option<MessageView>,
        assistant: MessageView,
    },
    /// Progress of the vision encoder before the first token: image `picture` of `pictures`, counted from 1.
    Looking {
        message_id: String,
        picture: u32,
        pictures: u32,
        percent: u32,
    },
    /// Progress of the prompt before the first token, where it is long and the server reports it.
    Reading {
        message_id: String,
        /// Tokens that are computed, those that were kept from before included.
        processed: u32,
        total: u32,
        /// Until the first token, from the rate so far; `None` until that is known.
        seconds_left: Option<f64>,
    },
    /// The worker is answering with another model; this answer starts after it.
    Waiting {
        message_id: String,
    },
    Delta {
        message_id: String,
        text: String,
        reasoning: String,
    },
    /// The next tokens of the answer and how they were made, in order; only when the request has `trace`.
    Traced {
        message_id: String,
        /// `None` in a dense model.
        experts: Option<ExpertLayers>,
        tokens: Vec<TokenTrace>,
    },
    /// A new call of a tool, or a new state of one with the same id.
    Called {
        message_id: String,
        call: ToolCallView,
    },
    /// The tokens of the prompt and of the answer so far, where the server counts them during the stream.
    Counted {
        message_id: String,
        prompt_tokens: u32,
        completion_tokens: u32,
    },
    /// The model repeats itself. Sent once per answer; the answer is not stopped.
    Repeating {
        message_id: String,
    },
    /// Terminal: the message as stored.
    Finished {
        message: MessageView,
    },
    /// Terminal: the partial answer is stored, in state `interrupted`.
    Failed {
        message: MessageView,
        error: ErrorView,
    },
}

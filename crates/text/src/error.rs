//! Why text cannot be handled.
use std::path::PathBuf;

#[derive(Debug, Clone, thiserror::Error)]
pub enum TextError {
    #[error("read {path}: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("read the tokenizer: {0}")]
    Vocabulary(String),
    /// A value that this build knows nothing of.
    #[error("read the tokenizer: {field} is {value:?}, which is not supported")]
    Unsupported { field: &'static str, value: String },
    #[error("turn text into tokens: {0}")]
    Encode(String),
    #[error("apply the chat template: {0}")]
    Template(String),
    /// The model says nowhere how a conversation is written.
    #[error("find a chat template: {0} has none")]
    NoTemplate(String),
    /// Turns are counted as the request lists them, from 0.
    #[error(
        "apply the chat template: messages[{turn}].role is {role:?}, and it is system, developer, user, assistant or tool"
    )]
    UnknownRole { turn: usize, role: String },
    /// What would not reach the model is refused: an answer without it looks right and is not.
    #[error("apply the chat template: it does not write messages[{turn}], whose role is {role:?}")]
    TurnLost { turn: usize, role: String },
    #[error("hold the answer to its form: {0}")]
    Grammar(String),
}

//! Errors of tokenizers, chat templates and grammars. Display completes "failed to".
//! The caller adds the field of the request or the path of the model where the error has none.
use std::path::PathBuf;

#[derive(Debug, Clone, thiserror::Error)]
pub enum TextError {
    #[error("read {path}: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("read the tokenizer: {0}")]
    Vocabulary(String),
    /// A value that this build does not support.
    #[error("read the tokenizer: {field} is {value:?}, which is not supported")]
    Unsupported { field: &'static str, value: String },
    /// A vocabulary of bytes with the rules of another kind of tokenizer.
    #[error("read the tokenizer: {0} has a vocabulary of bytes and does not split text into bytes")]
    SavedAgain(PathBuf),
    #[error("tokenize the text: {0}")]
    Encode(String),
    #[error("apply the chat template: {0}")]
    Template(String),
    /// Neither the folder nor the GGUF file has a chat template.
    #[error("find a chat template: {0} has none")]
    NoTemplate(String),
    /// `index` is the position in the request's messages, from 0.
    #[error(
        "apply the chat template: messages[{index}].role is {role:?}, not system, developer, user, assistant or tool"
    )]
    UnknownRole { index: usize, role: String },
    /// The template leaves a message out. This is an error because the answer would silently ignore that
    /// message.
    #[error("apply the chat template: it does not write messages[{index}], whose role is {role:?}")]
    MessageDropped { index: usize, role: String },
    #[error("compile the grammar: {0}")]
    Grammar(String),
}

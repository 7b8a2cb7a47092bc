//! A prompt as text, before it is encoded: `render` writes it with the chat template, the tokenizer encodes
//! it.
use crate::GuardedText;

/// A rendered prompt. Untrusted text in it is guarded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    pub guarded: GuardedText,
    /// The prompt ends inside `<think>`, so the output begins with reasoning.
    pub thinking: bool,
    /// The prompt ends with a question and without a think tag, so the model chooses whether to reason.
    pub undecided: bool,
}

impl Prompt {
    pub fn text(&self) -> &str {
        &self.guarded.text
    }
}

//! Detects from the chat template whether a model reasons before it answers, and what switches it.
//! Only the template is read; `reasoning_parser` separates the reasoning from the answer.
use std::collections::HashSet;

/// Template variables that switch reasoning.
const SWITCHES: [&str; 2] = ["thinking", "enable_thinking"];

/// The reasoning support of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reasoning {
    Never,
    /// The template has no switch: the model reasons as it was trained to.
    Fixed,
    /// Switched by these template variables.
    Switch(Vec<&'static str>),
}

impl Reasoning {
    /// `variables` are the undeclared variables of the template. The template of a reasoning model writes the
    /// think tags into the prompt, or drops the text between them from the history.
    pub(crate) fn from_template(source: &str, variables: &HashSet<String>) -> Self {
        let switches: Vec<_> = SWITCHES.into_iter().filter(|name| variables.contains(*name)).collect();
        if !switches.is_empty() {
            Self::Switch(switches)
        } else if source.contains("</think>") || source.contains("<think>") {
            Self::Fixed
        } else {
            Self::Never
        }
    }
}

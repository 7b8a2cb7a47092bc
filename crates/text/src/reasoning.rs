//! Whether a model thinks before it answers, as its chat template says.
use std::collections::HashSet;

/// Names under which templates ask whether to think.
const SWITCHES: [&str; 2] = ["thinking", "enable_thinking"];

/// What can be asked of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reasoning {
    Never,
    /// As the model was trained: the template has no switch.
    Fixed,
    /// By these variables of the template.
    Switch(Vec<&'static str>),
}

impl Reasoning {
    /// `variables` are those that the template reads and does not set. A template of a model that thinks writes the tags into
    /// the prompt, or cuts what is between them from the history.
    pub(crate) fn of_template(source: &str, variables: &HashSet<String>) -> Self {
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

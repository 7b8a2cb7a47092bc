//! The library of prompts: texts with variables that the user keeps, and the examples that come with the
//! app. A host fills in the parts.
use serde::{Deserialize, Serialize};
use specta::Type;

/// The variable that is the day of today. The window fills in `clipboard` as well.
pub const DATE_VARIABLE: &str = "date";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SavedPrompt {
    pub id: String,
    pub name: String,
    /// With its variables, such as `{{text}}` and `{{language|English}}`.
    pub text: String,
    /// The text in its parts, in order.
    pub parts: Vec<PromptPart>,
    /// It comes with the app, in the language that was asked for.
    pub example: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PromptPart {
    Text {
        text: String,
    },
    /// `default` is empty where none is written.
    Variable {
        name: String,
        default: String,
    },
}

/// A prompt to save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PromptDraft {
    /// `None` saves a new one.
    pub id: Option<String>,
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PromptLibrary {
    /// Those of the user by name, then the examples.
    pub prompts: Vec<SavedPrompt>,
    /// Examples that the user has hidden.
    pub hidden_examples: u32,
}

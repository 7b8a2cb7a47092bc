//! Settings of the app.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::SourceKind;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SettingsView {
    pub language: Language,
    pub theme: Theme,
    pub models_dir: String,
    pub source: SourceKind,
    pub hugging_face_endpoint: String,
    pub model_scope_endpoint: String,
    /// True once the person left the Welcome page.
    pub welcomed: bool,
    pub send_with_enter: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// As the operating system says.
    System,
    En,
    Zh,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    System,
    Light,
    Dark,
}

//! The settings as a host reads and writes them; the file's own format is in `app`.
//! Passwords are not among them: only where a password is kept.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{KeyPlace, SamplingView, SourceKind};

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
    /// For cloud services and downloads; what runs on this computer is never asked through a proxy.
    pub proxy: ProxyKind,
    /// Of `proxy = address`: `http://`, `https://`, `socks5://` or `socks5h://`, without a name or a password.
    pub proxy_address: String,
    /// Whom that proxy knows; empty where it asks for no name. Set together with its password, and only so.
    pub proxy_user: String,
    /// Where the password of the proxy is kept. It never leaves the app.
    pub proxy_password: KeyPlace,
    /// A file with certificates (PEM) to trust beside those of the system; empty for none.
    pub certificates: String,
    /// What was chosen last in a chat, for the next one. Set by the app; what a page sends is passed over.
    pub last_chat: LastChat,
    /// Tokens of a conversation by the id of a model of this computer, where the person chose another length than the
    /// usual one. Set by the app.
    pub contexts: BTreeMap<String, u32>,
    /// What was measured of this computer, `None` before. Set by the app.
    pub measured: Option<MeasuredMemory>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct LastChat {
    /// Empty before the first chat.
    pub model_id: String,
    pub preset_id: String,
    /// Of `preset_id = custom`; a preset has its own values.
    pub sampling: Option<SamplingView>,
    pub system_prompt: String,
}

/// Speed of main memory, and on which processor: settings that came from another computer say nothing here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MeasuredMemory {
    pub cpu: String,
    /// Bytes per second.
    pub bandwidth: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ProxyKind {
    /// As the operating system says.
    System,
    /// None, whatever the system says.
    Direct,
    Address,
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

//! The settings as a host reads and writes them; the file's own format is in `app`.
//! Passwords are not among them: only where a password is kept.
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use specta::Type;

use crate::{KeyPlace, ModelSettings, PlaceKind, SamplingView, SourceKind};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SettingsView {
    pub language: Language,
    pub theme: Theme,
    pub models_dir: String,
    pub source: SourceKind,
    pub hugging_face_endpoint: String,
    pub model_scope_endpoint: String,
    /// True once the user left the Welcome page.
    pub welcomed: bool,
    pub send_with_enter: bool,
    pub chat_titles: TitleSource,
    /// The end of a long answer or a download is told while the window is not in front.
    pub notifications: bool,
    /// The program is in the tray of the desktop, and stays there when its window is closed.
    pub tray: bool,
    /// Where models of this computer compute.
    pub place: PlaceKind,
    /// For `place = card`: the number of the card, in the order of the hardware view's NVIDIA cards.
    pub card: u32,
    /// For cloud services and downloads. A server on this computer is never reached through a proxy.
    pub proxy: ProxyKind,
    /// For `proxy = address`: `http://`, `https://`, `socks5://` or `socks5h://`, without a user name or a
    /// password.
    pub proxy_address: String,
    /// The user name for the proxy; empty when it needs none. It is set together with the password only.
    pub proxy_user: String,
    /// Where the password of the proxy is stored. It never leaves the app.
    pub proxy_password: KeyPlace,
    /// A PEM file of certificates to trust in addition to those of the system; empty for none.
    pub certificates: String,
    /// The choices of the last chat, for the next one. Set by the app; a value from a page is ignored.
    pub last_chat: LastChat,
    /// How models of this computer are run, by id, where the user changed it. Set by the app.
    pub models: BTreeMap<String, ModelSettings>,
    /// The measured memory bandwidth; `None` before the measurement. Set by the app.
    pub measured: Option<MeasuredMemory>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct LastChat {
    /// Empty before the first chat.
    pub model_id: String,
    pub preset_id: String,
    /// For `preset_id = custom`; a preset has its own values.
    pub sampling: Option<SamplingView>,
    pub system_prompt: String,
}

/// The bandwidth of main memory, with its processor: a value that was copied from another computer is
/// ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct MeasuredMemory {
    pub cpu: String,
    /// Bytes per second.
    pub bandwidth: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ProxyKind {
    /// The setting of the operating system.
    System,
    /// No proxy, also when the system has one.
    Direct,
    Address,
}

/// Where the title of a new chat comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum TitleSource {
    /// Its first words.
    FirstMessage,
    /// Its model, unless a cloud service charges for it.
    Local,
    /// Its model, whatever it is.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// The setting of the operating system.
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

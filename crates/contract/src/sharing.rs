//! The worker offered to other programs: its address, the API keys that it accepts, and the access log. A
//! key's secret is in one answer only, when it is created. No request carries text of a prompt or an answer.
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SharingSpec {
    pub on: bool,
    /// `127.0.0.1` for programs of this computer, `0.0.0.0` for the network, or one address of this computer.
    pub host: String,
    pub port: u16,
    /// Requests per minute and key; 0 is no limit.
    pub rate: u32,
    /// Web origins whose pages may use the API in a browser, such as `app://obsidian.md`.
    #[serde(default)]
    pub origins: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SharingView {
    pub spec: SharingSpec,
    /// Whether other computers can reach the worker, now or once a model is loaded.
    pub beyond: bool,
    /// The base URLs, each with the path of the protocol.
    pub addresses: Vec<String>,
    /// The model that is served now.
    pub model_id: Option<String>,
    /// The change applies once the answers in progress have ended.
    pub waiting: bool,
    pub keys: Vec<SharingKey>,
}

/// An API key of another program. Its secret is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SharingKey {
    pub id: String,
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; `None` for a key that never expires.
    pub expires_at: Option<String>,
    pub expired: bool,
}

/// A new key with its secret, which is shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct NewSharingKey {
    pub secret: String,
    pub key: SharingKey,
}

impl std::fmt::Debug for NewSharingKey {
    /// Omits the secret, because debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSharingKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// One request of another program, without the texts of the prompt and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SharingRequest {
    /// RFC 3339.
    pub at: String,
    /// The name of its key; `?` without a valid key.
    pub key: String,
    pub path: String,
    pub status: u16,
    pub ms: u32,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

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
    /// Requests a minute that each key may make; 0 is no limit.
    pub rate: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SharingView {
    pub spec: SharingSpec,
    /// Whether programs beyond this computer can reach it now, or could if a model were loaded.
    pub beyond: bool,
    /// Where programs reach it, each with the protocol's path.
    pub addresses: Vec<String>,
    /// The model that is served now.
    pub model_id: Option<String>,
    /// What was chosen begins when the answers that are being written have ended.
    pub waiting: bool,
    pub keys: Vec<SharingKey>,
}

/// A key of another program. What it is, is not known any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct SharingKey {
    pub id: String,
    pub name: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; never when absent.
    pub expires_at: Option<String>,
    pub expired: bool,
}

/// A key as it is shown, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct NewSharingKey {
    pub secret: String,
    pub key: SharingKey,
}

impl std::fmt::Debug for NewSharingKey {
    /// Without the key: what is printed ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSharingKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// One request of another program, without a word of what was asked or answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct SharingRequest {
    /// RFC 3339.
    pub at: String,
    /// The name of its key; `?` where it had none that opens.
    pub key: String,
    pub path: String,
    pub status: u16,
    pub ms: u32,
    pub prompt_tokens: u32,
    pub completion_tokens: u32,
}

//! Downloads: one job per model variant, with its files.
//! Amounts are in bytes; `done` counts received bytes and `verified` those of files whose hash was checked.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    HuggingFace,
    ModelScope,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DownloadView {
    /// `<model id>/<variant id>`.
    pub id: String,
    pub model_id: String,
    pub variant_id: String,
    pub source: SourceKind,
    pub state: DownloadState,
    /// Bytes.
    pub total: f64,
    /// Bytes received and on disk.
    pub done: f64,
    /// Bytes of complete files with the hash of the source.
    pub verified: f64,
    /// Bytes on this computer that were hashed before the transfer, also of files of other programs.
    pub hashed: f64,
    /// Bytes per second over the last seconds.
    pub speed: f64,
    pub seconds_left: Option<f64>,
    /// Seconds until the next request, while the source limits the rate.
    pub waiting_seconds: Option<f64>,
    pub files: Vec<DownloadFileView>,
    pub error: Option<ErrorView>,
    /// The other source, offered when this one fails; it is never used silently.
    pub alternative: Option<SourceKind>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DownloadFileView {
    pub path: String,
    pub size: f64,
    pub done: f64,
    /// The file is complete and has the hash of the source.
    pub verified: bool,
    /// The program that has the same file on this computer, such as "Hugging Face".
    pub found_in: Option<String>,
    /// It is a link to that file: none of its bytes is downloaded. Otherwise the file system allows no link.
    pub linked: bool,
}

/// Files of another program that a model uses as links.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct LinkedView {
    /// The name of the program, such as "Hugging Face".
    pub program: String,
    /// Bytes.
    pub size: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum DownloadState {
    Listing,
    Transferring,
    Paused,
    Verifying,
    Ready,
    Failed,
}

//! The result of a start: whether the chats could be opened, what can be done where not, and their backups.
//! No way listed here deletes the file of the chats.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct StartView {
    /// Why the chats are not open; every use case that needs them fails with this error.
    pub failure: Option<ErrorView>,
    /// Why the chats are open read-only: nothing can be sent or changed.
    pub read_only: Option<ErrorView>,
    /// The possible recoveries, the safest first.
    pub ways: Vec<StartWay>,
    /// The file of the chats.
    pub path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum StartWay {
    Retry,
    ReadOnly,
    /// The file that cannot be opened is kept among the backups.
    Empty,
}

/// A path that a desktop can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ShownPlace {
    Chats,
    Backups,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct BackupsView {
    pub folder: String,
    /// The latest first.
    pub backups: Vec<BackupView>,
    /// Why the last daily backup failed. Earlier backups still exist.
    pub problem: Option<ErrorView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct BackupView {
    pub id: String,
    pub kind: BackupKind,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub bytes: f64,
    /// The number of images. Their files are shared with the chats, so they take no extra space.
    pub pictures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    Daily,
    /// Made before the file was migrated for a newer version of the app.
    Update,
    /// The chats that a restored backup or a new empty file replaced.
    Replaced,
    /// Made by the user.
    Asked,
}

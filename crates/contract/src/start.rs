//! The result of a start: whether the chats could be opened, what can be done where not, and their backups.
//! No way listed here deletes the file of the chats.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct StartView {
    /// Why the chats are not open; everything that needs them fails with it.
    pub failure: Option<ErrorView>,
    /// Why they are open for reading only: nothing can be sent or changed.
    pub read_only: Option<ErrorView>,
    /// What can be tried next, the most careful first.
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

/// A place on the disk that a desktop can show.
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
    /// Why the last one that was due could not be made. Those before it are there still.
    pub problem: Option<ErrorView>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct BackupView {
    pub id: String,
    pub kind: BackupKind,
    /// RFC 3339, UTC.
    pub created_at: String,
    pub bytes: f64,
    /// They share their room on the disk with those of the chats.
    pub pictures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    Daily,
    /// Before the file was changed for a newer version of the app.
    Update,
    /// What was there when a backup was put back, or when the person started empty.
    Replaced,
    /// The person asked for it.
    Asked,
}

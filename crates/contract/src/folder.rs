//! Folders of chats: instructions and documents that all chats of a folder share.
//! A chat is in one folder or in none.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::DocumentView;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct Folder {
    pub id: String,
    pub name: String,
    /// Text before the system prompts of its chats.
    pub instructions: String,
    /// Documents that every chat of the folder reads, in the order in which they were added.
    pub documents: Vec<DocumentView>,
    /// The number of its chats.
    pub chats: u32,
}

//! Documents of messages: what the page shows of one, a page of it, and the passages that an answer was
//! given.
use protocol::DocumentKind;
use serde::{Deserialize, Serialize};
use specta::Type;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct DocumentView {
    /// SHA-256 of its name and its bytes.
    pub id: String,
    /// The name of its file.
    pub name: String,
    pub kind: DocumentKind,
    /// Bytes of the file.
    pub size: f64,
    /// Pages, slides or sheets.
    pub pages: u32,
    /// Of its whole text, estimated from the letters.
    pub tokens: u32,
    /// Numbers of pages that are pictures of text, from 1.
    pub scanned: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct DocumentPageView {
    /// From 1.
    pub page: u32,
    /// The name of a sheet.
    pub label: Option<String>,
    pub text: String,
}

/// A passage of a document that an answer was given. The answer cites it by its place in the list, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct PassageView {
    pub document_id: String,
    pub name: String,
    /// From 1.
    pub page: u32,
    pub label: Option<String>,
    pub text: String,
}

//! A document's text, as the process that extracts it writes it for the app.
//! The pages are in their order; an empty one is a page too.
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractedDocument {
    pub kind: DocumentKind,
    pub pages: Vec<DocumentPage>,
    /// Numbers of the pages that are pictures of text, from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scanned: Vec<u32>,
}

/// A page, a slide or a sheet; a document without them is one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentPage {
    /// The name of a sheet; pages and slides have their number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "specta", derive(specta::Type))]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    Pdf,
    Word,
    Sheet,
    Presentation,
    /// A text or a presentation of OpenDocument.
    OpenDocument,
    Html,
    Email,
    /// Plain text, Markdown, code, CSV.
    Text,
}

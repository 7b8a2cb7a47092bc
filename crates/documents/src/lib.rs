//! The text of documents, page by page, and pages of a PDF as pictures: PDF, Word, Excel, PowerPoint,
//! OpenDocument, HTML, e-mail, and every kind of plain text.
//!
//! Knows nothing of models, of the network or of how a document is used. It runs in a process of its own,
//! because the readers of such formats meet hostile files.

mod email;
mod error;
mod html;
mod kind;
mod limits;
mod office;
mod pdf;
mod plain;
mod sheets;
mod tidy;

use protocol::{DocumentKind, DocumentPage, ExtractedDocument};

pub use self::error::DocumentError;
pub use self::kind::kind_of;
pub use self::limits::read_limited;
pub use self::pdf::page_picture;

/// The text of a document. `name` is the file's name, which decides where the content does not.
///
/// # Errors
/// A kind that is not read, a locked or damaged file, and one that is too large.
pub fn extract(name: &str, bytes: Vec<u8>) -> Result<ExtractedDocument, DocumentError> {
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    let kind = kind_of(name, &bytes)?;
    let (pages, scanned) = match kind {
        DocumentKind::Pdf => pdf::read(bytes)?,
        DocumentKind::Word => (office::word(&bytes)?, Vec::new()),
        DocumentKind::Presentation => (office::presentation(&bytes)?, Vec::new()),
        DocumentKind::OpenDocument => (office::open_document(&bytes)?, Vec::new()),
        DocumentKind::Sheet => (sheets::read(bytes)?, Vec::new()),
        DocumentKind::Html => (vec![page(html::read(&plain::decode(&bytes))?)], Vec::new()),
        DocumentKind::Email => (vec![page(email::read(&bytes)?)], Vec::new()),
        DocumentKind::Text => (vec![page(plain::decode(&bytes))], Vec::new()),
    };
    if scanned.is_empty() && pages.iter().all(|page| page.text.trim().is_empty()) {
        return Err(DocumentError::Empty);
    }
    limits::check_text(pages.iter().map(|page| page.text.len()).sum())?;
    Ok(ExtractedDocument { kind, pages, scanned })
}

/// The only page of a document without pages.
fn page(text: String) -> DocumentPage {
    DocumentPage { label: None, text }
}

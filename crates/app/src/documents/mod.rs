//! Documents as use cases: attach, show a page, take pages as pictures, discard. The worker program reads the
//! file in a process of its own; the history keeps the text.
mod library;
mod passages;
mod prompt;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::{DocumentPageView, DocumentView, ErrorCode, ErrorView, PictureView};
use history::{DocumentText, NewDocument};
use protocol::ExtractedDocument;

pub(crate) use self::library::Library;
pub(crate) use self::prompt::{DocumentMode, with_documents};

use crate::App;
use crate::blocking::blocking;
use crate::convert::{document_kind_key, document_view, failure_view, storage_error};
use crate::token_estimate;

/// As the reader has it: a larger file is refused before it is sent to it.
const MAX_BYTES: usize = 100 << 20;
/// Pages that are taken as pictures at once: a vision model reads few.
const MAX_PAGES: usize = 8;

impl App {
    /// Attaches a document from base64, as a page reads a file that is dropped or chosen.
    pub async fn document_add(&self, name: String, data: String) -> Result<DocumentView, ErrorView> {
        let content = decode(data).await?;
        self.document_add_bytes(file_name(&name), content).await
    }

    /// Attaches a document file. The same file gives the same document. One that no message and no folder
    /// uses is deleted after a day.
    pub async fn document_add_file(&self, path: &Path) -> Result<DocumentView, ErrorView> {
        let content = read(path).await?;
        let name = file_name(&path.to_string_lossy());
        let added = self.document_add_bytes(name, content).await;
        added.map_err(|error| error.with("path", path.display()))
    }

    async fn document_add_bytes(&self, name: String, content: Vec<u8>) -> Result<DocumentView, ErrorView> {
        let history = self.chats_file.writable()?;
        let extracted = deploy::extract_document(&self.paths.engine_binary, &name, content.clone()).await;
        let document = extracted.map_err(|failure| failure_view(&failure))?;
        blocking("attach the document", move || store(&history, &name, &content, document)).await
    }

    /// A page of a document. `page` counts from 1.
    pub async fn document_page(&self, id: &str, page: u32) -> Result<DocumentPageView, ErrorView> {
        let id = id.to_owned();
        let pages = self.with_history(move |history| history.document_pages(&id)).await?;
        let at = page.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        let found = at.and_then(|at| pages.into_iter().nth(at));
        let DocumentText { label, text } = found.ok_or_else(|| {
            ErrorView::new(ErrorCode::InvalidInput, format!("show the document: it has no page {page}"))
        })?;
        Ok(DocumentPageView { page, label, text })
    }

    /// Attaches pages of a PDF as images, for a model that sees: a scanned page has no text.
    pub async fn document_pictures(
        &self,
        data: String,
        pages: Vec<u32>,
    ) -> Result<Vec<PictureView>, ErrorView> {
        let content = decode(data).await?;
        let mut pictures = Vec::new();
        for page in pages.into_iter().take(MAX_PAGES) {
            let png = deploy::document_page(&self.paths.engine_binary, content.clone(), page).await;
            let png = png.map_err(|failure| failure_view(&failure))?;
            pictures.push(self.picture_add_bytes(png).await?);
        }
        Ok(pictures)
    }

    /// Deletes an attached document, unless a message or a folder uses it.
    pub async fn document_discard(&self, id: &str) -> Result<(), ErrorView> {
        let id = id.to_owned();
        self.with_history(move |history| history.document_discard(&id)).await
    }
}

fn store(
    history: &history::History,
    name: &str,
    content: &[u8],
    document: ExtractedDocument,
) -> Result<DocumentView, ErrorView> {
    let ExtractedDocument { kind, pages, scanned } = document;
    let pages: Vec<DocumentText> =
        pages.into_iter().map(|page| DocumentText { label: page.label, text: page.text }).collect();
    let kind = document_kind_key(kind);
    let tokens: f64 = pages.iter().map(|page| token_estimate::tokens(&page.text)).sum();
    let tokens = tokens.ceil() as u64;
    let new = NewDocument { name, kind: &kind, content, pages: &pages, tokens, scanned: &scanned };
    document_view(history.document_add(&new).map_err(crate::convert::history_error)?)
}

/// The name of a file without its folder, which a page could send.
fn file_name(name: &str) -> String {
    Path::new(name).file_name().map_or_else(|| "document".into(), |name| name.to_string_lossy().into_owned())
}

async fn decode(data: String) -> Result<Vec<u8>, ErrorView> {
    // Four letters encode three bytes, so the size is known before decoding.
    check_size(data.len() / 4 * 3)?;
    blocking("attach the document", move || {
        STANDARD.decode(data.trim()).map_err(|error| {
            let message = format!("attach the document: its base64 is broken: {error}");
            ErrorView::new(ErrorCode::InvalidInput, message)
        })
    })
    .await
}

async fn read(path: &Path) -> Result<Vec<u8>, ErrorView> {
    let path = path.to_owned();
    blocking("attach the document", move || {
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                ErrorView::new(ErrorCode::InvalidInput, format!("attach the document: {error}"))
                    .with("path", path.display())
            }
            _ => storage_error("attach the document", &path, &error),
        };
        let length = std::fs::metadata(&path).map_err(failed)?.len();
        check_size(usize::try_from(length).unwrap_or(usize::MAX))?;
        std::fs::read(&path).map_err(failed)
    })
    .await
}

fn check_size(bytes: usize) -> Result<(), ErrorView> {
    // Base64 rounds up to three bytes.
    if bytes <= MAX_BYTES + 3 {
        return Ok(());
    }
    let message = format!("attach the document: it has {bytes} bytes, and {MAX_BYTES} are read");
    Err(ErrorView::new(ErrorCode::DocumentTooLarge, message))
}

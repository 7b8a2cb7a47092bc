//! PDF: the text of each page, and pages as pictures. A page that is only a picture, as scanners make it,
//! has no text and is said to be one.
mod glyphs;
mod lines;
mod picture;

use hayro::hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page};
use hayro::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro::kurbo::Rect;
use protocol::DocumentPage;

use self::glyphs::GlyphCollector;
pub use self::picture::page_picture;
use crate::DocumentError;
use crate::tidy::tidy;

/// More pages than any book has: a file may claim more than it could ever hold.
const MAX_PAGES: usize = 20_000;

/// The pages, and the numbers of those that are pictures of text, from 1.
///
/// # Errors
/// A file that is no PDF, is locked, or has too many pages.
pub fn read(bytes: Vec<u8>) -> Result<(Vec<DocumentPage>, Vec<u32>), DocumentError> {
    let pdf = open(bytes)?;
    let cache = InterpreterCache::new();
    let (mut pages, mut scanned) = (Vec::new(), Vec::new());
    for (at, page) in pdf.pages().iter().enumerate() {
        let (width, height) = page.render_dimensions();
        let bounds = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
        let transform = page.initial_transform(true).to_kurbo();
        let mut context = Context::new(transform, bounds, &cache, pdf.xref(), InterpreterSettings::default());
        let mut collector = GlyphCollector::new(f64::from(width) * f64::from(height));
        interpret_page(page, &mut context, &mut collector);
        if collector.is_scanned() {
            scanned.extend(u32::try_from(at + 1));
        }
        pages.push(DocumentPage { label: None, text: tidy(&lines::text(collector.glyphs())) });
    }
    Ok((pages, scanned))
}

fn open(bytes: Vec<u8>) -> Result<Pdf, DocumentError> {
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => DocumentError::Locked,
        LoadPdfError::Decryption(error) => DocumentError::Invalid(format!("its encryption: {error:?}")),
        LoadPdfError::Invalid => DocumentError::Invalid("it has no structure of a PDF".to_owned()),
    })?;
    match pdf.pages().len() {
        0 => Err(DocumentError::Invalid("it has no page".to_owned())),
        pages if pages > MAX_PAGES => Err(DocumentError::TooLarge(format!("it has {pages} pages"))),
        _ => Ok(pdf),
    }
}

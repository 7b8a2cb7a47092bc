//! The archive that such a document is.
//! A part is only unpacked when it is asked for, up to a limit.
use std::io::Cursor;

use protocol::DocumentKind;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::DocumentError;
use crate::limits::read_part;
use crate::plain::decode;

pub struct Archive<'a>(ZipArchive<Cursor<&'a [u8]>>);

impl<'a> Archive<'a> {
    pub fn open(bytes: &'a [u8]) -> Result<Self, DocumentError> {
        ZipArchive::new(Cursor::new(bytes)).map(Self).map_err(DocumentError::invalid)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.index_for_name(name).is_some()
    }

    /// The text of a part; nothing where the archive has none of this name.
    pub fn part(&mut self, name: &str) -> Result<Option<String>, DocumentError> {
        match self.0.by_name(name) {
            Ok(part) => Ok(Some(decode(&read_part(part)?))),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(ZipError::UnsupportedArchive(why)) if why == ZipError::PASSWORD_REQUIRED => {
                Err(DocumentError::Locked)
            }
            Err(error) => Err(DocumentError::invalid(error)),
        }
    }

    /// A part without which there is no document.
    pub fn required(&mut self, name: &str) -> Result<String, DocumentError> {
        self.part(name)?.ok_or_else(|| DocumentError::invalid(format!("the part {name} is missing")))
    }
}

/// # Errors
/// An archive that is no document.
pub fn archive_kind(bytes: &[u8]) -> Result<DocumentKind, DocumentError> {
    let mut archive = Archive::open(bytes)?;
    let parts = [
        ("word/document.xml", DocumentKind::Word),
        ("ppt/presentation.xml", DocumentKind::Presentation),
        ("xl/workbook.xml", DocumentKind::Sheet),
        ("xl/workbook.bin", DocumentKind::Sheet),
    ];
    if let Some((_, kind)) = parts.iter().find(|(part, _)| archive.has(part)) {
        return Ok(*kind);
    }
    match archive.part("mimetype")?.as_deref().map(str::trim) {
        Some("application/vnd.oasis.opendocument.spreadsheet") => Ok(DocumentKind::Sheet),
        Some(kind) if kind.starts_with("application/vnd.oasis.opendocument.") => {
            Ok(DocumentKind::OpenDocument)
        }
        Some("application/epub+zip") => Err(DocumentError::Unsupported("an e-book".to_owned())),
        _ => Err(DocumentError::Unsupported("an archive".to_owned())),
    }
}

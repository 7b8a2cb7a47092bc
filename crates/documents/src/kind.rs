//! What kind of document a file is: by its first bytes, and by its name where these are plain text.
//! A name is never trusted against the content.
use protocol::DocumentKind;

use crate::DocumentError;
use crate::office::archive_kind;

/// Compound File Binary: Office before 2007, and newer files with a password.
const COMPOUND: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// A program, a picture, a sound: known by their first bytes, so that the refusal can name them.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x89PNG", "a picture"),
    (b"\xFF\xD8\xFF", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"{\\rtf", "a Rich Text document"),
    (b"\x1f\x8b", "an archive"),
    (b"7z\xBC\xAF", "an archive"),
    (b"Rar!", "an archive"),
    (b"GGUF", "a model file"),
    (b"SQLite format 3", "a database"),
];

/// # Errors
/// A kind that is not read, by what it seems to be.
pub fn kind_of(name: &str, bytes: &[u8]) -> Result<DocumentKind, DocumentError> {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let extension = extension.as_deref().unwrap_or_default();
    // Some writers put a few bytes before the header, which readers accept within the first kilobyte.
    if bytes[..bytes.len().min(1024)].windows(5).any(|window| window == b"%PDF-") {
        return Ok(DocumentKind::Pdf);
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return archive_kind(bytes);
    }
    if bytes.starts_with(COMPOUND) {
        return compound_kind(extension, bytes);
    }
    if let Some((_, what)) = OTHERS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err(DocumentError::Unsupported((*what).to_owned()));
    }
    if !crate::plain::is_text(bytes) {
        return Err(DocumentError::Unsupported("a binary file".to_owned()));
    }
    Ok(match extension {
        "htm" | "html" | "xhtml" => DocumentKind::Html,
        "eml" => DocumentKind::Email,
        _ => DocumentKind::Text,
    })
}

/// The name of a stream, in UTF-16, tells what a compound file holds.
fn compound_kind(extension: &str, bytes: &[u8]) -> Result<DocumentKind, DocumentError> {
    let has = |name: &str| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(utf16.len()).any(|window| window == utf16)
    };
    if has("EncryptedPackage") {
        return Err(DocumentError::Locked);
    }
    if extension == "xls" || has("Workbook") {
        return Ok(DocumentKind::Sheet);
    }
    let what = match extension {
        "doc" => "a document of Word before 2007",
        "ppt" => "a presentation of PowerPoint before 2007",
        "msg" => "a message of Outlook",
        _ => "a file of Office before 2007",
    };
    Err(DocumentError::Unsupported(what.to_owned()))
}

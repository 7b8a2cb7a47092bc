//! Limits of what is read, so that a small file cannot unpack to a large one.
//! Time and memory are limited from outside, by the process that runs this.
use std::io::Read;

use crate::DocumentError;

/// A file, in bytes.
const MAX_FILE: u64 = 100 << 20;
/// What one part of an archive may unpack to.
const MAX_PART: u64 = 128 << 20;
/// The text of a document: about five million words.
const MAX_TEXT: usize = 32 << 20;

/// Reads a file.
///
/// # Errors
/// A file over the limit, or one that cannot be read.
pub fn read_limited(file: impl Read) -> Result<Vec<u8>, DocumentError> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(DocumentError::invalid)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(DocumentError::TooLarge(format!("the file is larger than {} MiB", MAX_FILE >> 20)));
    }
    Ok(bytes)
}

/// Reads a part of an archive.
///
/// # Errors
/// A part over the limit, or one that cannot be unpacked.
pub fn read_part(part: impl Read) -> Result<Vec<u8>, DocumentError> {
    let mut bytes = Vec::new();
    part.take(MAX_PART + 1).read_to_end(&mut bytes).map_err(DocumentError::invalid)?;
    if bytes.len() as u64 > MAX_PART {
        return Err(DocumentError::TooLarge(format!("a part unpacks to more than {} MiB", MAX_PART >> 20)));
    }
    Ok(bytes)
}

/// # Errors
/// Text over the limit.
pub fn check_text(bytes: usize) -> Result<(), DocumentError> {
    if bytes > MAX_TEXT {
        return Err(DocumentError::TooLarge(format!("its text is longer than {} MiB", MAX_TEXT >> 20)));
    }
    Ok(())
}

//! Detects the kind of a file by its first bytes, because a web page or an LFS pointer with a model's file
//! name is common. It does not validate the rest of the file.
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Bytes read: enough for every magic number, and for an HTML tag after some blank lines.
const PREFIX_LEN: u64 = 512;
/// Limit of a safetensors header.
const MAX_HEADER: u64 = 100 << 20;

/// The kind of a file that is named like a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    Gguf,
    Safetensors,
    /// PyTorch weights, zipped or not. Never loaded, because unpickling can execute code.
    Pickle,
    Json,
    /// A web page saved instead of a file, such as a login page.
    WebPage,
    /// A Git LFS pointer: the file itself was not fetched.
    LfsPointer,
    /// GGML, GGMF or GGJT, the formats before GGUF; no tool has written them since 2023.
    Ggml,
    Empty,
    Unknown,
}

impl FileKind {
    /// # Errors
    /// The file cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut first = Vec::new();
        File::open(path)?.take(PREFIX_LEN).read_to_end(&mut first)?;
        Ok(Self::of_bytes(&first))
    }

    /// Detects the kind from the first bytes.
    pub fn of_bytes(first: &[u8]) -> Self {
        // First, because the header length of safetensors may look like any other magic number.
        if let Some(length) = first.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes))
            && length <= MAX_HEADER
            && first.get(8) == Some(&b'{')
        {
            return Self::Safetensors;
        }
        match first {
            [] => return Self::Empty,
            [b'G', b'G', b'U', b'F', ..] => return Self::Gguf,
            // The magic is a little-endian integer, so the letters are reversed.
            [b'l', b'm', b'g', b'g', ..] | [b't', b'j', b'g', b'g', ..] | [b'f', b'm', b'g', b'g', ..] => {
                return Self::Ggml;
            }
            [b'P', b'K', 3, 4, ..] | [0x80, 2..=5, ..] => return Self::Pickle,
            _ => {}
        }
        if first.starts_with(b"version https://git-lfs") {
            return Self::LfsPointer;
        }
        let text = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first).trim_ascii_start();
        let begins =
            |word: &str| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()));
        if ["<!doctype", "<html", "<head", "<?xml", "<!--", "<body", "<script"]
            .iter()
            .any(|word| begins(word))
        {
            return Self::WebPage;
        }
        if text.first() == Some(&b'{') { Self::Json } else { Self::Unknown }
    }

    /// The name in error messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gguf => "GGUF",
            Self::Safetensors => "safetensors",
            Self::Pickle => "a PyTorch pickle",
            Self::Json => "JSON",
            Self::WebPage => "a web page",
            Self::LfsPointer => "a Git LFS pointer",
            Self::Ggml => "GGML, from before GGUF",
            Self::Empty => "empty",
            Self::Unknown => "of an unknown kind",
        }
    }
}

/// Whether the file extension is one of model weights.
pub(crate) fn is_named_like_weights(path: &Path) -> bool {
    const ENDINGS: [&str; 6] = ["gguf", "safetensors", "bin", "pt", "pth", "ckpt"];
    let ending = path.extension().unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_kind() {
        let check =
            |first: &[u8], expect: FileKind| assert_eq!(FileKind::of_bytes(first), expect, "{first:?}");
        check(b"", FileKind::Empty);
        check(b"GGUF\x03\0\0\0", FileKind::Gguf);
        check(b"tjgg\x03\0\0\0", FileKind::Ggml);
        check(b"\x0e\0\0\0\0\0\0\0{\"a\":", FileKind::Safetensors);
        check(b"PK\x03\x04rest", FileKind::Pickle);
        check(b"\x80\x02}q\0.", FileKind::Pickle);
        check(b"version https://git-lfs.github.com/spec/v1\noid sha256:00", FileKind::LfsPointer);
        check(b"\n\n  <!DOCTYPE html><html>", FileKind::WebPage);
        check(b"\xef\xbb\xbf<HTML lang=en>", FileKind::WebPage);
        check(b"{\"architectures\": []}", FileKind::Json);
        check(b"dear sir", FileKind::Unknown);
        check(b"\x80\x02\0\0\0\0\0\0{\"a\":", FileKind::Safetensors);
        // The eight bytes would be a header length of exabytes.
        check(b"\xff\xff\xff\xff\xff\xff\xff\xff{", FileKind::Unknown);
    }
}

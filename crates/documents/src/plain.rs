//! Plain text: its encoding is a byte order mark's, UTF-8, or guessed as browsers guess it.
//! Markdown, code, CSV and every other text file are read as they are.
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

/// Whether a file is text: a NUL or many control characters occur in none, unless it is UTF-16.
pub fn is_text(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some() {
        return true;
    }
    let head = &bytes[..bytes.len().min(64 << 10)];
    let control =
        head.iter().filter(|&&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B));
    !head.contains(&0) && control.count() * 100 <= head.len()
}

/// The text of a file, without its byte order mark and with line feeds only.
pub fn decode(bytes: &[u8]) -> String {
    let (encoding, mark) = Encoding::for_bom(bytes).unwrap_or_else(|| (guess(bytes), 0));
    let (text, _) = encoding.decode_without_bom_handling(&bytes[mark..]);
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return encoding_rs::UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_that_people_save_in_is_read() {
        let text = "Straße, naïve — 深度求索是一家中国的人工智能公司。\n第二行。\n";
        assert_eq!(decode(text.as_bytes()), text);
        assert_eq!(decode(&[b"\xEF\xBB\xBF", text.as_bytes()].concat()), text);
        let utf16: Vec<u8> =
            std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert!(is_text(&utf16));
        assert_eq!(decode(&utf16), text);
        let chinese = "深度求索是一家中国的人工智能公司，总部在杭州。\r\n第二行。\r\n";
        let (gbk, ..) = encoding_rs::GBK.encode(chinese);
        assert_eq!(decode(&gbk), chinese.replace("\r\n", "\n"));
        let german = "Die Größe der Straße wäre für Jürgen schön genug, über alle Maßen.";
        let (latin, ..) = encoding_rs::WINDOWS_1252.encode(german);
        assert_eq!(decode(&latin), german);
    }

    #[test]
    fn a_program_is_no_text() {
        assert!(!is_text(b"\x7fELF\x02\x01\x01\x00\x00"));
        assert!(is_text(b"a\tb\r\n\x0c"));
    }
}

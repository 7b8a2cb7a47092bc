//! GPT-2's byte-to-unicode mapping: byte-level tokenizers write one printable character for each byte.
//!
//! Printable Latin-1 maps to itself; the other bytes map to U+0100 and up, in order.

/// The bytes of a token. An added token may have characters outside the mapping; its bytes are its UTF-8
/// text.
pub fn bytes_of(token: &str) -> Box<[u8]> {
    let bytes: Option<Vec<u8>> = token.chars().map(byte_of).collect();
    bytes.map_or_else(|| token.as_bytes().into(), Vec::into_boxed_slice)
}

fn byte_of(character: char) -> Option<u8> {
    let code = u32::from(character);
    if let Ok(byte) = u8::try_from(code)
        && prints(byte)
    {
        return Some(byte);
    }
    // The other 68: controls and space, DEL to no-break space, soft hyphen.
    match u8::try_from(code.checked_sub(0x100)?).ok()? {
        n @ 0..33 => Some(n),
        n @ 33..67 => Some(0x7F + n - 33),
        67 => Some(0xAD),
        _ => None,
    }
}

fn prints(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_one_character_and_other_text_is_itself() {
        let alphabet: Vec<char> =
            (0..0x200).filter_map(char::from_u32).filter(|c| byte_of(*c).is_some()).collect();
        assert_eq!(alphabet.len(), 256);
        let mut bytes: Vec<u8> = alphabet.iter().filter_map(|c| byte_of(*c)).collect();
        bytes.sort_unstable();
        assert!(bytes.iter().copied().eq(0..=255));
        assert_eq!(&*bytes_of("Ġthe"), b" the");
        assert_eq!(&*bytes_of("ä½ł"), "你".as_bytes());
        assert_eq!(&*bytes_of("<｜User｜>"), "<｜User｜>".as_bytes());
        assert_eq!(&*bytes_of("Ċ"), b"\n");
    }
}

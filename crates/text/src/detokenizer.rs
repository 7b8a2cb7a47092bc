//! Incremental detokenizer. A multi-byte character may span tokens: its bytes are held back until it is
//! complete.
//!
//! Each token has fixed bytes, so nothing is decoded twice, and the pieces concatenate to the decoded whole.
use crate::Tokenizer;

/// The decoder state of one output.
#[derive(Default)]
pub struct Detokenizer {
    /// The first bytes of an incomplete character: at most three.
    pending: Vec<u8>,
}

impl Detokenizer {
    /// Adds a token and returns the completed text.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> String {
        self.add(tokenizer.bytes(id))
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let unfinished = match self.pending.utf8_chunks().last() {
            // `error_len` is `None` only for an incomplete character at the end.
            Some(chunk) if !chunk.invalid().is_empty() && is_beginning(chunk.invalid()) => {
                chunk.invalid().len()
            }
            _ => 0,
        };
        let rest = self.pending.split_off(self.pending.len() - unfinished);
        let text = String::from_utf8_lossy(&self.pending).into_owned();
        self.pending = rest;
        text
    }

    /// Returns an incomplete character at the end of the output as U+FFFD.
    pub fn flush(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.pending)).into_owned()
    }
}

/// Whether more bytes could complete a character.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(bytes: &[u8], cuts: &[usize]) {
        let mut detokenizer = Detokenizer::default();
        let (mut text, mut from) = (String::new(), 0);
        for &cut in cuts.iter().chain([&bytes.len()]) {
            let cut = cut.clamp(from, bytes.len());
            text += &detokenizer.add(&bytes[from..cut]);
            from = cut;
        }
        text += &detokenizer.flush();
        assert_eq!(text, String::from_utf8_lossy(bytes), "{bytes:x?} cut at {cuts:?}");
    }

    #[test]
    fn characters_wait_for_their_last_byte_and_no_longer() {
        let mut detokenizer = Detokenizer::default();
        let pieces: Vec<String> = "你🐋a".bytes().map(|byte| detokenizer.add(&[byte])).collect();
        assert_eq!(pieces, ["", "", "你", "", "", "", "🐋", "a"]);
        // A letter after two of four bytes makes them invalid at once.
        assert_eq!([0xF0, 0x9F].map(|byte| detokenizer.add(&[byte])).concat(), "");
        assert_eq!(detokenizer.add(b"x"), "\u{FFFD}x");
        assert_eq!(detokenizer.add(&[0xFF]), "\u{FFFD}");
        assert_eq!(detokenizer.flush(), "");
    }

    proptest! {
        #[test]
        fn any_bytes_cut_anywhere_are_the_whole(
            bytes in prop::collection::vec(prop_oneof![Just(0xE4), Just(0xBD), Just(0xF0), Just(0x9F), any::<u8>()], 0..24),
            mut cuts in prop::collection::vec(0usize..24, 0..6),
        ) {
            cuts.sort_unstable();
            check(&bytes, &cuts);
        }

        #[test]
        fn any_text_byte_by_byte_is_the_text(text in "\\PC{0,12}") {
            check(text.as_bytes(), &(0..text.len()).collect::<Vec<_>>());
        }
    }
}

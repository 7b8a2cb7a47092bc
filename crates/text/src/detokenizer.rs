//! Tokens to text while they arrive. A character of several bytes may span tokens: nothing is shown before it is whole.
use crate::{TextError, Tokenizer};

/// How many earlier tokens are decoded again with the new ones, because a tokenizer may join spaces across them.
const CONTEXT: usize = 6;
/// A character that is not whole decodes to this.
const INCOMPLETE: char = '\u{FFFD}';
/// A character spans four bytes, so four byte tokens; waiting longer means that the bytes are no character.
const LONGEST_WAIT: usize = 4;

/// The text of one answer.
#[derive(Default)]
pub struct Detokenizer {
    ids: Vec<u32>,
    shown: usize,
}

impl Detokenizer {
    /// Adds a token and returns the text that became certain.
    ///
    /// # Errors
    /// When the tokenizer refuses the ids.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Result<String, TextError> {
        self.ids.push(id);
        let (before, now) = self.decode(tokenizer)?;
        if now.ends_with(INCOMPLETE) && self.ids.len() - self.shown < LONGEST_WAIT {
            return Ok(String::new());
        }
        self.show(&before, &now)
    }

    /// What is left at the end, whole or not.
    ///
    /// # Errors
    /// When the tokenizer refuses the ids.
    pub fn flush(&mut self, tokenizer: &Tokenizer) -> Result<String, TextError> {
        let (before, now) = self.decode(tokenizer)?;
        self.show(&before, &now)
    }

    fn decode(&self, tokenizer: &Tokenizer) -> Result<(String, String), TextError> {
        let start = self.shown.saturating_sub(CONTEXT);
        Ok((tokenizer.decode(&self.ids[start..self.shown])?, tokenizer.decode(&self.ids[start..])?))
    }

    fn show(&mut self, before: &str, now: &str) -> Result<String, TextError> {
        self.shown = self.ids.len();
        let fresh = now.strip_prefix(before);
        // Where the context decodes otherwise with its follower, the common part was shown already.
        Ok(fresh.map_or_else(|| now.chars().skip(before.chars().count()).collect(), str::to_owned))
    }
}

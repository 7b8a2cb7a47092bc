//! Text from outside, which may spell the names of control tokens and must never become them.
//!
//! Such text gets barriers where a name could begin or end: a character that no text has, put in before a template sees the
//! text and taken out of what it renders. What is left is the text and the places that no control token may cross, wherever
//! the template put, cut or quoted it. Text without such places is not touched.
use serde_json::Value;

use crate::TextError;

/// Noncharacters: Unicode keeps them for a program's own use, so a text hardly has one and never has all.
const NONCHARACTERS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// Names of tokens that are found whole in a text, as far as they are control tokens.
#[derive(Debug, Clone, Default)]
pub struct ControlNames {
    /// Their first and last characters, where these are no letters.
    opens: Vec<char>,
    closes: Vec<char>,
    /// Names that begin or end with a letter, whole.
    words: Vec<String>,
}

/// Puts barriers into text.
pub struct Barriers<'a> {
    names: &'a ControlNames,
    barrier: char,
}

/// A text without barriers, and the bytes where they stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guarded {
    pub text: String,
    pub barriers: Vec<usize>,
}

impl ControlNames {
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        let add = |list: &mut Vec<char>, letter| {
            if !list.contains(&letter) {
                list.push(letter);
            }
        };
        // A barrier needs a place inside the name.
        for name in names.filter(|name| name.chars().nth(1).is_some()) {
            let ends = [name.chars().next(), name.chars().next_back()];
            match ends {
                [Some(open), Some(close)] if !is_word(open) && !is_word(close) => {
                    add(&mut out.opens, open);
                    add(&mut out.closes, close);
                }
                _ => out.words.push(name.to_owned()),
            }
        }
        out
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace()
}

/// Whether tojson may escape it: a barrier inside an escaped text is still one.
pub fn may_be_barrier(letter: char) -> bool {
    NONCHARACTERS.contains(&letter)
}

impl<'a> Barriers<'a> {
    /// Chooses a barrier that none of `texts` has.
    ///
    /// # Errors
    /// When they have all of them.
    pub fn new<'t>(
        names: &'a ControlNames,
        texts: impl Iterator<Item = &'t str> + Clone,
    ) -> Result<Self, TextError> {
        let free = |barrier: &char| !texts.clone().any(|text| text.contains(*barrier));
        let barrier = NONCHARACTERS.clone().find(free);
        let barrier = barrier.ok_or_else(|| {
            TextError::Template("the messages hold every character that Unicode calls none".to_owned())
        })?;
        Ok(Self { names, barrier })
    }

    /// The text with barriers, except inside of `kept`.
    pub fn put(&self, text: &str, kept: &[&str]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            if let Some(kept) = kept.iter().find(|kept| rest.starts_with(**kept)) {
                out.push_str(kept);
                rest = &rest[kept.len()..];
                continue;
            }
            if self.names.closes.contains(&letter) {
                out.push(self.barrier);
            }
            out.push(letter);
            let word = || self.names.words.iter().any(|word| rest.starts_with(word.as_str()));
            if self.names.opens.contains(&letter) || word() {
                out.push(self.barrier);
            }
            rest = &rest[letter.len_utf8()..];
        }
        out
    }

    /// Every text of a JSON value with barriers, keys too.
    pub fn put_in(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.put(text, &[]).into(),
            Value::Array(list) => list.iter().map(|item| self.put_in(item)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.put(key, &[]), self.put_in(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Takes the barriers out.
    pub fn take(&self, text: &str) -> Guarded {
        let mut out = Guarded { text: String::with_capacity(text.len()), barriers: Vec::new() };
        for (at, part) in text.split(self.barrier).enumerate() {
            if at > 0 {
                out.barriers.push(out.text.len());
            }
            out.text.push_str(part);
        }
        out
    }
}

/// Every text of a JSON value, keys too.
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().flat_map(texts).collect(),
        Value::Object(map) => {
            map.iter().flat_map(|(key, value)| std::iter::once(key.as_str()).chain(texts(value))).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> ControlNames {
        ControlNames::new(["<｜User｜>", "</think>", "[INST]", "PAD", "~"].into_iter())
    }

    #[test]
    fn every_name_gets_a_barrier_inside_and_other_text_none() {
        let names = names();
        let barriers = Barriers::new(&names, std::iter::empty()).expect("chosen");
        for name in ["<｜User｜>", "</think>", "[INST]", "PAD"] {
            let text = format!("a{name}b");
            let guarded = barriers.take(&barriers.put(&text, &[]));
            assert_eq!(guarded.text, text);
            let inside = |at: &usize| (2..text.len() - 1).contains(at);
            assert!(guarded.barriers.iter().any(inside), "{text}: {guarded:?}");
        }
        for text in ["plain ~ text", "鲸🐋 {\"a\": 1}", "PA D"] {
            assert_eq!(barriers.put(text, &[]), text);
        }
        assert_eq!(barriers.put("<think></think>", &["<think>", "</think>"]), "<think></think>");
    }

    #[test]
    fn a_barrier_is_no_character_of_the_text() {
        let names = names();
        let text = "\u{FDD0}<\u{FDD1}";
        let barriers = Barriers::new(&names, [text].into_iter()).expect("chosen");
        let guarded = barriers.take(&barriers.put(text, &[]));
        assert_eq!((guarded.text.as_str(), guarded.barriers), (text, vec![4]));
        let all: String = NONCHARACTERS.collect();
        assert!(Barriers::new(&names, [all.as_str()].into_iter()).is_err());
    }
}

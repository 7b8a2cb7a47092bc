//! Protects against prompt injection with control tokens: untrusted text may contain their names and is never
//! encoded as them.
//! A barrier character that occurs in no input is inserted where a name could begin or end, before the
//! template is applied, and removed from the rendered prompt. The result is the text plus byte offsets that
//! no control token may span, wherever the template moved, cut or quoted the text. Text without such offsets
//! is unchanged.
use serde_json::Value;

use crate::TextError;

/// Unicode noncharacters, reserved for internal use of a program: a text rarely contains one.
const NONCHARACTERS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// The names of a tokenizer's control tokens.
#[derive(Debug, Clone, Default)]
pub struct ControlTokens {
    /// Their first and last characters, for names that are enclosed in symbols.
    opens: Vec<char>,
    closes: Vec<char>,
    /// Full names that begin or end with a letter.
    full_names: Vec<String>,
}

/// Inserts barriers into text and removes them.
pub struct Barriers<'a> {
    names: &'a ControlTokens,
    barrier: char,
}

/// A text with its barriers removed, and the byte offsets where they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuardedText {
    pub text: String,
    pub barriers: Vec<usize>,
}

impl ControlTokens {
    pub fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        let add = |list: &mut Vec<char>, letter| {
            if !list.contains(&letter) {
                list.push(letter);
            }
        };
        // A name of one character has no inside for a barrier.
        for name in names.filter(|name| name.chars().nth(1).is_some()) {
            let ends = [name.chars().next(), name.chars().next_back()];
            match ends {
                [Some(open), Some(close)] if !is_word(open) && !is_word(close) => {
                    add(&mut out.opens, open);
                    add(&mut out.closes, close);
                }
                _ => out.full_names.push(name.to_owned()),
            }
        }
        out
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter.is_whitespace()
}

/// Whether `tojson` must not escape this character, so that a barrier survives in JSON text.
pub fn is_barrier_candidate(letter: char) -> bool {
    NONCHARACTERS.contains(&letter)
}

impl<'a> Barriers<'a> {
    /// Chooses a barrier that occurs in none of `texts`.
    ///
    /// # Errors
    /// The texts contain all 32 noncharacters.
    pub fn new<'t>(
        names: &'a ControlTokens,
        texts: impl Iterator<Item = &'t str> + Clone,
    ) -> Result<Self, TextError> {
        let free = |barrier: &char| !texts.clone().any(|text| text.contains(*barrier));
        let barrier = NONCHARACTERS.clone().find(free);
        let barrier = barrier.ok_or_else(|| {
            TextError::Template("the messages contain every Unicode noncharacter".to_owned())
        })?;
        Ok(Self { names, barrier })
    }

    /// The text with barriers, except inside the strings `kept`.
    pub fn insert(&self, text: &str, kept: &[&str]) -> String {
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
            let is_name = || self.names.full_names.iter().any(|name| rest.starts_with(name.as_str()));
            if self.names.opens.contains(&letter) || is_name() {
                out.push(self.barrier);
            }
            rest = &rest[letter.len_utf8()..];
        }
        out
    }

    /// A JSON value with barriers in all its strings and keys.
    pub fn insert_in_json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.insert(text, &[]).into(),
            Value::Array(list) => list.iter().map(|item| self.insert_in_json(item)).collect(),
            Value::Object(map) => {
                map.iter().map(|(key, value)| (self.insert(key, &[]), self.insert_in_json(value))).collect()
            }
            other => other.clone(),
        }
    }

    /// Removes the barriers and records their offsets.
    pub fn strip(&self, text: &str) -> GuardedText {
        let mut out = GuardedText { text: String::with_capacity(text.len()), barriers: Vec::new() };
        for (at, part) in text.split(self.barrier).enumerate() {
            if at > 0 {
                out.barriers.push(out.text.len());
            }
            out.text.push_str(part);
        }
        out
    }
}

/// All strings of a JSON value, including keys.
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

    fn names() -> ControlTokens {
        ControlTokens::new(["<｜User｜>", "</think>", "[INST]", "PAD", "~"].into_iter())
    }

    #[test]
    fn every_name_gets_a_barrier_inside_and_other_text_none() {
        let names = names();
        let barriers = Barriers::new(&names, std::iter::empty()).expect("chosen");
        for name in ["<｜User｜>", "</think>", "[INST]", "PAD"] {
            let text = format!("a{name}b");
            let guarded = barriers.strip(&barriers.insert(&text, &[]));
            assert_eq!(guarded.text, text);
            let inside = |at: &usize| (2..text.len() - 1).contains(at);
            assert!(guarded.barriers.iter().any(inside), "{text}: {guarded:?}");
        }
        for text in ["plain ~ text", "鲸🐋 {\"a\": 1}", "PA D"] {
            assert_eq!(barriers.insert(text, &[]), text);
        }
        assert_eq!(barriers.insert("<think></think>", &["<think>", "</think>"]), "<think></think>");
    }

    #[test]
    fn a_barrier_is_no_character_of_the_text() {
        let names = names();
        let text = "\u{FDD0}<\u{FDD1}";
        let barriers = Barriers::new(&names, [text].into_iter()).expect("chosen");
        let guarded = barriers.strip(&barriers.insert(text, &[]));
        assert_eq!((guarded.text.as_str(), guarded.barriers), (text, vec![4]));
        let all: String = NONCHARACTERS.collect();
        assert!(Barriers::new(&names, [all.as_str()].into_iter()).is_err());
    }
}

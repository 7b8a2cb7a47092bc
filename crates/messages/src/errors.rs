//! The messages of all errors in English and Chinese, with the values of an error filled in.
//! The window uses the same file.
use std::sync::LazyLock;

use contract::ErrorView;
use serde::Deserialize;

use crate::catalogue::{Catalogue, parse};
use crate::template::{Value, fill};
use crate::{CliMessage, Lang};

static CATALOGUE: LazyLock<Catalogue<ErrorMessage>> =
    LazyLock::new(|| parse(include_str!("../../../assets/messages/errors.toml")));

/// Values that are counts of bytes.
const BYTES: [&str; 7] = ["needed", "free", "available", "expected", "actual", "total", "size"];
/// Values that are counts of anything else.
const COUNTS: [&str; 4] = ["tokens", "context", "pixels", "most"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorMessage {
    pub title: String,
    pub meaning: String,
    pub next: String,
}

/// The message of an error.
pub fn error_message(error: &ErrorView, lang: Lang) -> ErrorMessage {
    let template = CATALOGUE[error.code.as_str()].of(lang);
    let fill = |text| fill(text, lang, |name| error.detail.get(name).map(|text| value(name, text)));
    ErrorMessage {
        title: fill(&template.title),
        meaning: fill(&template.meaning),
        next: fill(&template.next),
    }
}

/// A value by its name in the message.
fn value<'a>(name: &str, text: &'a str) -> Value<'a> {
    match text.parse::<f64>() {
        Ok(count) if BYTES.contains(&name) => Value::Bytes(count.max(0.0) as u64),
        Ok(count) if COUNTS.contains(&name) && count >= 0.0 => Value::Count(count as u64),
        _ => Value::Text(text.into()),
    }
}

/// The message as text for a terminal.
pub fn terminal_text(error: &ErrorView, lang: Lang) -> String {
    let ErrorMessage { title, meaning, next } = error_message(error, lang);
    let details = CliMessage::Details.text(lang);
    format!("{title}\n  {meaning}\n  → {next}\n  {details}: {} [{}]", error.message, error.code)
}

#[cfg(test)]
mod tests {
    use contract::ErrorCode;

    use super::*;

    #[test]
    fn every_code_has_a_message_in_both_languages() {
        for code in ErrorCode::ALL {
            let both = &CATALOGUE[code.as_str()];
            for message in [&both.en, &both.zh] {
                for text in [&message.title, &message.meaning, &message.next] {
                    assert!(!text.trim().is_empty(), "{code}");
                    assert!(!text.contains(['!', '！']), "no exclamation marks: {text}");
                }
            }
            assert!(
                both.zh.title.chars().any(|letter| letter > '\u{2e80}'),
                "{} is not Chinese",
                both.zh.title
            );
            assert!(both.en.title.is_ascii(), "{} is not English", both.en.title);
        }
        assert_eq!(CATALOGUE.len(), ErrorCode::ALL.len(), "a message without a code");
    }

    #[test]
    fn values_are_put_in_and_missing_ones_leave_no_trace() {
        let error =
            ErrorView::new(ErrorCode::DiskFull, "write").with("needed", 2_000_000_000).with("free", 5);
        let full = error_message(&error, Lang::En).meaning;
        assert!(full.contains("(needs 2 GB, free 5 B)"), "{full}");
        let long =
            ErrorView::new(ErrorCode::PromptTooLong, "ask").with("tokens", 54_007).with("context", 2048);
        assert!(error_message(&long, Lang::En).meaning.contains("(54,007 of 2,048 tokens)"));
        assert!(error_message(&long, Lang::Zh).meaning.contains("（54,007 / 2,048 个词元）"));
        for code in ErrorCode::ALL {
            for lang in [Lang::En, Lang::Zh] {
                let ErrorMessage { title, meaning, next } = error_message(&ErrorView::new(*code, "x"), lang);
                let all = format!("{title}{meaning}{next}");
                assert!(!all.contains(['{', '}', '(', ')', '（', '）']), "{all}");
            }
        }
    }
}

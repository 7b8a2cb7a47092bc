//! The messages of all errors in English and Chinese, with the values of an error filled in.
//! The window uses the same file.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use contract::ErrorView;
use serde::Deserialize;

use crate::lang::{Lang, bytes, grouped};

const FILE: &str = include_str!("../../../assets/messages/errors.toml");

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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Localized {
    en: ErrorMessage,
    zh: ErrorMessage,
}

fn catalogue() -> &'static BTreeMap<String, Localized> {
    static CATALOGUE: OnceLock<BTreeMap<String, Localized>> = OnceLock::new();
    CATALOGUE.get_or_init(|| toml::from_str(FILE).expect("a test parses this file"))
}

/// The message of an error.
pub fn error_message(error: &ErrorView, lang: Lang) -> ErrorMessage {
    let both = &catalogue()[error.code.as_str()];
    let template = lang.pick(&both.en, &both.zh);
    let fill = |text: &str| fill(text, &error.detail);
    ErrorMessage {
        title: fill(&template.title),
        meaning: fill(&template.meaning),
        next: fill(&template.next),
    }
}

/// Replaces each `{name}` with its value. Parentheses around a missing value are removed with it.
fn fill(text: &str, detail: &BTreeMap<String, String>) -> String {
    let mut filled = text.to_owned();
    while let Some(start) = filled.find('{') {
        let Some(end) = filled[start..].find('}').map(|length| start + length) else { break };
        let name = &filled[start + 1..end];
        match detail.get(name) {
            Some(value) => {
                let value = match value.parse::<f64>() {
                    Ok(count) if BYTES.contains(&name) => bytes(count),
                    Ok(count) if COUNTS.contains(&name) && count >= 0.0 => grouped(count as u64),
                    // A brace in a path must not be read as a placeholder.
                    _ => value.replace(['{', '}'], ""),
                };
                filled.replace_range(start..=end, &value);
            }
            None => filled = without_brackets(&filled, start, end),
        }
    }
    filled
}

fn without_brackets(text: &str, start: usize, end: usize) -> String {
    let open = text[..start].rfind(['(', '（']);
    let close = text[end..].find([')', '）']).map(|length| end + length);
    match (open, close) {
        (Some(open), Some(close)) => {
            let after = close + text[close..].chars().next().map_or(0, char::len_utf8);
            format!("{}{}", text[..open].trim_end(), &text[after..])
        }
        _ => format!("{}{}", &text[..start], &text[end + 1..]),
    }
}

/// The message as text for a terminal.
pub fn terminal_text(error: &ErrorView, lang: Lang) -> String {
    let ErrorMessage { title, meaning, next } = error_message(error, lang);
    let details = lang.pick("Details", "详情");
    format!("{title}\n  {meaning}\n  → {next}\n  {details}: {} [{}]", error.message, error.code)
}

#[cfg(test)]
mod tests {
    use contract::ErrorCode;

    use super::*;

    #[test]
    fn every_code_has_a_message_in_both_languages() {
        for code in ErrorCode::ALL {
            let both = catalogue().get(code.as_str()).unwrap_or_else(|| panic!("no message for {code}"));
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
        assert_eq!(catalogue().len(), ErrorCode::ALL.len(), "a message without a code");
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

    #[test]
    fn a_brace_in_a_path_is_only_a_letter() {
        let error =
            ErrorView::new(ErrorCode::ModelFileTruncated, "read").with("path", "/m/{x}/a.safetensors");
        assert!(error_message(&error, Lang::En).meaning.contains("/m/x/a.safetensors"));
    }
}

//! Formats amounts for all screens and programs of this project. Bytes are decimal (1 GB = 10^9 bytes; the
//! size in a GPU's name, such as "RTX 4090 24G", is only a name), a page is 670 tokens, a word 1.34 tokens.
//! The window has the same rules (ui/src/lib/format); tests/fixtures/units.json tests both.
use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::Lang;
use crate::catalogue::Catalogue;

/// By the group of the page's labels, which is `format`, and by key.
static LABELS: LazyLock<BTreeMap<String, Catalogue<String>>> = LazyLock::new(|| {
    let file = include_str!("../../../assets/messages/page/format.toml");
    toml::from_str(file).expect("a test parses this file")
});

/// Tokens to words: 500 words are about 670 tokens.
fn words(tokens: f64) -> f64 {
    tokens * 500.0 / 670.0
}

/// Tokens per second as words per second, with one decimal below ten.
pub fn rate(tokens: f64) -> String {
    match words(tokens) {
        count if count < 10.0 => decimal(count, 1),
        count => decimal(count, 0),
    }
}

/// Pages of 500 words.
fn whole_pages(tokens: u32) -> u64 {
    (words(tokens.into()) / 500.0).round().max(1.0) as u64
}

pub fn pages(tokens: u32, lang: Lang) -> String {
    let count = whole_pages(tokens);
    let label = &LABELS["format"][if count == 1 { "page" } else { "pages" }];
    label.of(lang).replace("{count}", &grouped(count))
}

/// A size that may be a fraction, as views have them.
pub fn bytes(count: f64) -> String {
    size(count.max(0.0) as u64)
}

/// 688_600_000_000 is "689 GB", 19_850_000_000 "19.9 GB", 11_310_063 "11.3 MB".
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", decimal(value, usize::from(unit >= 2 && value < 100.0)), UNITS[unit])
}

/// 163840 as 163,840.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "a 24 GB card", "an 8 GB card", "an 11 GB card", "an 80 GB card": by the pronunciation of the number or
/// the word.
pub fn with_article(text: &str) -> String {
    let number: String =
        text.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ',').collect();
    let digits = number.replace(',', "");
    // Eleven and eighteen are pronounced so if they are the leading group: 11, 11,000, 18 million.
    let leading = if digits.len().is_multiple_of(3) { 3 } else { digits.len() % 3 };
    let vowel = match digits.get(..leading) {
        Some(group) if !digits.is_empty() => group.starts_with('8') || group == "11" || group == "18",
        _ => text.starts_with(|letter: char| "AEIOaeio".contains(letter)),
    };
    format!("{} {text}", if vowel { "an" } else { "a" })
}

/// Rounded half up, without a trailing zero, like the locale format of the window.
fn decimal(value: f64, digits: usize) -> String {
    let step = 10f64.powi(digits as i32);
    let text = format!("{:.digits$}", (value * step).round() / step);
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

//! Amounts in words, by the rules of every screen and program of this project. Each amount has one rule:
//! bytes are decimal (a GB is a billion bytes; the size in a card's name, such as "RTX 4090 24G", is a name and no amount),
//! a page is 670 tokens, a word is 1.34 tokens. The window follows the same rules (ui/src/lib/format), and one table,
//! tests/fixtures/units.json, holds both to them.

/// Tokens as words: 500 of them are about 670 tokens.
fn words(tokens: f64) -> f64 {
    tokens * 500.0 / 670.0
}

/// Tokens per second as words per second: one digit below ten, none above.
pub fn rate(tokens: f64) -> String {
    match words(tokens) {
        count if count < 10.0 => decimal(count, 1),
        count => decimal(count, 0),
    }
}

/// Printed pages of 500 words.
fn whole_pages(tokens: u32) -> u64 {
    (words(tokens.into()) / 500.0).round().max(1.0) as u64
}

pub fn pages(tokens: u32) -> String {
    match whole_pages(tokens) {
        1 => "about one page".into(),
        count => format!("about {} pages", grouped(count)),
    }
}

pub fn pages_zh(tokens: u32) -> String {
    format!("约 {} 页", grouped(whole_pages(tokens)))
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

/// "a 24 GB card", "an 8 GB card", "an 11 GB card", "an 80 GB card": by how the number or the word is said.
pub fn with_article(words: &str) -> String {
    let number: String =
        words.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ',').collect();
    let digits = number.replace(',', "");
    // Eleven and eighteen are said so where they are the leading group: 11, 11,000, 18 million.
    let leading = if digits.len().is_multiple_of(3) { 3 } else { digits.len() % 3 };
    let vowel = match digits.get(..leading) {
        Some(group) if !digits.is_empty() => group.starts_with('8') || group == "11" || group == "18",
        _ => words.starts_with(|letter: char| "AEIOaeio".contains(letter)),
    };
    format!("{} {words}", if vowel { "an" } else { "a" })
}

/// Rounded half up, and without a zero after the point, as the window's locale does it.
fn decimal(value: f64, digits: usize) -> String {
    let step = 10f64.powi(digits as i32);
    let text = format!("{:.digits$}", (value * step).round() / step);
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

//! Amounts are formatted equally in the window, in the terminal and in sentences: the pages test the same
//! table (ui/tests/units.test.ts).
use messages::{Lang, grouped, pages, rate, size, with_article};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    bytes: Vec<(u64, String)>,
    pages: Vec<(u32, String, String)>,
    grouped: Vec<(u64, String)>,
}

#[test]
fn amounts_read_as_in_the_table() {
    let table: Table = serde_json::from_str(include_str!("../../../tests/fixtures/units.json")).unwrap();
    for (bytes, text) in table.bytes {
        assert_eq!(size(bytes), text, "{bytes}");
    }
    for (tokens, en, zh) in table.pages {
        assert_eq!((pages(tokens, Lang::En), pages(tokens, Lang::Zh)), (en, zh), "{tokens}");
    }
    for (count, text) in table.grouped {
        assert_eq!(grouped(count), text);
    }
}

#[test]
fn a_rate_is_in_words_and_has_a_digit_below_ten() {
    // 500 words are 670 tokens.
    assert_eq!([6.7, 2.14, 13.4, 134.0, 0.0].map(rate), ["5", "1.6", "10", "100", "0"]);
}

#[test]
fn articles_follow_the_sound() {
    for (words, whole) in [
        ("8 GB card", "an 8 GB card"),
        ("80 GB card", "an 80 GB card"),
        ("800 MB file", "an 800 MB file"),
        ("8,000 token chat", "an 8,000 token chat"),
        ("11 GB card", "an 11 GB card"),
        ("18 GB card", "an 18 GB card"),
        ("11,000 token chat", "an 11,000 token chat"),
        ("110 GB card", "a 110 GB card"),
        ("1100 MB file", "a 1100 MB file"),
        ("24 GB card", "a 24 GB card"),
        ("1 GB card", "a 1 GB card"),
        ("engine", "an engine"),
        ("user", "a user"),
    ] {
        assert_eq!(with_article(words), whole);
    }
}

//! Amounts read the same in the window, in the terminal and in sentences: the table is also the page's
//! (ui/tests/units.test.ts).
use catalog::units::{grouped, pages, pages_zh, rate, size};
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
        assert_eq!((pages(tokens), pages_zh(tokens)), (en, zh), "{tokens}");
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

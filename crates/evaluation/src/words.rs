//! The words of a text, as graders compare and count them: letters in lower case, numbers whole, each Chinese
//! character by itself. Marks, spaces and hyphens only separate.

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Letter,
    Digit,
    /// A word by itself.
    Ideograph,
    Separator,
}

/// "R1-Distill, 671 B" is `r`, `1`, `distill`, `671`, `b`; "1.5" and "128,000" are one number each.
pub(crate) fn words(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().map(half_width).flat_map(char::to_lowercase).collect();
    let mut words: Vec<String> = Vec::new();
    let mut before = Kind::Separator;
    for (at, &letter) in letters.iter().enumerate() {
        let after = letters.get(at + 1).map_or(Kind::Separator, |&next| kind(next));
        let own = match kind(letter) {
            // A point or a comma between two digits is a part of their number, and an apostrophe of a word.
            Kind::Separator if joins(letter) == Some(before) && after == before => before,
            own => own,
        };
        match own {
            Kind::Separator => {}
            _ if letter == ',' => {}
            _ if own == before && own != Kind::Ideograph => {
                words.last_mut().expect("a word was begun").push(letter);
            }
            _ => words.push(letter.into()),
        }
        before = own;
    }
    words
}

fn kind(letter: char) -> Kind {
    match letter {
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' => Kind::Ideograph,
        '\u{20000}'..='\u{3ffff}' => Kind::Ideograph,
        _ if letter.is_numeric() => Kind::Digit,
        _ if letter.is_alphabetic() => Kind::Letter,
        _ => Kind::Separator,
    }
}

/// The kind that a mark joins when it stands between two letters of it.
fn joins(mark: char) -> Option<Kind> {
    match mark {
        '.' | ',' => Some(Kind::Digit),
        '\'' | '\u{2019}' => Some(Kind::Letter),
        _ => None,
    }
}

/// The letters, digits and marks that Chinese fonts have in double width.
fn half_width(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_into_words_numbers_and_ideographs() {
        let cases: [(&str, &[&str]); 7] = [
            ("R1-Distill: 671 B", &["r", "1", "distill", "671", "b"]),
            ("671B.", &["671", "b"]),
            ("128,000 or 1.5, or 3.", &["128000", "or", "1.5", "or", "3"]),
            ("Don't — stop", &["don't", "stop"]),
            ("'quoted'", &["quoted"]),
            ("总参数６７１Ｂ。", &["总", "参", "数", "671", "b"]),
            (" \n…", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }
}

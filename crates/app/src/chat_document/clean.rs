//! Text that every format can hold. XML knows no control characters but tab and new line, not even escaped.
//! What is left out has no shape to print.

/// The text without them, with one kind of line end.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' if letters.peek() == Some(&'\n') => {}
            '\r' => out.push('\n'),
            '\t' | '\n' => out.push(letter),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_of_xml_stay() {
        assert_eq!(clean("a\0\u{1b}[31m\u{8}b\r\nc\rd\te\u{ffff}\u{85}鲸"), "a[31mb\nc\nd\te鲸");
    }
}

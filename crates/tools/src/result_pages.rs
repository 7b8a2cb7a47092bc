//! Long results in pages, so that neither a prompt nor a screen gets ten megabytes at once. Pages are counted
//! in characters and end after a line where one ends in their second half.

/// The parts of a text, each of at most `most` characters.
pub fn pages(text: &str, most: usize) -> Vec<&str> {
    let most = most.max(1);
    let (mut parts, mut rest) = (Vec::new(), text);
    loop {
        let part = first_page(rest, most);
        parts.push(part);
        rest = &rest[part.len()..];
        if rest.is_empty() {
            return parts;
        }
    }
}

/// The page of this number, from 1, and how many there are.
pub fn page_of(text: &str, most: usize, page: usize) -> Option<(&str, usize)> {
    let all = pages(text, most);
    Some((all.get(page.checked_sub(1)?)?, all.len()))
}

fn first_page(text: &str, most: usize) -> &str {
    let Some((end, _)) = text.char_indices().nth(most) else { return text };
    let page = &text[..end];
    let line_end = page.rfind('\n').map(|at| at + 1).filter(|at| *at > end / 2);
    &page[..line_end.unwrap_or(end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_the_text_and_none_is_too_long() {
        for text in ["", "a", "鲸🐋", "one\ntwo\nthree\n", &"ab鲸\n".repeat(1000), &"x".repeat(1000)] {
            for most in [1, 2, 7, 100, 10_000] {
                let parts = pages(text, most);
                assert_eq!(parts.concat(), text);
                assert!(parts.iter().all(|part| part.chars().count() <= most), "{most}");
                assert!(text.is_empty() || parts.iter().all(|part| !part.is_empty()));
            }
        }
        assert_eq!(pages("one\ntwo\nthree", 9), ["one\ntwo\n", "three"]);
        assert_eq!(page_of("abcdef", 4, 2), Some(("ef", 2)));
        assert_eq!((page_of("abc", 4, 0), page_of("abc", 4, 2)), (None, None));
    }
}

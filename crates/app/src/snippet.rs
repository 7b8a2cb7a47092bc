//! The excerpt of a message around a search hit, split into parts that a host can highlight. Positions count
//! letters. Knows no page.
use contract::SnippetPart;

/// Letters before the first hit.
const BEFORE: usize = 30;
const LENGTH: usize = 160;

/// `text` contains each word of the query, as the search splits it.
pub(crate) fn snippet(text: &str, query: &str) -> Vec<SnippetPart> {
    let text: Vec<char> = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().collect();
    let folded: Vec<char> = text.iter().map(|&letter| lower(letter)).collect();
    let phrase: Vec<char> =
        query.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(lower).collect();
    let words: Vec<Vec<char>> =
        history::search_words(query).iter().map(|word| word.chars().map(lower).collect()).collect();
    let find = |patterns: &[Vec<char>]| {
        let mut hits: Vec<(usize, usize)> = Vec::new();
        for word in patterns.iter().filter(|word| !word.is_empty()) {
            hits.extend(
                folded
                    .windows(word.len())
                    .enumerate()
                    .filter(|(_, part)| *part == &word[..])
                    .map(|(at, _)| (at, at + word.len())),
            );
        }
        hits.sort_unstable();
        hits
    };
    let mut hits = find(&[phrase]);
    if hits.is_empty() {
        hits = find(&words);
    }
    let first = hits.first().map_or(0, |hit| hit.0);
    let start = word_start(&text, first.saturating_sub(BEFORE), first);
    let end = (start + LENGTH).min(text.len());
    let mut parts = Vec::new();
    let mut push = |from: usize, to: usize, hit: bool| {
        if from < to {
            parts.push(SnippetPart { text: text[from..to].iter().collect(), hit });
        }
    };
    let mut at = start;
    for (from, to) in hits {
        let (from, to) = (from.max(at), to.min(end));
        if from < to {
            push(at, from, false);
            push(from, to, true);
            at = to;
        }
    }
    push(at, end, false);
    ellipsis(parts, start > 0, end < text.len())
}

fn ellipsis(mut parts: Vec<SnippetPart>, before: bool, after: bool) -> Vec<SnippetPart> {
    let part = || SnippetPart { text: "…".into(), hit: false };
    if before {
        parts.insert(0, part());
    }
    if after {
        parts.push(part());
    }
    parts
}

/// The start of the next word, if one starts before the hit.
fn word_start(text: &[char], from: usize, hit: usize) -> usize {
    if from == 0 {
        return 0;
    }
    text[from..hit].iter().position(|&letter| letter == ' ').map_or(from, |at| from + at + 1)
}

/// Maps one letter to one letter, so that positions in the text stay the same.
fn lower(letter: char) -> char {
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, query: &str) -> String {
        let mark = |part: SnippetPart| if part.hit { format!("[{}]", part.text) } else { part.text };
        snippet(text, query).into_iter().map(mark).collect()
    }

    #[test]
    fn words_are_marked_where_they_are() {
        assert_eq!(shown("The whale\n  and the Boat", "boat WHALE"), "The [whale] and the [Boat]");
        assert_eq!(shown("a context length, and length", "context length"), "a [context length], and length");
        assert_eq!(shown("显存不够的时候怎么办", "怎么办 显存"), "[显存]不够的时候[怎么办]");
        assert_eq!(
            shown("İstanbul and straße", "STRASSE and"),
            "İstanbul [and] straße",
            "letters keep their places"
        );
        assert_eq!(shown("aaa", "a aa"), "[a][a][a]");
    }

    #[test]
    fn a_long_text_is_cut_around_the_first_hit() {
        let text = format!("{} needle {}", "before ".repeat(40), "after ".repeat(80));
        let cut = shown(&text, "needle");
        assert!(cut.starts_with("…before ") && cut.contains("[needle]") && cut.ends_with('…'), "{cut}");
        assert!(cut.chars().count() < 170, "{cut}");
    }
}

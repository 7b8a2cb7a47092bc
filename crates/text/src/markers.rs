//! The markers of tool calls in every spelling that checkpoints and conversions use: `▁`, `_`, a space or
//! `\_` between the words, and full-width or ASCII bars.
//!
//! Knows nothing of the text between them.
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marker {
    CallsBegin,
    CallsEnd,
    CallBegin,
    CallEnd,
    Separator,
    /// Around tool output, which is only written in prompts.
    Output,
}

/// The first marker of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstMarker {
    /// Offset and length in bytes.
    Found(usize, usize, Marker),
    /// The text from this offset may become a marker.
    Partial(usize),
    None,
}

const NAMES: [(&str, Marker); 11] = [
    ("tool calls begin", Marker::CallsBegin),
    ("tool calls", Marker::CallsBegin),
    ("tool calls end", Marker::CallsEnd),
    ("tool call begin", Marker::CallBegin),
    ("tool call end", Marker::CallEnd),
    ("tool sep", Marker::Separator),
    ("tool outputs begin", Marker::Output),
    ("tool outputs end", Marker::Output),
    ("tool output begin", Marker::Output),
    ("tool output end", Marker::Output),
    ("end tool calls", Marker::CallsEnd),
];

static SPELLINGS: LazyLock<Vec<(String, Marker)>> = LazyLock::new(|| {
    let mut list = Vec::new();
    for (name, marker) in NAMES {
        for between in ["▁", "_", " ", "\\_"] {
            for bar in ["｜", "|"] {
                list.push((format!("<{bar}{}{bar}>", name.replace(' ', between)), marker));
            }
        }
    }
    list
});

/// The first marker of a text, or where one may begin.
pub fn find_first(text: &str) -> FirstMarker {
    for (at, _) in text.match_indices('<') {
        let rest = &text[at..];
        if let Some((spelling, marker)) = SPELLINGS.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
            return FirstMarker::Found(at, spelling.len(), *marker);
        }
        if SPELLINGS.iter().any(|(spelling, _)| spelling.starts_with(rest)) {
            return FirstMarker::Partial(at);
        }
    }
    FirstMarker::None
}

/// Whether a token of the vocabulary is exactly a marker.
pub fn is_marker(token: &str) -> bool {
    SPELLINGS.iter().any(|(spelling, _)| spelling == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_and_what_only_looks_like_one_is_not() {
        for text in ["<｜tool▁sep｜>", "<｜tool_sep｜>", "<|tool▁sep|>", "<|tool_sep|>", "<｜tool sep｜>"]
        {
            assert_eq!(
                find_first(&format!("a<b{text}c")),
                FirstMarker::Found(3, text.len(), Marker::Separator),
                "{text}"
            );
            assert!(is_marker(text));
            for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                assert_eq!(
                    find_first(&format!("x{}", &text[..cut])),
                    FirstMarker::Partial(1),
                    "{text} at {cut}"
                );
            }
        }
        for text in ["", "a < b", "<｜tool▁sep|>", "<｜tool▁seq｜>", "<tool_sep>", "<|user|>"] {
            assert_eq!(find_first(text), FirstMarker::None, "{text}");
        }
        assert_eq!(find_first("<|tool▁calls▁begin|>"), FirstMarker::Found(0, 24, Marker::CallsBegin));
    }
}

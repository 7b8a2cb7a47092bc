//! The marks around calls of functions, in every spelling that checkpoints and their conversions give them: with the
//! tokenizer's low line or a plain one, a space or an escaped line between words, with wide or plain bars.
//!
//! Knows nothing of what stands between them.
use std::sync::LazyLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    CallsBegin,
    CallsEnd,
    CallBegin,
    CallEnd,
    Separator,
    /// Around what functions gave back, which only a prompt says.
    Output,
}

/// What a text has first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// A mark at this byte, this long.
    Mark(usize, usize, Mark),
    /// From this byte on the text may become one.
    Begins(usize),
    Nothing,
}

const NAMES: [(&str, Mark); 11] = [
    ("tool calls begin", Mark::CallsBegin),
    ("tool calls", Mark::CallsBegin),
    ("tool calls end", Mark::CallsEnd),
    ("tool call begin", Mark::CallBegin),
    ("tool call end", Mark::CallEnd),
    ("tool sep", Mark::Separator),
    ("tool outputs begin", Mark::Output),
    ("tool outputs end", Mark::Output),
    ("tool output begin", Mark::Output),
    ("tool output end", Mark::Output),
    ("end tool calls", Mark::CallsEnd),
];

static SPELLINGS: LazyLock<Vec<(String, Mark)>> = LazyLock::new(|| {
    let mut list = Vec::new();
    for (name, mark) in NAMES {
        for between in ["▁", "_", " ", "\\_"] {
            for bar in ["｜", "|"] {
                list.push((format!("<{bar}{}{bar}>", name.replace(' ', between)), mark));
            }
        }
    }
    list
});

/// The first mark of a text, or where one may begin.
pub fn first(text: &str) -> First {
    for (at, _) in text.match_indices('<') {
        let rest = &text[at..];
        if let Some((spelling, mark)) = SPELLINGS.iter().find(|(spelling, _)| rest.starts_with(spelling)) {
            return First::Mark(at, spelling.len(), *mark);
        }
        if SPELLINGS.iter().any(|(spelling, _)| spelling.starts_with(rest)) {
            return First::Begins(at);
        }
    }
    First::Nothing
}

/// Whether a token of the vocabulary is a mark, whole.
pub fn is_mark(token: &str) -> bool {
    SPELLINGS.iter().any(|(spelling, _)| spelling == token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_and_what_only_looks_like_one_is_not() {
        for text in ["<｜tool▁sep｜>", "<｜tool_sep｜>", "<|tool▁sep|>", "<|tool_sep|>", "<｜tool sep｜>"]
        {
            assert_eq!(first(&format!("a<b{text}c")), First::Mark(3, text.len(), Mark::Separator), "{text}");
            assert!(is_mark(text));
            for cut in (1..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                assert_eq!(first(&format!("x{}", &text[..cut])), First::Begins(1), "{text} at {cut}");
            }
        }
        for text in ["", "a < b", "<｜tool▁sep|>", "<｜tool▁seq｜>", "<tool_sep>", "<|user|>"] {
            assert_eq!(first(text), First::Nothing, "{text}");
        }
        assert_eq!(first("<|tool▁calls▁begin|>"), First::Mark(0, 24, Mark::CallsBegin));
    }
}

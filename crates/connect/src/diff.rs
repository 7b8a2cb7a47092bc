//! The difference of two texts by lines, with the lines around each change and without secrets.
//! Knows no format.

use similar::{ChangeTag, TextDiff};

/// What stands in place of a secret.
const DOTS: &str = "••••";

/// How many unchanged lines are shown around a change.
const AROUND: usize = 3;

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// It stays.
    Same,
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// Here are lines that stay and are not shown; the text is empty.
    Gap,
}

/// A line of the difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// What happens to it.
    pub kind: LineKind,
    /// Its text without the end of the line; keys are dots.
    pub text: String,
}

pub(crate) fn lines(before: &str, after: &str, secrets: &[String]) -> Vec<DiffLine> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    let mut shown = 0;
    for group in diff.grouped_ops(AROUND) {
        let start = group.first().map_or(0, |op| op.old_range().start);
        if start > shown {
            lines.push(DiffLine { kind: LineKind::Gap, text: String::new() });
        }
        shown = group.last().map_or(0, |op| op.old_range().end);
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let kind = match change.tag() {
                ChangeTag::Equal => LineKind::Same,
                ChangeTag::Insert => LineKind::Added,
                ChangeTag::Delete => LineKind::Removed,
            };
            let text = change.value().trim_end_matches(['\r', '\n']);
            lines.push(DiffLine { kind, text: hidden(text, secrets) });
        }
    }
    if !lines.is_empty() && shown < diff.old_slices().len() {
        lines.push(DiffLine { kind: LineKind::Gap, text: String::new() });
    }
    lines
}

fn hidden(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), DOTS))
}

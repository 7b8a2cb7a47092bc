//! The Markdown of a message as a value: blocks of inlines. The writers of HTML and Word read it and know no
//! Markdown; `parse` makes it.
mod formula_blocks;
mod parse;

pub(super) use parse::parse;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Inline>),
    Heading {
        /// 1 to 6.
        level: u8,
        text: Vec<Inline>,
    },
    Quote(Vec<Block>),
    List {
        /// The first number; `None` for bullets.
        start: Option<usize>,
        items: Vec<Item>,
    },
    Code {
        /// Empty where none is named.
        language: String,
        text: String,
    },
    /// A formula on lines of its own, in TeX.
    Formula(String),
    Table(Table),
    Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Of a task.
    pub checked: Option<bool>,
    pub blocks: Vec<Block>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    /// One of each column.
    pub alignments: Vec<Alignment>,
    pub head: Vec<Cell>,
    pub rows: Vec<Vec<Cell>>,
}

pub(super) type Cell = Vec<Inline>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alignment {
    Left,
    Center,
    Right,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Inline {
    Text(String),
    Code(String),
    Strong(Vec<Inline>),
    Emphasis(Vec<Inline>),
    Strike(Vec<Inline>),
    Link {
        /// http, https or mailto.
        url: String,
        text: Vec<Inline>,
    },
    /// A passage by its number, from 1.
    Citation(usize),
    /// In TeX.
    Formula(String),
    Break,
}

/// A text as it was typed, line by line.
pub(super) fn lines(text: &str) -> Vec<Inline> {
    let lines = text.split('\n').map(|line| Inline::Text(line.to_owned()));
    let mut inlines: Vec<Inline> = lines.flat_map(|line| [Inline::Break, line]).skip(1).collect();
    inlines.retain(|inline| *inline != Inline::Text(String::new()));
    inlines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_breaks() {
        let text = |text: &str| Inline::Text(text.into());
        assert_eq!(lines("a\n\nb"), [text("a"), Inline::Break, Inline::Break, text("b")]);
        assert_eq!(lines(""), []);
    }
}

//! Blocks of rich text as paragraphs and tables of Word. Quotations and lists are indents, because Word has
//! no boxes in a text.
use docx_rs::{
    AlignmentType, Docx, Paragraph, Run, Shading, Table as WordTable, TableCell, TableLayoutType, TableRow,
    WidthType,
};

use super::inlines::{Look, code_run, with_inlines, with_text};
use super::styles::{CODE, INDENT, Lists};
use crate::chat_document::rich_text::{Alignment, Block, Cell, Item, Table};

/// Word opens no table that has more.
const MAX_COLUMNS: usize = 63;
/// Of the text on a page, in twentieths of a point.
const TEXT_WIDTH: usize = 9_000;

/// Where a block stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place<'a> {
    /// Levels.
    pub indent: i32,
    /// Of the list around it.
    pub list_level: usize,
    /// A paragraph style for what has none of its own.
    pub style: Option<&'a str>,
}

impl Place<'_> {
    pub fn paragraph(self) -> Paragraph {
        let mut paragraph = Paragraph::new();
        if self.indent > 0 {
            // Deeper than that nothing is left of the line.
            paragraph = paragraph.indent(Some(INDENT * self.indent.min(12)), None, None, None);
        }
        match self.style {
            Some(style) => paragraph.style(style),
            None => paragraph,
        }
    }

    fn deeper(self) -> Self {
        Self { indent: self.indent + 1, ..self }
    }
}

#[derive(Default)]
pub(super) struct BlockWriter {
    body: Vec<BodyPart>,
    lists: Lists,
}

enum BodyPart {
    Paragraph(Box<Paragraph>),
    Table(Box<WordTable>),
}

impl BlockWriter {
    /// The document with all that was written at its end.
    pub fn add_to(self, docx: Docx) -> Docx {
        let docx = self.lists.add_to(docx);
        self.body.into_iter().fold(docx, |docx, part| match part {
            BodyPart::Paragraph(paragraph) => docx.add_paragraph(*paragraph),
            BodyPart::Table(table) => docx.add_table(*table),
        })
    }

    pub fn paragraph(&mut self, paragraph: Paragraph) {
        self.body.push(BodyPart::Paragraph(Box::new(paragraph)));
    }

    pub fn blocks(&mut self, blocks: &[Block], place: Place<'_>) {
        for block in blocks {
            self.block(block, place);
        }
    }

    fn block(&mut self, block: &Block, place: Place<'_>) {
        match block {
            Block::Paragraph(text) => {
                self.paragraph(with_inlines(place.paragraph(), text, Look::default()));
            }
            Block::Heading { level, text } => {
                // The title and the roles are above every heading of an answer.
                let style = format!("Heading{}", (level + 1).min(6));
                let heading = Place { style: Some(&style), ..place }.paragraph().keep_next(true);
                self.paragraph(with_inlines(heading, text, Look::default()));
            }
            Block::Quote(inner) => self.blocks(inner, place.deeper()),
            Block::List { start, items } => self.list(*start, items, place),
            Block::Code { text, .. } | Block::Formula(text) => self.code(text, place),
            Block::Table(table) => self.table(table, place),
            Block::Rule => self.paragraph(place.paragraph().add_run(Run::new().add_text("———"))),
        }
    }

    pub fn code(&mut self, text: &str, place: Place<'_>) {
        let paragraph = Place { style: Some(CODE), ..place }.paragraph();
        self.paragraph(paragraph.add_run(with_text(code_run(Run::new()), text)));
    }

    fn list(&mut self, start: Option<usize>, items: &[Item], place: Place<'_>) {
        let id = self.lists.begin(start, place.list_level);
        let inner = Place { list_level: place.list_level + 1, ..place.deeper() };
        for item in items {
            let mark = item.checked.map(|done| if done { "☑ " } else { "☐ " });
            let paragraph = Lists::item(Place { indent: 0, ..place }.paragraph(), id, place.list_level);
            let paragraph = match mark {
                Some(mark) => paragraph.add_run(Run::new().add_text(mark)),
                None => paragraph,
            };
            match item.blocks.as_slice() {
                [Block::Paragraph(text), rest @ ..] => {
                    self.paragraph(with_inlines(paragraph, text, Look::default()));
                    self.blocks(rest, inner);
                }
                blocks => {
                    self.paragraph(paragraph);
                    self.blocks(blocks, inner);
                }
            }
        }
    }

    fn table(&mut self, table: &Table, place: Place<'_>) {
        let rows = || std::iter::once(&table.head).chain(&table.rows);
        let columns = table.alignments.len().max(1);
        if columns > MAX_COLUMNS {
            for row in rows() {
                let line = row.iter().enumerate().fold(place.paragraph(), |paragraph, (at, cell)| {
                    let between = if at > 0 { " | " } else { "" };
                    with_inlines(paragraph.add_run(Run::new().add_text(between)), cell, Look::default())
                });
                self.paragraph(line);
            }
            return;
        }
        let width = TEXT_WIDTH / columns;
        let rows = rows().enumerate().map(|(at, row)| {
            let empty = Cell::new();
            let cells = (0..columns).map(|column| {
                let look = Look { bold: at == 0, ..Look::default() };
                let alignment = match table.alignments.get(column) {
                    Some(Alignment::Center) => AlignmentType::Center,
                    Some(Alignment::Right) => AlignmentType::Right,
                    Some(Alignment::Left) | None => AlignmentType::Left,
                };
                let text = row.get(column).unwrap_or(&empty);
                let paragraph = with_inlines(Paragraph::new().align(alignment), text, look);
                let cell = TableCell::new().width(width, WidthType::Dxa).add_paragraph(paragraph);
                if at == 0 { cell.shading(Shading::new().fill("F1F3F6")) } else { cell }
            });
            TableRow::new(cells.collect()).cant_split()
        });
        let table = WordTable::new(rows.collect())
            .set_grid(vec![width; columns])
            .width(width * columns, WidthType::Dxa)
            .layout(TableLayoutType::Autofit);
        self.body.push(BodyPart::Table(Box::new(table)));
        // Two tables without a paragraph between them are one to Word.
        self.paragraph(Paragraph::new());
    }
}

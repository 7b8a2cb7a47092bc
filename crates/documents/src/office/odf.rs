//! OpenDocument texts and presentations, as LibreOffice writes them. A page for each slide; a text has the
//! pages that LibreOffice marked when it saved.
use protocol::DocumentPage;

use super::archive::Archive;
use super::builder::TextBuilder;
use super::xml::{Element, Node, walk_without};
use crate::DocumentError;

/// # Errors
/// An archive without the part, one with a password, or XML that is not well-formed.
pub fn open_document(bytes: &[u8]) -> Result<Vec<DocumentPage>, DocumentError> {
    let mut archive = Archive::open(bytes)?;
    if archive.part("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains("encryption-data")) {
        return Err(DocumentError::Locked);
    }
    let mut reader = OdfReader::default();
    walk_without(&archive.required("content.xml")?, is_left_out, |node| reader.visit(node))?;
    let mut pages = reader.out.finish();
    // A presentation begins its first slide with a page break.
    if pages.len() > 1 && pages[0].text.is_empty() {
        pages.remove(0);
    }
    Ok(pages)
}

#[derive(Default)]
struct OdfReader {
    out: TextBuilder,
    /// Depth of the paragraphs and headings around: only text inside of one is text.
    paragraphs: usize,
    /// Depth of list items around.
    items: usize,
    /// Columns and copies of the current cell.
    span: usize,
    /// The notes of a slide begin, whose text has not come yet.
    in_notes: bool,
}

impl OdfReader {
    fn visit(&mut self, node: Node) {
        match node {
            Node::Open(element) => self.open(&element),
            Node::Close(name) => self.close(name),
            Node::Text(text) if self.paragraphs > 0 => {
                // Most slides have an empty place for notes.
                if std::mem::take(&mut self.in_notes) {
                    self.out.text("Notes: ");
                }
                self.out.text(text);
            }
            Node::Text(_) => {}
        }
    }

    fn open(&mut self, element: &Element) {
        let number = |name: &str| element.attribute(name).and_then(|value| value.parse::<usize>().ok());
        match element.name {
            "h" => {
                self.out.heading(number("outline-level").unwrap_or(1));
                self.paragraphs += 1;
            }
            "p" => {
                if self.items > 0 {
                    self.out.list_item();
                }
                self.paragraphs += 1;
            }
            "s" => self.out.text(&" ".repeat(number("c").unwrap_or(1).min(64))),
            "tab" => self.out.text("\t"),
            "line-break" => self.out.text("\n"),
            "list-item" => self.items += 1,
            "note-body" => self.out.text(" ("),
            "soft-page-break" if !self.out.page_is_empty() => self.out.end_page(),
            "page" => {
                self.in_notes = false;
                self.out.end_page();
            }
            "notes" => self.in_notes = true,
            "table" => self.out.begin_table(),
            "table-row" => self.out.begin_row(),
            "table-cell" => self.span = number("number-columns-repeated").unwrap_or(1),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "h" | "p" => {
                self.paragraphs = self.paragraphs.saturating_sub(1);
                // The paragraphs of a note are within the one that it belongs to.
                if self.paragraphs == 0 {
                    self.out.end_paragraph();
                }
            }
            "list-item" => self.items = self.items.saturating_sub(1),
            "note-body" => self.out.text(")"),
            "table-cell" => self.out.end_cell(self.span),
            "table" => self.out.end_table(),
            _ => {}
        }
    }
}

fn is_left_out(element: &Element) -> bool {
    matches!(
        element.name,
        "tracked-changes"
            | "annotation"
            | "forms"
            | "sequence-decls"
            | "automatic-styles"
            | "font-face-decls"
            | "note-citation"
            | "page-number"
            | "settings"
    )
}

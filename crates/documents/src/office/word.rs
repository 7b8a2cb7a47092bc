//! Word's documents. Pages are those at which Word broke when it saved last; other programs do not write
//! them down, and their documents have one page. Deleted text, comments, heads and feet are left out.
use protocol::DocumentPage;

use super::archive::Archive;
use super::builder::TextBuilder;
use super::xml::{Element, Node, walk_without};
use crate::DocumentError;

/// # Errors
/// An archive without the part, or XML that is not well-formed.
pub fn word(bytes: &[u8]) -> Result<Vec<DocumentPage>, DocumentError> {
    let mut archive = Archive::open(bytes)?;
    let mut reader = WordReader::default();
    walk_without(&archive.required("word/document.xml")?, is_left_out, |node| reader.visit(node))?;
    for part in ["word/footnotes.xml", "word/endnotes.xml"] {
        if let Some(notes) = archive.part(part)? {
            walk_without(&notes, is_left_out, |node| reader.visit(node))?;
        }
    }
    Ok(reader.out.finish())
}

#[derive(Default)]
struct WordReader {
    out: TextBuilder,
    /// Inside `w:t`.
    in_text: bool,
    /// The page was ended by a break that the author set: Word's own mark of it follows.
    ended_by_author: bool,
    /// Cells that the current one spans.
    span: usize,
}

impl WordReader {
    fn visit(&mut self, node: Node) {
        match node {
            Node::Open(element) => self.open(&element),
            Node::Close(name) => self.close(name),
            Node::Text(text) if self.in_text => self.out.text(text),
            Node::Text(_) => {}
        }
    }

    fn open(&mut self, element: &Element) {
        match element.name {
            "t" => self.in_text = true,
            "tab" => self.out.text("\t"),
            "cr" => self.out.text("\n"),
            "noBreakHyphen" => self.out.text("-"),
            "br" if element.attribute("type").as_deref() == Some("page") => {
                self.out.end_page();
                self.ended_by_author = true;
            }
            "br" => self.out.text("\n"),
            "lastRenderedPageBreak" => {
                let again = std::mem::take(&mut self.ended_by_author) && self.out.page_is_empty();
                if !again && !self.out.page_is_empty() {
                    self.out.end_page();
                }
            }
            "pStyle" => {
                let style = element.attribute("val").unwrap_or_default();
                if let Some(level) = heading_level(&style) {
                    self.out.heading(level);
                }
            }
            "numPr" => self.out.list_item(),
            "tbl" => self.out.begin_table(),
            "tr" => self.out.begin_row(),
            "tc" => self.span = 1,
            "gridSpan" => {
                self.span = element.attribute("val").and_then(|span| span.parse().ok()).unwrap_or(1);
            }
            "footnoteReference" | "endnoteReference" => {
                let id = element.attribute("id").unwrap_or_default();
                self.out.text(&format!("[^{id}]"));
            }
            "footnote" | "endnote" => {
                let id = element.attribute("id").unwrap_or_default();
                self.out.text(&format!("[^{id}]: "));
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        match name {
            "t" => self.in_text = false,
            "p" => self.out.end_paragraph(),
            "tc" => self.out.end_cell(self.span),
            "tbl" => self.out.end_table(),
            _ => {}
        }
    }
}

fn is_left_out(element: &Element) -> bool {
    match element.name {
        // The copy of a text box for old programs.
        "Fallback" => true,
        // The lines between notes and text.
        "footnote" | "endnote" => element.attribute("type").is_some(),
        // A change of style, whose old value has the same elements as the new one.
        "pPrChange" | "rPrChange" | "tcPrChange" => true,
        // The tabs of a style are no text.
        "tabs" => true,
        _ => false,
    }
}

/// Word's own styles, in the languages of its files: "Heading1", "heading 1", "1".
fn heading_level(style: &str) -> Option<usize> {
    let lower = style.to_lowercase();
    if lower == "title" {
        return Some(1);
    }
    let digits = ["heading", "berschrift", "titre", "标题"].iter().find_map(|name| {
        let at = lower.find(name)? + name.len();
        lower[at..].trim().parse::<usize>().ok()
    });
    digits.or_else(|| style.parse().ok().filter(|level| (1..=6).contains(level)))
}

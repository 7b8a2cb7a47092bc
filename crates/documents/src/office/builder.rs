//! Paragraphs, tables and pages as text: headings and lists as in Markdown, a table as lines of cells.
//! Each format calls it as it meets them.
use protocol::DocumentPage;

use crate::tidy::tidy;

#[derive(Default)]
pub struct TextBuilder {
    pages: Vec<String>,
    page: String,
    paragraph: String,
    /// Of the paragraph that is written: the mark of a heading or of a list.
    mark: String,
    tables: Vec<Table>,
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    cell: String,
}

impl TextBuilder {
    pub fn text(&mut self, text: &str) {
        self.paragraph.push_str(text);
    }

    pub fn heading(&mut self, level: usize) {
        self.mark = format!("{} ", "#".repeat(level.clamp(1, 6)));
    }

    pub fn list_item(&mut self) {
        if self.mark.is_empty() {
            "- ".clone_into(&mut self.mark);
        }
    }

    /// Whether anything was written since the last page began.
    pub fn page_is_empty(&self) -> bool {
        self.page.is_empty() && self.paragraph.is_empty() && self.tables.is_empty()
    }

    pub fn end_paragraph(&mut self) {
        let paragraph = std::mem::take(&mut self.paragraph);
        let mark = std::mem::take(&mut self.mark);
        if let Some(table) = self.tables.last_mut() {
            let text = paragraph.trim().replace(['\n', '\t'], " ");
            if !table.cell.is_empty() && !text.is_empty() {
                table.cell.push(' ');
            }
            table.cell.push_str(&text);
            return;
        }
        if !paragraph.trim().is_empty() {
            self.page.push_str(&mark);
            self.page.push_str(&paragraph);
        }
        // List items follow each other without an empty line.
        self.page.push_str(if mark == "- " { "\n" } else { "\n\n" });
    }

    pub fn begin_table(&mut self) {
        if !self.paragraph.is_empty() {
            self.end_paragraph();
        }
        self.tables.push(Table::default());
    }

    pub fn begin_row(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            table.rows.push(Vec::new());
        }
    }

    /// `columns` and more cells that are empty, where a cell spans several.
    pub fn end_cell(&mut self, columns: usize) {
        if let Some(table) = self.tables.last_mut() {
            let cell = std::mem::take(&mut table.cell);
            if let Some(row) = table.rows.last_mut() {
                row.push(cell);
                row.extend(std::iter::repeat_n(String::new(), columns.clamp(1, 64) - 1));
            }
        }
    }

    pub fn end_table(&mut self) {
        let Some(table) = self.tables.pop() else { return };
        let rows = table
            .rows
            .iter()
            .map(|row| row.join(" | "))
            .filter(|row| !row.trim_matches([' ', '|']).is_empty());
        let text = rows.map(|row| format!("| {row} |")).collect::<Vec<_>>().join("\n");
        match self.tables.last_mut() {
            // A table within a cell.
            Some(outer) => outer.cell.push_str(&text.replace('\n', " ")),
            None => {
                self.page.push_str(&text);
                self.page.push_str("\n\n");
            }
        }
    }

    pub fn end_page(&mut self) {
        if !self.paragraph.is_empty() {
            self.end_paragraph();
        }
        self.pages.push(std::mem::take(&mut self.page));
    }

    pub fn finish(mut self) -> Vec<DocumentPage> {
        while !self.tables.is_empty() {
            self.end_table();
        }
        self.end_page();
        self.pages.iter().map(|text| DocumentPage { label: None, text: tidy(text) }).collect()
    }
}

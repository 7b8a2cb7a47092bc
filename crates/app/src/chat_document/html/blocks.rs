//! Blocks of rich text as HTML. What they say is text; the only address in the result is that of a link.
//! Nothing here loads anything.
use super::escape::{escaped, push_text};
use super::formula::push_formula;
use crate::chat_document::rich_text::{Alignment, Block, Cell, Inline, Item, Table};

/// `turn` is the number of the message, whose sources the citations point at.
pub(super) fn push_blocks(out: &mut String, blocks: &[Block], turn: usize) {
    for block in blocks {
        push_block(out, block, turn);
    }
}

fn push_block(out: &mut String, block: &Block, turn: usize) {
    match block {
        Block::Paragraph(inlines) => {
            out.push_str("<p>");
            push_inlines(out, inlines, turn);
            out.push_str("</p>\n");
        }
        Block::Heading { level, text } => {
            // The title and the roles are above every heading of an answer.
            let level = (level + 2).min(6);
            out.push_str(&format!("<h{level}>"));
            push_inlines(out, text, turn);
            out.push_str(&format!("</h{level}>\n"));
        }
        Block::Quote(inner) => {
            out.push_str("<blockquote>\n");
            push_blocks(out, inner, turn);
            out.push_str("</blockquote>\n");
        }
        Block::List { start, items } => push_list(out, *start, items, turn),
        Block::Code { language, text } => {
            out.push_str("<figure class=\"code\">");
            if !language.is_empty() {
                out.push_str(&format!("<figcaption>{}</figcaption>", escaped(language)));
            }
            push_code(out, text);
            out.push_str("</figure>\n");
        }
        Block::Formula(tex) => {
            out.push_str("<div class=\"formula\">");
            push_formula(out, tex, true);
            out.push_str("</div>\n");
        }
        Block::Table(table) => push_table(out, table, turn),
        Block::Rule => out.push_str("<hr>\n"),
    }
}

pub(super) fn push_code(out: &mut String, text: &str) {
    out.push_str("<pre><code>");
    push_text(out, text);
    out.push_str("</code></pre>");
}

fn push_list(out: &mut String, start: Option<usize>, items: &[Item], turn: usize) {
    let tag = if start.is_some() { "ol" } else { "ul" };
    match start {
        Some(first) if first != 1 => out.push_str(&format!("<ol start=\"{first}\">\n")),
        _ => out.push_str(&format!("<{tag}>\n")),
    }
    for item in items {
        match item.checked {
            Some(done) => {
                out.push_str(if done { "<li class=\"task\">☑ " } else { "<li class=\"task\">☐ " })
            }
            None => out.push_str("<li>"),
        }
        match item.blocks.as_slice() {
            // Without the room around a paragraph.
            [Block::Paragraph(inlines), rest @ ..] => {
                push_inlines(out, inlines, turn);
                out.push('\n');
                push_blocks(out, rest, turn);
            }
            blocks => push_blocks(out, blocks, turn),
        }
        out.push_str("</li>\n");
    }
    out.push_str(&format!("</{tag}>\n"));
}

fn push_table(out: &mut String, table: &Table, turn: usize) {
    let row = |out: &mut String, tag: &str, cells: &[Cell]| {
        out.push_str("<tr>");
        for (at, cell) in cells.iter().enumerate() {
            let class = match table.alignments.get(at) {
                Some(Alignment::Center) => " class=\"center\"",
                Some(Alignment::Right) => " class=\"right\"",
                Some(Alignment::Left) | None => "",
            };
            out.push_str(&format!("<{tag}{class}>"));
            push_inlines(out, cell, turn);
            out.push_str(&format!("</{tag}>"));
        }
        out.push_str("</tr>\n");
    };
    out.push_str("<div class=\"table\"><table>\n<thead>\n");
    row(out, "th", &table.head);
    out.push_str("</thead>\n<tbody>\n");
    for cells in &table.rows {
        row(out, "td", cells);
    }
    out.push_str("</tbody>\n</table></div>\n");
}

pub(super) fn push_inlines(out: &mut String, inlines: &[Inline], turn: usize) {
    let inside = |out: &mut String, tag: &str, inner: &[Inline]| {
        out.push_str(&format!("<{tag}>"));
        push_inlines(out, inner, turn);
        out.push_str(&format!("</{tag}>"));
    };
    for inline in inlines {
        match inline {
            Inline::Text(text) => push_text(out, text),
            Inline::Code(code) => {
                out.push_str("<code>");
                push_text(out, code);
                out.push_str("</code>");
            }
            Inline::Strong(inner) => inside(out, "strong", inner),
            Inline::Emphasis(inner) => inside(out, "em", inner),
            Inline::Strike(inner) => inside(out, "s", inner),
            Inline::Link { url, text } => {
                out.push_str(&format!("<a href=\"{}\" rel=\"noreferrer\">", escaped(url)));
                push_inlines(out, text, turn);
                out.push_str("</a>");
            }
            Inline::Citation(number) => {
                out.push_str(&format!("<a class=\"citation\" href=\"#s{turn}-{number}\">[{number}]</a>"));
            }
            Inline::Formula(tex) => push_formula(out, tex, false),
            Inline::Break => out.push_str("<br>"),
        }
    }
}

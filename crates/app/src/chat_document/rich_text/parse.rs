//! Markdown into blocks, by the rules of the window: raw HTML is text, pictures are links, emphasis works
//! without spaces beside Chinese, and `[citation:2]` is a citation. Only links to the web and to mail stay.
use comrak::nodes::{ListType, Node, NodeValue, TableAlignment};
use comrak::{Arena, Options, parse_document};

use super::formula_blocks::{MARK, mark_formula_blocks};
use super::{Alignment, Block, Cell, Inline, Item, Table, lines};

/// What is nested deeper is written as text, so that no writer runs out of stack.
const MAX_DEPTH: usize = 32;

pub(in crate::chat_document) fn parse(markdown: &str) -> Vec<Block> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.strikethrough = true;
    extension.table = true;
    extension.tasklist = true;
    extension.autolink = true;
    extension.math_dollars = true;
    extension.math_latex = true;
    // CommonMark leaves `**注意：**这里` as it is.
    extension.cjk_friendly_emphasis = true;
    let arena = Arena::new();
    blocks(parse_document(&arena, &mark_formula_blocks(markdown), &options), 0)
}

fn blocks(parent: Node<'_>, depth: usize) -> Vec<Block> {
    parent.children().filter_map(|node| block(node, depth)).collect()
}

fn block(node: Node<'_>, depth: usize) -> Option<Block> {
    if depth > MAX_DEPTH {
        return Some(Block::Paragraph(vec![Inline::Text(plain_text(node))]));
    }
    let value = node.data().value.clone();
    Some(match value {
        NodeValue::Heading(heading) => {
            Block::Heading { level: heading.level.clamp(1, 6), text: inlines(node, depth) }
        }
        NodeValue::BlockQuote => Block::Quote(blocks(node, depth + 1)),
        NodeValue::List(list) => Block::List {
            start: (list.list_type == ListType::Ordered).then_some(list.start),
            items: node.children().map(|item| list_item(item, depth + 1)).collect(),
        },
        NodeValue::CodeBlock(code) if code.info == MARK => Block::Formula(code.literal.trim().to_owned()),
        NodeValue::CodeBlock(code) => Block::Code {
            language: code.info.split_whitespace().next().unwrap_or_default().to_owned(),
            text: code.literal.trim_end_matches('\n').to_owned(),
        },
        NodeValue::HtmlBlock(html) => Block::Paragraph(lines(html.literal.trim_end())),
        NodeValue::ThematicBreak => Block::Rule,
        NodeValue::Table(table) => Block::Table(read_table(node, &table.alignments, depth)),
        _ => {
            let text = inlines(node, depth);
            match <[Inline; 1]>::try_from(text) {
                Ok([Inline::Formula(tex)]) if is_display(node) => Block::Formula(tex),
                Ok(one) => Block::Paragraph(one.into()),
                Err(text) if text.is_empty() => return None,
                Err(text) => Block::Paragraph(text),
            }
        }
    })
}

/// Whether a paragraph is one formula that wants lines of its own.
fn is_display(paragraph: Node<'_>) -> bool {
    paragraph
        .first_child()
        .is_some_and(|child| matches!(&child.data().value, NodeValue::Math(math) if math.display_math))
}

fn list_item(node: Node<'_>, depth: usize) -> Item {
    let checked = match &node.data().value {
        NodeValue::TaskItem(task) => Some(task.symbol.is_some()),
        _ => None,
    };
    Item { checked, blocks: blocks(node, depth) }
}

fn read_table(node: Node<'_>, alignments: &[TableAlignment], depth: usize) -> Table {
    let alignments = alignments.iter().map(|alignment| match alignment {
        TableAlignment::Center => Alignment::Center,
        TableAlignment::Right => Alignment::Right,
        TableAlignment::None | TableAlignment::Left => Alignment::Left,
    });
    let cells = |row: Node<'_>| -> Vec<Cell> { row.children().map(|cell| inlines(cell, depth)).collect() };
    let mut rows: Vec<Vec<Cell>> = node.children().map(cells).collect();
    let head = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
    Table { alignments: alignments.collect(), head, rows }
}

fn inlines(parent: Node<'_>, depth: usize) -> Vec<Inline> {
    let mut out = Vec::new();
    for node in parent.children() {
        inline(node, depth + 1, &mut out);
    }
    let joined = join_texts(out);
    joined.into_iter().flat_map(citations).collect()
}

fn inline(node: Node<'_>, depth: usize, out: &mut Vec<Inline>) {
    if depth > MAX_DEPTH {
        out.push(Inline::Text(plain_text(node)));
        return;
    }
    let value = node.data().value.clone();
    let inside = || inlines(node, depth);
    match value {
        NodeValue::Text(text) => out.push(Inline::Text(text.into_owned())),
        NodeValue::Code(code) => out.push(Inline::Code(code.literal)),
        NodeValue::Math(math) => out.push(Inline::Formula(math.literal.trim().to_owned())),
        // Models write it for a new line in the cell of a table.
        NodeValue::HtmlInline(html) if is_line_break(&html) => out.push(Inline::Break),
        NodeValue::HtmlInline(html) => out.push(Inline::Text(html)),
        NodeValue::SoftBreak => out.push(Inline::Text(" ".to_owned())),
        NodeValue::LineBreak => out.push(Inline::Break),
        NodeValue::Strong => out.push(Inline::Strong(inside())),
        NodeValue::Emph => out.push(Inline::Emphasis(inside())),
        NodeValue::Strikethrough => out.push(Inline::Strike(inside())),
        NodeValue::Link(link) | NodeValue::Image(link) => {
            let text = inside();
            let text = if text.is_empty() { vec![Inline::Text(link.url.clone())] } else { text };
            if is_web_link(&link.url) {
                out.push(Inline::Link { url: link.url, text });
            } else {
                out.extend(text);
            }
        }
        _ => out.extend(inside()),
    }
}

fn is_line_break(html: &str) -> bool {
    let name = html.trim_matches(['<', '>', '/', ' ']);
    name.eq_ignore_ascii_case("br")
}

fn is_web_link(url: &str) -> bool {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|scheme| ["http", "https", "mailto"].contains(&scheme.as_str()))
}

/// The library divides a text at each mark that might have begun something.
fn join_texts(inlines: Vec<Inline>) -> Vec<Inline> {
    let mut out: Vec<Inline> = Vec::with_capacity(inlines.len());
    for inline in inlines {
        match (out.last_mut(), inline) {
            (Some(Inline::Text(before)), Inline::Text(text)) => before.push_str(&text),
            (_, inline) => out.push(inline),
        }
    }
    out
}

/// A text with the citations in it.
fn citations(inline: Inline) -> Vec<Inline> {
    const OPEN: &str = "[citation:";
    let Inline::Text(text) = inline else { return vec![inline] };
    let mut out = Vec::new();
    let mut rest = text.as_str();
    let mut from = 0;
    while let Some(found) = rest[from..].find(OPEN) {
        let start = from + found;
        let after = &rest[start + OPEN.len()..];
        let number = after.split_once(']').and_then(|(number, _)| number.parse::<usize>().ok());
        let Some(number) = number else {
            from = start + OPEN.len();
            continue;
        };
        if start > 0 {
            out.push(Inline::Text(rest[..start].to_owned()));
        }
        out.push(Inline::Citation(number));
        rest = after.split_once(']').map_or("", |(_, rest)| rest);
        from = 0;
    }
    if !rest.is_empty() {
        out.push(Inline::Text(rest.to_owned()));
    }
    out
}

/// All text below a node, without a call for each level.
fn plain_text(node: Node<'_>) -> String {
    let mut out = String::new();
    for node in node.descendants() {
        match &node.data().value {
            NodeValue::Text(text) => out.push_str(text),
            NodeValue::Code(code) => out.push_str(&code.literal),
            NodeValue::Math(math) => out.push_str(&math.literal),
            NodeValue::CodeBlock(code) => out.push_str(&code.literal),
            NodeValue::HtmlInline(html) => out.push_str(html),
            NodeValue::HtmlBlock(html) => out.push_str(&html.literal),
            NodeValue::SoftBreak | NodeValue::LineBreak | NodeValue::Paragraph => out.push(' '),
            _ => {}
        }
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Inline {
        Inline::Text(text.into())
    }

    fn paragraph(markdown: &str) -> Vec<Inline> {
        match parse(markdown).as_slice() {
            [Block::Paragraph(inlines)] => inlines.clone(),
            other => panic!("{markdown}: {other:?}"),
        }
    }

    #[test]
    fn emphasis_needs_no_space_beside_chinese() {
        assert_eq!(paragraph("**注意：**这里"), [Inline::Strong(vec![text("注意：")]), text("这里")]);
    }

    #[test]
    fn raw_html_is_text_and_a_break_in_a_cell_is_one() {
        assert_eq!(paragraph("a <b>c</b>"), [text("a <b>c</b>")]);
        let table = parse("| a |\n|---|\n| x<br>y |");
        let [Block::Table(table)] = table.as_slice() else { panic!("{table:?}") };
        assert_eq!(table.rows, [[[text("x"), Inline::Break, text("y")]]]);
        assert_eq!(
            parse("<script>\nalert(1)\n</script>"),
            [Block::Paragraph(lines("<script>\nalert(1)\n</script>"))]
        );
    }

    #[test]
    fn only_links_to_the_web_stay() {
        let link = |url: &str, name: &str| Inline::Link { url: url.into(), text: vec![text(name)] };
        assert_eq!(paragraph("[a](https://x.org)"), [link("https://x.org", "a")]);
        assert_eq!(paragraph("![a](https://x.org/a.png)"), [link("https://x.org/a.png", "a")]);
        for url in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "a.html", "JaVaScRiPt:x"]
        {
            assert_eq!(paragraph(&format!("[a]({url})")), [text("a")], "{url}");
        }
    }

    #[test]
    fn citations_are_numbers_and_code_keeps_them() {
        assert_eq!(paragraph("So [citation:2]."), [text("So "), Inline::Citation(2), text(".")]);
        assert_eq!(paragraph("[citation:1][citation:x]"), [Inline::Citation(1), text("[citation:x]")]);
        assert_eq!(paragraph("`[citation:1]`"), [Inline::Code("[citation:1]".into())]);
    }

    #[test]
    fn formulas_are_read_in_every_notation() {
        let formula = |tex: &str| Inline::Formula(tex.into());
        assert_eq!(
            paragraph("So $x_1$ and \\(y\\)"),
            [text("So "), formula("x_1"), text(" and "), formula("y")]
        );
        assert_eq!(parse("$$\na\n- b\n$$"), [Block::Formula("a\n- b".into())]);
        assert_eq!(parse("> $$a$$"), [Block::Quote(vec![Block::Formula("a".into())])]);
        assert_eq!(paragraph("It is $5 and $10."), [text("It is $5 and $10.")]);
    }

    #[test]
    fn lists_keep_their_numbers_and_tasks() {
        let list = parse("3. a\n4. b");
        assert!(matches!(list.as_slice(), [Block::List { start: Some(3), items }] if items.len() == 2));
        let tasks = parse("- [x] a\n- [ ] b");
        let [Block::List { start: None, items }] = tasks.as_slice() else { panic!("{tasks:?}") };
        assert_eq!(items.iter().map(|item| item.checked).collect::<Vec<_>>(), [Some(true), Some(false)]);
    }

    #[test]
    fn deep_nesting_becomes_text() {
        let deep = parse(&format!("{}end", "> ".repeat(5_000)));
        fn depth(blocks: &[Block]) -> usize {
            let inner =
                blocks.iter().map(|block| if let Block::Quote(inner) = block { depth(inner) } else { 0 });
            1 + inner.max().unwrap_or(0)
        }
        assert!(depth(&deep) <= MAX_DEPTH + 2);
        assert!(format!("{deep:?}").contains("end"));
    }
}

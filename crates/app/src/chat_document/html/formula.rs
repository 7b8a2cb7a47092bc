//! A formula as MathML, which browsers draw without a script or a font of ours. What the library cannot read
//! stays TeX, legible as code.
use std::thread;

use pulldown_latex::config::{DisplayMode, RenderConfig};
use pulldown_latex::{Parser, Storage, push_mathml};

use super::escape::{escaped, push_text};

/// Longer ones are no formulas that somebody reads, and their time is not bounded.
const MAX_BYTES: usize = 4_000;
/// The library calls itself for each argument of a command, and the shortest command has two bytes.
const STACK: usize = 64 << 20;
/// A browser flattens what is nested deeper than some hundred elements.
const MAX_DEPTH: usize = 100;
/// The elements that the library writes.
const ELEMENTS: &[&str] = &[
    "math",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
];

pub(super) fn push_formula(out: &mut String, tex: &str, display: bool) {
    match mathml(tex, display) {
        Some(markup) => out.push_str(&markup),
        None => {
            out.push_str("<code class=\"tex\">");
            push_text(out, tex);
            out.push_str("</code>");
        }
    }
}

fn mathml(tex: &str, display: bool) -> Option<String> {
    if tex.len() > MAX_BYTES || depth(tex) > MAX_DEPTH {
        return None;
    }
    // A formula that the library fails on must not cost the whole file.
    let drawn = thread::scope(|scope| {
        let drawing = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || draw(tex, display));
        drawing.ok()?.join().ok().flatten()
    })?;
    Some(only_mathml(&drawn))
}

/// How deep braces are nested.
fn depth(tex: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    for byte in tex.bytes() {
        match byte {
            b'{' => now += 1,
            b'}' => now = now.saturating_sub(1),
            _ => {}
        }
        most = most.max(now);
    }
    most
}

fn draw(tex: &str, display: bool) -> Option<String> {
    let storage = Storage::new();
    let events: Result<Vec<_>, _> = Parser::new(tex, &storage).collect();
    let config = RenderConfig {
        display_mode: if display { DisplayMode::Block } else { DisplayMode::Inline },
        ..RenderConfig::default()
    };
    let mut markup = String::new();
    let events = events.ok()?.into_iter().map(Ok::<_, std::convert::Infallible>);
    push_mathml(&mut markup, events, config).ok()?;
    Some(markup)
}

/// The markup with every `<` that begins none of the library's elements as text: it goes into the page as it
/// is, and an operator `<` is one too.
fn only_mathml(markup: &str) -> String {
    let mut parts = markup.split('<');
    let mut out = escaped(parts.next().unwrap_or_default());
    for part in parts {
        let name = part.strip_prefix('/').unwrap_or(part);
        let end = name.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(name.len());
        let closed = part.contains('>') && name[end..].starts_with([' ', '>', '/']);
        if closed && ELEMENTS.contains(&&name[..end]) {
            out.push('<');
            out.push_str(part);
        } else {
            push_text(&mut out, "<");
            out.push_str(part);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formula(tex: &str) -> String {
        let mut out = String::new();
        push_formula(&mut out, tex, false);
        out
    }

    #[test]
    fn a_formula_is_mathml() {
        let fraction = formula("\\frac{a}{b}");
        assert!(fraction.starts_with("<math") && fraction.contains("<mfrac"), "{fraction}");
        let mut block = String::new();
        push_formula(&mut block, "\\begin{aligned} a &= b \\\\ c &= d \\end{aligned}", true);
        assert!(block.contains("display=\"block\"") && block.contains("<mtable"), "{block}");
    }

    #[test]
    fn what_is_no_tex_stays_as_it_was_written() {
        assert_eq!(
            formula("\\undefinedcommand<b>"),
            "<code class=\"tex\">\\undefinedcommand&lt;b&gt;</code>"
        );
        assert_eq!(formula("{"), "<code class=\"tex\">{</code>");
        assert!(formula(&"x".repeat(MAX_BYTES + 1)).starts_with("<code"));
        assert!(formula(&format!("{}x{}", "{".repeat(2_000), "}".repeat(1_990))).starts_with("<code"));
        assert!(formula(&"\\frac".repeat(700)).contains("frac"));
    }

    #[test]
    fn an_operator_is_no_tag() {
        let less = formula("a<b");
        assert!(less.contains("&lt;") && !less.contains("<<"), "{less}");
        let text = formula("\\text{<script>alert(1)</script>}");
        assert!(!text.contains("<script"), "{text}");
    }
}

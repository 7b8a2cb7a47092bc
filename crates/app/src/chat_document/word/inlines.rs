//! Inlines of rich text as runs of a paragraph.
//! Word knows no new line and no tab in a text: both are elements.
use docx_rs::{BreakType, Hyperlink, HyperlinkType, Paragraph, Run, RunProperty, Shading, VertAlignType};

use super::styles::code_fonts;
use crate::chat_document::rich_text::Inline;

/// Of the text around an inline.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Look {
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    pub link: bool,
}

impl Look {
    fn run(self) -> Run {
        let mut run = Run::new();
        if self.bold {
            run = run.bold();
        }
        if self.italic {
            run = run.italic();
        }
        if self.strike {
            run = run.strike();
        }
        if self.link {
            run = run.color("2A5BD7").underline("single");
        }
        run
    }
}

/// The paragraph with the inlines at its end.
pub(super) fn with_inlines(paragraph: Paragraph, inlines: &[Inline], look: Look) -> Paragraph {
    inlines.iter().fold(paragraph, |paragraph, inline| match inline {
        Inline::Link { url, text } => {
            let link = Hyperlink::new(url.as_str(), HyperlinkType::External);
            let runs = runs_of(text, Look { link: true, ..look });
            paragraph.add_hyperlink(runs.into_iter().fold(link, Hyperlink::add_run))
        }
        Inline::Strong(inner) => with_inlines(paragraph, inner, Look { bold: true, ..look }),
        Inline::Emphasis(inner) => with_inlines(paragraph, inner, Look { italic: true, ..look }),
        Inline::Strike(inner) => with_inlines(paragraph, inner, Look { strike: true, ..look }),
        plain => paragraph.add_run(run_of(plain, look)),
    })
}

/// The runs of a link, which holds no other link.
fn runs_of(inlines: &[Inline], look: Look) -> Vec<Run> {
    let runs = inlines.iter().flat_map(|inline| match inline {
        Inline::Strong(inner) => runs_of(inner, Look { bold: true, ..look }),
        Inline::Emphasis(inner) => runs_of(inner, Look { italic: true, ..look }),
        Inline::Strike(inner) => runs_of(inner, Look { strike: true, ..look }),
        Inline::Link { text, .. } => runs_of(text, look),
        plain => vec![run_of(plain, look)],
    });
    runs.collect()
}

fn run_of(inline: &Inline, look: Look) -> Run {
    match inline {
        Inline::Text(text) => with_text(look.run(), text),
        Inline::Code(text) => with_text(code_run(look.run()), text),
        // Word draws no TeX, and its own formulas are another language; the source is legible.
        Inline::Formula(tex) => with_text(code_run(look.run()), tex),
        Inline::Citation(number) => {
            let raised = RunProperty::new().vert_align(VertAlignType::SuperScript);
            let mut run = look.run();
            run.run_property = raised;
            run.add_text(format!("[{number}]"))
        }
        Inline::Break => look.run().add_break(BreakType::TextWrapping),
        Inline::Strong(_) | Inline::Emphasis(_) | Inline::Strike(_) | Inline::Link { .. } => look.run(),
    }
}

pub(super) fn code_run(run: Run) -> Run {
    run.fonts(code_fonts()).shading(Shading::new().fill("F1F3F6"))
}

/// A text of several lines, with its tabs.
pub(super) fn with_text(run: Run, text: &str) -> Run {
    let lines = text.split('\n').enumerate();
    lines.fold(run, |run, (at, line)| {
        let run = if at > 0 { run.add_break(BreakType::TextWrapping) } else { run };
        line.split('\t').enumerate().fold(run, |run, (at, part)| {
            let run = if at > 0 { run.add_tab() } else { run };
            if part.is_empty() { run } else { run.add_text(part) }
        })
    })
}

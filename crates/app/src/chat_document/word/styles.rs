//! The styles of a Word document: Word's own headings, so that its navigation and table of contents work,
//! and those of code, notes and quotations. Each font has one for Chinese beside it, or Word picks any.
use docx_rs::{
    AbstractNumbering, Docx, IndentLevel, Level, LevelJc, LevelOverride, LevelText, LineSpacing,
    NumberFormat, Numbering, NumberingId, Paragraph, RunFonts, SpecialIndentType, Start, Style, StyleType,
};

const CHINESE: &str = "Microsoft YaHei";
const BULLETS: usize = 1;
const NUMBERS: usize = 2;
/// Word has no more levels of a list.
const LEVELS: usize = 9;
/// Twentieths of a point, as every length here.
pub(super) const INDENT: i32 = 360;

/// Paragraph styles that are ours.
pub(super) const CODE: &str = "Code";
pub(super) const NOTE: &str = "Note";

pub(super) fn code_fonts() -> RunFonts {
    RunFonts::new().ascii("Consolas").hi_ansi("Consolas").cs("Consolas").east_asia(CHINESE)
}

fn text_fonts() -> RunFonts {
    RunFonts::new().ascii("Calibri").hi_ansi("Calibri").cs("Calibri").east_asia(CHINESE)
}

/// An empty document with all styles. Sizes are half points.
pub(super) fn styled() -> Docx {
    let spacing = LineSpacing::new().after(120).line(276);
    let mut docx = Docx::new().default_fonts(text_fonts()).default_size(22).default_line_spacing(spacing);
    docx = docx.add_style(paragraph_style("Title", "Title").size(40).bold().fonts(text_fonts()));
    for (level, size) in (1..=6).zip([28, 26, 24, 22, 22, 22]) {
        let heading = paragraph_style(&format!("Heading{level}"), &format!("heading {level}"));
        let room = LineSpacing::new().before(240).after(80);
        docx = docx.add_style(
            heading.size(size).bold().fonts(text_fonts()).outline_lvl(level - 1).line_spacing(room),
        );
    }
    let tight = LineSpacing::new().before(60).after(120).line(240);
    docx.add_style(paragraph_style(CODE, "Code").size(19).fonts(code_fonts()).line_spacing(tight))
        .add_style(paragraph_style(NOTE, "Note").size(19).color("5A6472").fonts(text_fonts()))
        .add_abstract_numbering(list(BULLETS, "bullet"))
        .add_abstract_numbering(list(NUMBERS, "decimal"))
        .add_numbering(Numbering::new(BULLETS, BULLETS))
}

fn paragraph_style(id: &str, name: &str) -> Style {
    Style::new(id, StyleType::Paragraph).name(name).based_on("Normal")
}

fn list(id: usize, format: &str) -> AbstractNumbering {
    (0..LEVELS).fold(AbstractNumbering::new(id), |list, level| {
        let text = if format == "bullet" { "•".to_owned() } else { format!("%{}.", level + 1) };
        let left = INDENT * (level as i32 + 1);
        list.add_level(
            Level::new(
                level,
                Start::new(1),
                NumberFormat::new(format),
                LevelText::new(text),
                LevelJc::new("left"),
            )
            .indent(Some(left), Some(SpecialIndentType::Hanging(INDENT)), None, None),
        )
    })
}

/// The lists of a document. Each numbered list counts from its own first number.
#[derive(Default)]
pub(super) struct Lists {
    /// Of numbered lists: the first number and the level.
    numbered: Vec<(usize, usize)>,
}

impl Lists {
    /// The id of a list that begins; `start` is `None` for bullets.
    pub fn begin(&mut self, start: Option<usize>, level: usize) -> usize {
        let Some(start) = start else { return BULLETS };
        // Word counts to 32 767.
        self.numbered.push((start.min(32_000), level.min(LEVELS - 1)));
        NUMBERS + self.numbered.len()
    }

    pub fn item(paragraph: Paragraph, id: usize, level: usize) -> Paragraph {
        paragraph.numbering(NumberingId::new(id), IndentLevel::new(level.min(LEVELS - 1)))
    }

    pub fn add_to(self, docx: Docx) -> Docx {
        let numbered = self.numbered.into_iter().zip(NUMBERS + 1..);
        numbered.fold(docx, |docx, ((start, level), id)| {
            let begin = LevelOverride::new(level).start(start);
            docx.add_numbering(Numbering::new(id, NUMBERS).add_override(begin))
        })
    }
}

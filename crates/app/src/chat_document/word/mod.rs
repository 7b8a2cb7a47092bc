//! A chat as a Word document (.docx), which LibreOffice, WPS and Pages read too. What the model thought and
//! the tools that it called are notes in small type, because a Word document folds nothing but headings.
mod blocks;
mod inlines;
mod styles;

use std::io::Cursor;

use contract::{ErrorCode, ErrorView, PictureView};
use docx_rs::{Docx, Paragraph, Pic, Run};
use messages::{CliMessage, Lang};

use self::blocks::{BlockWriter, Place};
use self::inlines::{Look, with_inlines, with_text};
use self::styles::{NOTE, styled};
use super::content::{Call, ChatDocument, Part, Turn};
use super::rich_text::{lines, parse};

/// The widest and the highest image, in pixels of 1/96 inch: 16 by 20 cm.
const MAX_WIDTH: u32 = 605;
const MAX_HEIGHT: u32 = 756;
/// English Metric Units of such a pixel.
const EMU: u32 = 9_525;

/// `png` gives the image as a PNG, the only format that the library stores.
///
/// # Errors
/// Those of `png`, and a document that cannot be packed.
pub(super) fn word(
    document: &ChatDocument,
    lang: Lang,
    png: impl Fn(&PictureView) -> Result<Vec<u8>, ErrorView>,
) -> Result<Vec<u8>, ErrorView> {
    let mut writer = BlockWriter::default();
    let title = Paragraph::new().style("Title");
    writer.paragraph(with_inlines(title, &lines(&document.title), Look::default()));
    let facts = [&document.model, &document.date].into_iter().filter(|fact| !fact.is_empty());
    note(&mut writer, &facts.map(String::as_str).collect::<Vec<_>>().join(" · "));
    if !document.system_prompt.is_empty() {
        note(&mut writer, &document.system_prompt);
    }
    for turn in &document.turns {
        push_turn(&mut writer, turn, lang, &png)?;
    }
    pack(writer.add_to(styled()))
}

fn pack(docx: Docx) -> Result<Vec<u8>, ErrorView> {
    let mut bytes = Cursor::new(Vec::new());
    let packed = docx.build().pack(&mut bytes);
    packed
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("write the Word document: {error}")))?;
    Ok(bytes.into_inner())
}

/// Small type.
fn note(writer: &mut BlockWriter, text: &str) {
    let paragraph = Paragraph::new().style(NOTE);
    writer.paragraph(paragraph.add_run(with_text(Run::new(), text)));
}

fn push_turn(
    writer: &mut BlockWriter,
    turn: &Turn,
    lang: Lang,
    png: &impl Fn(&PictureView) -> Result<Vec<u8>, ErrorView>,
) -> Result<(), ErrorView> {
    if let Some(version) = turn.version {
        note(writer, &version.text(lang));
    }
    let label = format!("{} · {}", turn.number, turn.label(lang));
    writer.paragraph(Paragraph::new().style("Heading1").keep_next(true).add_run(Run::new().add_text(label)));
    for image in &turn.images {
        let (width, height) = fitted(image);
        let picture = Pic::new_with_dimensions(png(image)?, width, height).size(width * EMU, height * EMU);
        writer.paragraph(Paragraph::new().add_run(Run::new().add_image(picture)));
    }
    for name in &turn.documents {
        note(writer, name);
    }
    for part in &turn.parts {
        match part {
            Part::Thinking(text) => {
                note(writer, CliMessage::ExportThinking.text(lang));
                writer.blocks(&parse(text), Place { indent: 1, style: Some(NOTE), ..Place::default() });
            }
            Part::Text(text) if turn.answer => writer.blocks(&parse(text), Place::default()),
            Part::Text(text) => {
                writer.paragraph(with_inlines(Paragraph::new(), &lines(text), Look::default()));
            }
            Part::Call(call) => push_call(writer, call, lang),
        }
    }
    if turn.cut {
        note(writer, CliMessage::ExportCut.text(lang));
    }
    for source in &turn.sources {
        note(writer, &format!("[{}] {}, {}", source.number, source.name, source.place));
    }
    Ok(())
}

fn push_call(writer: &mut BlockWriter, call: &Call, lang: Lang) {
    note(writer, &CliMessage::ExportTool.with(lang, &[("name", &call.name)]));
    let parts = [(CliMessage::ExportArguments, &call.arguments), (CliMessage::ExportResult, &call.result)];
    for (label, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
        note(writer, label.text(lang));
        writer.code(text, Place { indent: 1, ..Place::default() });
    }
}

/// The size of an image on the page, with its sides in proportion.
fn fitted(image: &PictureView) -> (u32, u32) {
    let (width, height) = (f64::from(image.width.max(1)), f64::from(image.height.max(1)));
    let scale = (f64::from(MAX_WIDTH) / width).min(f64::from(MAX_HEIGHT) / height).min(1.0);
    let side = |side: f64| ((side * scale).round() as u32).max(1);
    (side(width), side(height))
}

#[cfg(test)]
mod tests;

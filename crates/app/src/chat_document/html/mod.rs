//! A chat as one HTML file that needs nothing else: styles and images are in it, it has no script, and its
//! policy forbids whatever could be loaded. The window prints the same layout. Styles may be inline, because
//! formulas have some; no style can load anything either.
mod blocks;
mod escape;
mod formula;

use contract::{ErrorView, PictureView};
use messages::{CliMessage, Lang};

use self::blocks::{push_blocks, push_code};
use self::escape::{escaped, push_text};
use super::content::{Call, ChatDocument, Part, Turn};
use super::rich_text::parse;

const STYLE: &str = include_str!("style.css");
const POLICY: &str =
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// `data_url` gives the image as a data URL.
///
/// # Errors
/// Those of `data_url`.
pub(super) fn html(
    document: &ChatDocument,
    lang: Lang,
    data_url: impl Fn(&PictureView) -> Result<String, ErrorView>,
) -> Result<String, ErrorView> {
    let mut out = String::new();
    push_head(&mut out, document, lang);
    out.push_str(&format!("<h1>{}</h1>\n", escaped(&document.title)));
    let facts = [&document.model, &document.date].into_iter().filter(|fact| !fact.is_empty());
    let facts: Vec<String> = facts.map(|fact| escaped(fact)).collect();
    out.push_str(&format!("<p class=\"facts\">{}</p>\n", facts.join(" · ")));
    if !document.system_prompt.is_empty() {
        out.push_str(&format!(
            "<blockquote class=\"system\">{}</blockquote>\n",
            escaped(&document.system_prompt)
        ));
    }
    for turn in &document.turns {
        push_turn(&mut out, turn, lang, &data_url)?;
    }
    out.push_str("</main>\n</body>\n</html>\n");
    Ok(out)
}

fn push_head(out: &mut String, document: &ChatDocument, lang: Lang) {
    let (language, title) = (lang.pick("en", "zh-CN"), escaped(&document.title));
    out.push_str(&format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main class=\"chat\">\n"
    ));
}

fn push_turn(
    out: &mut String,
    turn: &Turn,
    lang: Lang,
    data_url: &impl Fn(&PictureView) -> Result<String, ErrorView>,
) -> Result<(), ErrorView> {
    let (number, class) = (turn.number, if turn.answer { "answer" } else { "user" });
    out.push_str(&format!("<article class=\"{class}\" id=\"m{number}\">\n"));
    if let Some(version) = turn.version {
        let text = escaped(&version.text(lang));
        match version.after {
            Some(after) => {
                out.push_str(&format!("<p class=\"version\"><a href=\"#m{after}\">{text}</a></p>\n"));
            }
            None => out.push_str(&format!("<p class=\"version\">{text}</p>\n")),
        }
    }
    out.push_str(&format!("<h2>{number} · {}</h2>\n", turn.label(lang)));
    for image in &turn.images {
        let (width, height) = (image.width.to_string(), image.height.to_string());
        let alt = CliMessage::ExportImage.with(lang, &[("width", &width), ("height", &height)]);
        out.push_str(&format!(
            "<img src=\"{}\" width=\"{width}\" alt=\"{}\">\n",
            escaped(&data_url(image)?),
            escaped(&alt)
        ));
    }
    for name in &turn.documents {
        out.push_str(&format!("<p class=\"named\">{}</p>\n", escaped(name)));
    }
    for part in &turn.parts {
        push_part(out, part, turn, lang);
    }
    if turn.cut {
        out.push_str(&format!("<p class=\"cut\">{}</p>\n", CliMessage::ExportCut.text(lang)));
    }
    if !turn.sources.is_empty() {
        out.push_str("<ul class=\"sources\">\n");
        for source in &turn.sources {
            let (at, name, place) = (source.number, escaped(&source.name), escaped(&source.place));
            out.push_str(&format!("<li id=\"s{number}-{at}\">[{at}] {name}, {place}</li>\n"));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("</article>\n");
    Ok(())
}

fn push_part(out: &mut String, part: &Part, turn: &Turn, lang: Lang) {
    match part {
        Part::Thinking(text) => {
            let label = CliMessage::ExportThinking.text(lang);
            out.push_str(&format!("<details><summary>{label}</summary>\n"));
            push_blocks(out, &parse(text), turn.number);
            out.push_str("</details>\n");
        }
        Part::Text(text) if turn.answer => push_blocks(out, &parse(text), turn.number),
        Part::Text(text) => {
            out.push_str("<div class=\"said\">");
            push_text(out, text);
            out.push_str("</div>\n");
        }
        Part::Call(call) => push_call(out, call, lang),
    }
}

fn push_call(out: &mut String, call: &Call, lang: Lang) {
    let label = CliMessage::ExportTool.with(lang, &[("name", &call.name)]);
    out.push_str(&format!("<details class=\"call\"><summary>{}</summary>\n", escaped(&label)));
    let parts = [(CliMessage::ExportArguments, &call.arguments), (CliMessage::ExportResult, &call.result)];
    for (label, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
        out.push_str(&format!("<h3>{}</h3>\n", label.text(lang)));
        push_code(out, text);
    }
    out.push_str("</details>\n");
}

#[cfg(test)]
mod tests;

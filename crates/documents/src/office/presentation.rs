//! PowerPoint's presentations: a page for each slide in the order of the show, with the speaker's notes.
//! Numbers, dates and feet of slides are left out.
use std::collections::BTreeMap;

use protocol::DocumentPage;

use super::archive::Archive;
use super::builder::TextBuilder;
use super::xml::{Node, walk};
use crate::DocumentError;

/// # Errors
/// An archive without the parts, or XML that is not well-formed.
pub fn presentation(bytes: &[u8]) -> Result<Vec<DocumentPage>, DocumentError> {
    let mut archive = Archive::open(bytes)?;
    let targets = relations(&mut archive, "ppt/presentation.xml")?;
    let mut order = Vec::new();
    walk(&archive.required("ppt/presentation.xml")?, |node| {
        if let Node::Open(element) = node
            && element.name == "sldId"
        {
            // Two attributes are called id; the one of the relation is text such as rId2.
            order.extend(element.attribute_of("r:id").and_then(|id| targets.get(&id).cloned()));
        }
    })?;
    let mut pages = Vec::new();
    for slide in order {
        let path = resolve("ppt", &slide);
        let mut text = slide_text(&archive.required(&path)?)?;
        let notes =
            relations(&mut archive, &path)?.into_values().find(|target| target.contains("notesSlide"));
        if let Some(notes) = notes
            && let Some(part) = archive.part(&resolve("ppt/slides", &notes))?
        {
            let notes = slide_text(&part)?;
            if !notes.is_empty() {
                text = format!("{text}\n\nNotes: {notes}");
            }
        }
        pages.push(DocumentPage { label: None, text });
    }
    Ok(pages)
}

/// The relations of a part: id to target.
fn relations(archive: &mut Archive, part: &str) -> Result<BTreeMap<String, String>, DocumentError> {
    let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
    let mut targets = BTreeMap::new();
    if let Some(xml) = archive.part(&format!("{folder}/_rels/{name}.rels"))? {
        walk(&xml, |node| {
            if let Node::Open(element) = node
                && element.name == "Relationship"
            {
                targets.extend(element.attribute("Id").zip(element.attribute("Target")));
            }
        })?;
    }
    Ok(targets)
}

/// A target as the name of a part: absolute, or relative to a folder.
fn resolve(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn slide_text(xml: &str) -> Result<String, DocumentError> {
    let mut out = TextBuilder::default();
    let (mut in_text, mut numbered) = (false, false);
    walk(xml, |node| match node {
        Node::Open(element) => match element.name {
            // A shape that only shows the number of the slide, the date or a foot.
            "ph" => {
                let kind = element.attribute("type").unwrap_or_default();
                numbered = matches!(kind.as_str(), "sldNum" | "dt" | "ftr" | "sldImg");
            }
            "sp" => numbered = false,
            "t" => in_text = !numbered,
            "br" => out.text("\n"),
            "tbl" => out.begin_table(),
            "tr" => out.begin_row(),
            _ => {}
        },
        Node::Close(name) => match name {
            "t" => in_text = false,
            "p" => out.end_paragraph(),
            "tc" => out.end_cell(1),
            "tbl" => out.end_table(),
            _ => {}
        },
        Node::Text(text) if in_text => out.text(text),
        Node::Text(_) => {}
    })?;
    Ok(out.finish().into_iter().map(|page| page.text).collect::<Vec<_>>().join("\n"))
}

//! XML as a walk over elements by their local names. No entity is expanded but those of XML itself, so that
//! a small file stays small.
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use crate::DocumentError;

pub enum Node<'a> {
    Open(Element<'a>),
    Close(&'a str),
    Text(&'a str),
}

pub struct Element<'a> {
    pub name: &'a str,
    start: &'a BytesStart<'a>,
}

impl Element<'_> {
    /// An attribute by its local name.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let attribute = self
            .start
            .attributes()
            .filter_map(Result::ok)
            .find(|attribute| attribute.key.local_name().as_ref() == name)?;
        Some(attribute.value.into_owned())
    }

    /// An attribute by its whole name, where two have the same local name.
    pub fn attribute_of(&self, name: &str) -> Option<String> {
        let attribute = self.start.try_get_attribute(name).ok()??;
        Some(attribute.value.into_owned())
    }
}

/// As [`walk`], without the elements that are left out and all that is in them.
///
/// # Errors
/// XML that is not well-formed.
pub fn walk_without(
    xml: &str,
    is_left_out: fn(&Element) -> bool,
    mut visit: impl FnMut(Node),
) -> Result<(), DocumentError> {
    // Depth within an element that is left out.
    let mut skipped = 0_usize;
    walk(xml, |node| match node {
        Node::Open(element) if skipped > 0 || is_left_out(&element) => skipped += 1,
        Node::Close(_) if skipped > 0 => skipped -= 1,
        Node::Text(_) if skipped > 0 => {}
        node => visit(node),
    })
}

/// # Errors
/// XML that is not well-formed.
pub fn walk(xml: &str, mut visit: impl FnMut(Node)) -> Result<(), DocumentError> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().map_err(DocumentError::invalid)? {
            Event::Start(start) => open(&start, false, &mut visit),
            Event::Empty(start) => open(&start, true, &mut visit),
            Event::End(end) => visit(Node::Close(end.local_name().as_ref())),
            Event::Text(text) => visit(Node::Text(&text)),
            Event::CData(text) => visit(Node::Text(&text)),
            Event::GeneralRef(reference) => {
                let name = reference.to_string();
                match reference.resolve_char_ref().map_err(DocumentError::invalid)? {
                    Some(char) => visit(Node::Text(char.encode_utf8(&mut [0; 4]))),
                    None => visit(Node::Text(resolve_predefined_entity(&name).unwrap_or_default())),
                }
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

fn open(start: &BytesStart, empty: bool, visit: &mut impl FnMut(Node)) {
    let local = start.local_name();
    let name = local.as_ref();
    visit(Node::Open(Element { name, start }));
    if empty {
        visit(Node::Close(name));
    }
}

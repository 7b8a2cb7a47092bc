//! The formats of settings: a text as a tree, and edits of a text that leave the rest of it as it is. What an
//! edit made of the text is read again and compared with the same edit of the tree. Knows no program and no
//! file.

mod jsonc;
mod toml;
mod yaml;

use serde_json::Value as Json;

use crate::error::Flaw;
use crate::tree::{self, Edit, Part};

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// JSON as it is defined. Its readers refuse comments, and use nothing of a file with one.
    Json,
    /// JSON with comments and commas at the end of lists.
    Jsonc,
    Toml,
    Yaml,
}

impl Format {
    /// What the text says.
    pub fn parse(self, text: &str) -> Result<Json, Flaw> {
        let text = text.strip_prefix(MARK).unwrap_or(text);
        match self {
            Self::Json => jsonc::parse_strictly(text),
            Self::Jsonc => jsonc::parse(text),
            Self::Toml => toml::parse(text),
            Self::Yaml => yaml::parse(text),
        }
    }

    /// The text with these edits. Those that it has already change nothing.
    pub fn edit(self, text: &str, edits: &[Edit]) -> Result<String, Flaw> {
        let (mark, body) = text.strip_prefix(MARK).map_or(("", text), |body| (MARK, body));
        let mut wanted = self.parse(body)?;
        let mut needed = Vec::new();
        for edit in edits {
            if edit.make(&mut wanted)? {
                needed.push(edit);
            }
        }
        if needed.is_empty() {
            return Ok(text.to_owned());
        }
        let edited = with_line_ends(body, |body| match self {
            Self::Json | Self::Jsonc => jsonc::edit(body, &needed),
            Self::Toml => toml::edit(body, &needed),
            Self::Yaml => yaml::edit(body, &needed),
        })?;
        match self.parse(&edited) {
            Ok(tree) if tree::same(&tree, &wanted) => Ok(format!("{mark}{edited}")),
            _ => Err(Flaw::shape("our settings cannot be put into it without a change of the rest")),
        }
    }

    /// Whether the object or list at a place is empty and has no comment in it.
    pub fn is_bare(self, text: &str, at: &[Part]) -> bool {
        let is_empty = self.parse(text).is_ok_and(|tree| tree::get(&tree, at).is_some_and(tree::is_empty));
        // Comments of the other formats are lines of their own and stay when a line is removed.
        is_empty && (self != Self::Jsonc || jsonc::is_bare(text.strip_prefix(MARK).unwrap_or(text), at))
    }
}

/// Some editors of Windows begin a file with it.
const MARK: &str = "\u{feff}";

/// The ends of lines are those of the text: the editors know one kind only, or mix them.
fn with_line_ends(text: &str, edit: impl Fn(&str) -> Result<String, Flaw>) -> Result<String, Flaw> {
    let (both, all) = (text.matches("\r\n").count(), text.matches('\n').count());
    if both == 0 {
        edit(text)
    } else if both == all {
        Ok(edit(&text.replace("\r\n", "\n"))?.replace('\n', "\r\n"))
    } else {
        Err(Flaw::shape("its lines end in two ways, with and without a carriage return"))
    }
}

/// The line of a byte, from one.
fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|sign| **sign == b'\n').count() + 1
}

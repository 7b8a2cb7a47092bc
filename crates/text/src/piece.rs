//! What the output parsers make of a model's output: pieces, each of one kind. `output_parser` and the
//! parsers below it all give them.
use crate::Grounding;

/// A piece of the output. Consecutive pieces of one kind belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Reasoning(String),
    Answer(String),
    /// A tool call begins. The name is complete.
    CallName(String),
    /// A delta of the arguments of the current call.
    CallArguments(String),
    /// The model closed the current call. A call without this piece was cut off.
    CallEnd,
    /// Bounding boxes in the image for the label written just before.
    Grounding(Grounding),
}

impl Piece {
    pub fn text(&self) -> &str {
        match self {
            Piece::Reasoning(text)
            | Piece::Answer(text)
            | Piece::CallName(text)
            | Piece::CallArguments(text) => text,
            Piece::CallEnd | Piece::Grounding(_) => "",
        }
    }
}

pub(crate) fn push_nonempty(pieces: &mut Vec<Piece>, piece: Piece) {
    if !piece.text().is_empty() {
        pieces.push(piece);
    }
}

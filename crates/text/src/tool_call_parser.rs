//! Streaming tool call parser.
//!
//! It accepts two formats. V3 and R1: `begin function sep NAME \n fence json \n ARGUMENTS \n fence end`.
//! V3.1: `begin NAME sep ARGUMENTS end`. Arguments are the model's text; the caller checks whether they are
//! JSON.
use crate::Piece;
use crate::markers::{FirstMarker, Marker, find_first};
use crate::piece::push_nonempty;

const FENCE: &str = "```";

/// Finds tool calls. Other text becomes `Piece::Answer`, without stray markers.
#[derive(Default)]
pub struct ToolCallParser {
    state: State,
    held: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Inside the list of calls: the next call begins, or the list ends.
    Between,
    /// After a call's begin marker, before the separator.
    Head,
    /// After `function` and the separator: the rest of the line is the name.
    Name,
    /// An optional fence before the arguments.
    Fence,
    /// Optional white space before the arguments.
    Start,
    Arguments,
}

impl ToolCallParser {
    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push_str(text);
        while self.advance(pieces) {}
    }

    /// Returns the held-back text at the end of the output. A call cut off inside its name becomes answer
    /// text; a call cut off later gets no `Piece::CallEnd`.
    pub fn flush(&mut self, pieces: &mut Vec<Piece>) {
        let mut held = std::mem::take(&mut self.held);
        if let FirstMarker::Partial(at) = find_first(&held)
            && held[at..].contains("tool")
        {
            held.truncate(at);
        }
        match std::mem::take(&mut self.state) {
            State::Text | State::Between | State::Head | State::Name => {
                push_nonempty(pieces, Piece::Answer(held))
            }
            State::Arguments => push_nonempty(pieces, Piece::CallArguments(without_fence(&held).to_owned())),
            State::Fence | State::Start => {}
        }
    }

    /// Makes one state transition; false if more text is needed.
    fn advance(&mut self, pieces: &mut Vec<Piece>) -> bool {
        match self.state {
            State::Text => self.text(pieces),
            State::Between => {
                self.skip_space();
                match find_first(&self.held) {
                    FirstMarker::Found(0, len, marker) => self.after_marker(len, marker),
                    FirstMarker::Partial(0) => false,
                    _ if self.held.is_empty() => false,
                    // Text instead of a call: it is shown as the answer.
                    _ => self.enter(0, State::Text),
                }
            }
            State::Head => {
                let FirstMarker::Found(at, len, marker) = find_first(&self.held) else { return false };
                let head = self.take(at);
                if marker != Marker::Separator {
                    push_nonempty(pieces, Piece::Answer(head));
                    return self.after_marker(len, marker);
                }
                let name = head.trim();
                if name.eq_ignore_ascii_case("function") {
                    return self.enter(len, State::Name);
                }
                pieces.push(Piece::CallName(name.to_owned()));
                self.enter(len, State::Fence)
            }
            State::Name => {
                self.skip_space();
                if self.held.starts_with(['{', '`']) {
                    // The V3.1 format, with a tool that is named "function".
                    pieces.push(Piece::CallName("function".to_owned()));
                    return self.enter(0, State::Fence);
                }
                let marker =
                    if let FirstMarker::Found(at, ..) = find_first(&self.held) { Some(at) } else { None };
                let ends = [self.held.find(['\n', '{']), self.held.find(FENCE), marker];
                let Some(end) = ends.into_iter().flatten().min() else { return false };
                pieces.push(Piece::CallName(self.take(end).trim().to_owned()));
                self.enter(0, State::Fence)
            }
            State::Fence => {
                self.skip_space();
                let Some(rest) = self.held.strip_prefix(FENCE) else {
                    return !FENCE.starts_with(&self.held) && self.enter(0, State::Start);
                };
                // The language tag ends at the first character that is not alphanumeric.
                let Some(end) = rest.find(|letter: char| !letter.is_alphanumeric()) else { return false };
                self.enter(FENCE.len() + end, State::Start)
            }
            State::Start => {
                self.skip_space();
                !self.held.is_empty() && self.enter(0, State::Arguments)
            }
            State::Arguments => self.arguments(pieces),
        }
    }

    fn text(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let (end, found) = match find_first(&self.held) {
            FirstMarker::Found(at, len, marker) => (at, Some((len, marker))),
            FirstMarker::Partial(at) => (at, None),
            FirstMarker::None => (self.held.len(), None),
        };
        push_nonempty(pieces, Piece::Answer(self.take(end)));
        found.is_some_and(|(len, marker)| self.after_marker(len, marker))
    }

    fn arguments(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let (mut from, mut certain) = (0, self.held.len());
        loop {
            match find_first(&self.held[from..]) {
                FirstMarker::Found(at, len, Marker::Separator | Marker::Output) => from += at + len,
                // Some models omit the end marker before the next call.
                FirstMarker::Found(at, len, marker) => {
                    let arguments = self.take(from + at);
                    push_nonempty(pieces, Piece::CallArguments(without_fence(&arguments).to_owned()));
                    pieces.push(Piece::CallEnd);
                    return self.after_marker(len, marker);
                }
                FirstMarker::Partial(at) => {
                    certain = from + at;
                    break;
                }
                FirstMarker::None => break,
            }
        }
        // White space and a fence at the end may belong to the format, so they are held back.
        let certain = self.held[..certain].trim_end().trim_end_matches('`').trim_end().len();
        push_nonempty(pieces, Piece::CallArguments(self.take(certain)));
        false
    }

    /// Skips a marker at the start of the held text and enters the next state.
    fn after_marker(&mut self, len: usize, marker: Marker) -> bool {
        let state = match (marker, self.state) {
            (Marker::CallBegin, _) => State::Head,
            (Marker::CallsBegin, _) => State::Between,
            (Marker::CallsEnd, _) | (_, State::Text) => State::Text,
            (Marker::CallEnd | Marker::Separator | Marker::Output, _) => State::Between,
        };
        self.enter(len, state)
    }

    fn take(&mut self, end: usize) -> String {
        let rest = self.held.split_off(end);
        std::mem::replace(&mut self.held, rest)
    }

    fn enter(&mut self, past: usize, state: State) -> bool {
        self.held.drain(..past);
        self.state = state;
        true
    }

    fn skip_space(&mut self) {
        let space = self.held.len() - self.held.trim_start().len();
        self.held.drain(..space);
    }
}

/// Arguments without a closing fence.
fn without_fence(text: &str) -> &str {
    let text = text.trim_end();
    text.strip_suffix(FENCE).unwrap_or(text).trim_end()
}

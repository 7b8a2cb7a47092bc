//! Calls of functions apart from the rest of an answer, while it streams.
//!
//! Two forms, told apart as they come. V3 and R1: `begin function sep NAME \n fence json \n ARGUMENTS \n fence end`. V3.1:
//! `begin NAME sep ARGUMENTS end`. Arguments are the model's own text: whether they are JSON is for the caller to see.
use crate::Piece;
use crate::marks::{First, Mark, first};

const FENCE: &str = "```";

/// Finds the calls in a text. What is no call comes as `Piece::Answer`, without marks that lead nowhere.
#[derive(Default)]
pub struct CallSplitter {
    state: State,
    held: String,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// Inside the calls: another begins, or they end.
    Between,
    /// Past a call's beginning, before the separator.
    Head,
    /// Past `function` and the separator: the name is a line.
    Name,
    /// A fence may come before the arguments.
    Fence,
    /// Space may come before the arguments.
    Start,
    Arguments,
}

impl CallSplitter {
    pub fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        self.held.push_str(text);
        while self.advance(pieces) {}
    }

    /// What was held back, at the end. A call cut off before its name was whole is words, and no call that is cut off gets a
    /// `Piece::CallEnd`.
    pub fn flush(&mut self, pieces: &mut Vec<Piece>) {
        let mut held = std::mem::take(&mut self.held);
        if let First::Begins(at) = first(&held)
            && held[at..].contains("tool")
        {
            held.truncate(at);
        }
        match std::mem::take(&mut self.state) {
            State::Text | State::Between | State::Head | State::Name => put(pieces, Piece::Answer(held)),
            State::Arguments => put(pieces, Piece::CallArguments(bare(&held).to_owned())),
            State::Fence | State::Start => {}
        }
    }

    /// One decision; false when more text is needed.
    fn advance(&mut self, pieces: &mut Vec<Piece>) -> bool {
        match self.state {
            State::Text => self.text(pieces),
            State::Between => {
                self.skip_space();
                match first(&self.held) {
                    First::Mark(0, len, mark) => self.after(len, mark),
                    First::Begins(0) => false,
                    _ if self.held.is_empty() => false,
                    // No call where one should be: the reader sees what the model wrote.
                    _ => self.go(0, State::Text),
                }
            }
            State::Head => {
                let First::Mark(at, len, mark) = first(&self.held) else { return false };
                let head = self.take(at);
                if mark != Mark::Separator {
                    put(pieces, Piece::Answer(head));
                    return self.after(len, mark);
                }
                let name = head.trim();
                if name.eq_ignore_ascii_case("function") {
                    return self.go(len, State::Name);
                }
                pieces.push(Piece::CallName(name.to_owned()));
                self.go(len, State::Fence)
            }
            State::Name => {
                self.skip_space();
                if self.held.starts_with(['{', '`']) {
                    // V3.1's form, of a function that is called so.
                    pieces.push(Piece::CallName("function".to_owned()));
                    return self.go(0, State::Fence);
                }
                let mark = if let First::Mark(at, ..) = first(&self.held) { Some(at) } else { None };
                let ends = [self.held.find(['\n', '{']), self.held.find(FENCE), mark];
                let Some(end) = ends.into_iter().flatten().min() else { return false };
                pieces.push(Piece::CallName(self.take(end).trim().to_owned()));
                self.go(0, State::Fence)
            }
            State::Fence => {
                self.skip_space();
                let Some(rest) = self.held.strip_prefix(FENCE) else {
                    return !FENCE.starts_with(&self.held) && self.go(0, State::Start);
                };
                // The language, however it is written, is over where something else comes.
                let Some(end) = rest.find(|letter: char| !letter.is_alphanumeric()) else { return false };
                self.go(FENCE.len() + end, State::Start)
            }
            State::Start => {
                self.skip_space();
                !self.held.is_empty() && self.go(0, State::Arguments)
            }
            State::Arguments => self.arguments(pieces),
        }
    }

    fn text(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let (end, found) = match first(&self.held) {
            First::Mark(at, len, mark) => (at, Some((len, mark))),
            First::Begins(at) => (at, None),
            First::Nothing => (self.held.len(), None),
        };
        put(pieces, Piece::Answer(self.take(end)));
        found.is_some_and(|(len, mark)| self.after(len, mark))
    }

    fn arguments(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let (mut from, mut sure) = (0, self.held.len());
        loop {
            match first(&self.held[from..]) {
                First::Mark(at, len, Mark::Separator | Mark::Output) => from += at + len,
                // Some models forget a call's end before what follows.
                First::Mark(at, len, mark) => {
                    let arguments = self.take(from + at);
                    put(pieces, Piece::CallArguments(bare(&arguments).to_owned()));
                    pieces.push(Piece::CallEnd);
                    return self.after(len, mark);
                }
                First::Begins(at) => {
                    sure = from + at;
                    break;
                }
                First::Nothing => break,
            }
        }
        // Space and a fence at the end may belong to the form; what follows decides.
        let sure = self.held[..sure].trim_end().trim_end_matches('`').trim_end().len();
        put(pieces, Piece::CallArguments(self.take(sure)));
        false
    }

    /// Past a mark that stands at the beginning of what is held.
    fn after(&mut self, len: usize, mark: Mark) -> bool {
        let state = match (mark, self.state) {
            (Mark::CallBegin, _) => State::Head,
            (Mark::CallsBegin, _) => State::Between,
            (Mark::CallsEnd, _) | (_, State::Text) => State::Text,
            (Mark::CallEnd | Mark::Separator | Mark::Output, _) => State::Between,
        };
        self.go(len, state)
    }

    fn take(&mut self, end: usize) -> String {
        let rest = self.held.split_off(end);
        std::mem::replace(&mut self.held, rest)
    }

    fn go(&mut self, past: usize, state: State) -> bool {
        self.held.drain(..past);
        self.state = state;
        true
    }

    fn skip_space(&mut self) {
        let space = self.held.len() - self.held.trim_start().len();
        self.held.drain(..space);
    }
}

/// Arguments without the fence that may close them.
fn bare(text: &str) -> &str {
    let text = text.trim_end();
    text.strip_suffix(FENCE).unwrap_or(text).trim_end()
}

fn put(pieces: &mut Vec<Piece>, piece: Piece) {
    if !piece.text().is_empty() {
        pieces.push(piece);
    }
}

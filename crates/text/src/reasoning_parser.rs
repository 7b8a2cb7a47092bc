//! Streaming reasoning parser: separates `<think>…</think>` from the answer. Some templates write the opening
//! tag into the prompt, so the output begins inside it (*primed*), and some models omit it.
use crate::Piece;
use crate::piece::push_nonempty;
use crate::stop::overlap;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Splits the output of one request into reasoning and answer.
pub struct ReasoningParser {
    state: State,
    /// The model may reason without an opening tag, so text is classified by the tag that follows it.
    undecided: bool,
    held: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Only white space so far: a tag may follow.
    Start,
    /// Text without a tag so far: a closing tag would make it reasoning.
    Undecided,
    /// After the opening tag, which some models repeat.
    Opened,
    Thinking,
    /// After the closing tag; white space before the answer is dropped.
    After,
    Answering,
}

impl ReasoningParser {
    /// `primed`: the prompt ended inside `<think>`.
    pub fn new(primed: bool) -> Self {
        let state = if primed { State::Opened } else { State::Start };
        Self { state, undecided: false, held: String::new() }
    }

    /// For models that may omit the opening tag. Text is held back until a tag or the end of the output.
    pub fn undecided(self) -> Self {
        Self { undecided: true, ..self }
    }

    /// Whether the output so far ends inside the reasoning.
    pub fn in_reasoning(&self) -> bool {
        matches!(self.state, State::Opened | State::Thinking)
    }

    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        self.held.push_str(text);
        let mut pieces = Vec::new();
        while self.advance(&mut pieces) {}
        pieces
    }

    /// Returns the held-back text at the end of the output.
    pub fn flush(&mut self) -> Vec<Piece> {
        let rest = std::mem::take(&mut self.held);
        let piece = if self.in_reasoning() { Piece::Reasoning(rest) } else { Piece::Answer(rest) };
        if piece.text().is_empty() { Vec::new() } else { vec![piece] }
    }

    /// Returns the held-back text because a tool call begins. Open reasoning stays open.
    pub fn interrupt(&mut self) -> Vec<Piece> {
        let pieces = self.flush();
        self.state = if self.in_reasoning() { State::Thinking } else { State::Answering };
        pieces.into_iter().filter(|piece| !piece.text().trim().is_empty()).collect()
    }

    /// Makes one state transition; false if more text is needed.
    fn advance(&mut self, pieces: &mut Vec<Piece>) -> bool {
        match self.state {
            State::Start => {
                // A closing tag without an opening one is dropped.
                let tags = [(OPEN, State::Opened), (CLOSE, State::After)];
                let state = if self.undecided { State::Undecided } else { State::Answering };
                self.skip_tag(&tags, state, false)
            }
            State::Undecided => {
                let found = [(OPEN, State::Opened), (CLOSE, State::After)]
                    .into_iter()
                    .filter_map(|(tag, state)| Some((self.held.find(tag)?, tag, state)))
                    .min_by_key(|(at, ..)| *at);
                let Some((at, tag, state)) = found else { return false };
                let text = self.take(at);
                let piece = if tag == CLOSE { Piece::Reasoning(text) } else { Piece::Answer(text) };
                push_nonempty(pieces, piece);
                self.held.drain(..tag.len());
                self.state = state;
                true
            }
            State::Opened => self.skip_tag(&[(OPEN, State::Opened)], State::Thinking, false),
            State::Thinking => {
                let found = self.held.find(CLOSE);
                let end = found.unwrap_or_else(|| self.held.len() - overlap(&self.held, CLOSE));
                push_nonempty(pieces, Piece::Reasoning(self.take(end)));
                if found.is_some() {
                    self.held.drain(..CLOSE.len());
                    self.state = State::After;
                }
                found.is_some()
            }
            State::After => {
                self.skip_tag(&[(OPEN, State::Opened), (CLOSE, State::After)], State::Answering, true)
            }
            State::Answering => {
                push_nonempty(pieces, Piece::Answer(std::mem::take(&mut self.held)));
                false
            }
        }
    }

    /// Skips white space and one of the tags and enters that tag's state, or `other` before any other text.
    /// White space before other text is kept unless `drop_space`.
    fn skip_tag(&mut self, tags: &[(&str, State)], other: State, drop_space: bool) -> bool {
        let text = self.held.trim_start();
        for (tag, state) in tags {
            if let Some(rest) = text.strip_prefix(tag) {
                (self.held, self.state) = (rest.to_owned(), *state);
                return true;
            }
        }
        if drop_space {
            self.held = text.to_owned();
        }
        let text = self.held.trim_start();
        if tags.iter().any(|(tag, _)| tag.starts_with(text)) {
            return false;
        }
        self.state = other;
        true
    }

    fn take(&mut self, end: usize) -> String {
        let rest = self.held.split_off(end);
        std::mem::replace(&mut self.held, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(mut splitter: ReasoningParser, pieces: &[&str]) -> (String, String) {
        let mut all: Vec<Piece> = pieces.iter().flat_map(|piece| splitter.push(piece)).collect();
        all.extend(splitter.flush());
        let (mut reasoning, mut answer) = (String::new(), String::new());
        for piece in all {
            match piece {
                Piece::Reasoning(text) => reasoning += &text,
                Piece::Answer(text) => answer += &text,
                _ => unreachable!("this parser emits only reasoning and answers"),
            }
        }
        (reasoning, answer)
    }

    fn check(new: impl Fn() -> ReasoningParser, text: &str, reasoning: &str, answer: &str) {
        let expect = (reasoning.to_owned(), answer.to_owned());
        for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert_eq!(split(new(), &[&text[..cut], &text[cut..]]), expect, "{text:?} at {cut}");
        }
        let single: Vec<String> = text.chars().map(String::from).collect();
        let single: Vec<&str> = single.iter().map(String::as_str).collect();
        assert_eq!(split(new(), &single), expect, "{text:?} letter by letter");
    }

    #[test]
    fn every_split_of_every_kind_gives_the_same() {
        let unprimed = || ReasoningParser::new(false);
        check(unprimed, "<think>先想</think>\n\n答案 <think>", "先想", "答案 <think>");
        check(unprimed, "\n<think>a < b</think>c", "a < b", "c");
        check(unprimed, "plain <b>answer", "", "plain <b>answer");
        check(unprimed, "<thin air", "", "<thin air");
        check(unprimed, " <", "", " <");
        let primed = || ReasoningParser::new(true);
        check(primed, "primed</think> yes", "primed", "yes");
        check(primed, "\nprimed</think> yes", "\nprimed", "yes");
        check(primed, "never </thin closed", "never </thin closed", "");
    }

    #[test]
    fn repeated_and_stray_tags_are_not_shown() {
        let primed = || ReasoningParser::new(true);
        check(primed, "<think>\nagain</think>yes", "\nagain", "yes");
        check(primed, "\n<think><think>twice</think>yes", "twice", "yes");
        check(primed, "the tag <think> opens</think>yes", "the tag <think> opens", "yes");
        let unprimed = || ReasoningParser::new(false);
        check(unprimed, "<think><think>a</think>\n</think>\nb", "a", "b");
        check(unprimed, "<think>a</think>\n<think>b</think>c", "ab", "c");
        check(unprimed, "</think>\n\nplain", "", "plain");
    }

    #[test]
    fn what_is_thought_without_an_opening_tag_is_reasoning() {
        let undecided = || ReasoningParser::new(false).undecided();
        check(undecided, "Okay, 2 < 3.</think>\n\nYes.", "Okay, 2 < 3.", "Yes.");
        check(undecided, "<think>a</think>b </think>", "a", "b </think>");
        check(undecided, "Just an answer </thin", "", "Just an answer </thin");
        check(undecided, "Well, <think>a</think>b", "a", "Well, b");
    }
}

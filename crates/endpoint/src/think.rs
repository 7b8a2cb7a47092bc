//! Thinking that a server leaves in the text, as `<think>…</think>` at the very beginning. The tags may come in pieces.
//! Later tags are text, and so is everything once thinking came in a field of its own.

use crate::ChatDelta;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[derive(Debug, Default)]
pub(crate) struct Splitter {
    state: State,
    /// Held back: it may be the beginning of a tag.
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Beginning,
    Thinking,
    Text,
}

impl Splitter {
    /// Moves thinking out of the text of a delta. What was held back comes before a finish reason.
    pub(crate) fn part(&mut self, delta: &mut ChatDelta) {
        if !delta.reasoning.is_empty() {
            self.told_apart();
        }
        let text = std::mem::take(&mut delta.text);
        let (mut thought, mut text) = if text.is_empty() { Default::default() } else { self.take(text) };
        if delta.finish.is_some() {
            let (more_thought, more_text) = self.end();
            thought += &more_thought;
            text += &more_text;
        }
        delta.reasoning += &thought;
        delta.text = text;
    }

    /// What was held back, at an end without a finish reason.
    pub(crate) fn rest(&mut self) -> Option<ChatDelta> {
        let (reasoning, text) = self.end();
        let empty = reasoning.is_empty() && text.is_empty();
        (!empty).then(|| ChatDelta { text, reasoning, ..ChatDelta::default() })
    }

    /// Thinking arrived in its own field, so tags in the text are the writer's.
    fn told_apart(&mut self) {
        if self.state == State::Beginning {
            self.state = State::Text;
        }
    }

    /// Returns what is thinking and what is text.
    fn take(&mut self, text: String) -> (String, String) {
        if self.state == State::Text && self.held.is_empty() {
            return (String::new(), text);
        }
        self.held.push_str(&text);
        let mut thought = String::new();
        if self.state == State::Beginning {
            let begun = self.held.trim_start();
            if let Some(rest) = begun.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.state = State::Thinking;
            } else if OPEN.starts_with(begun) {
                return (String::new(), String::new());
            } else {
                self.state = State::Text;
            }
        }
        if self.state == State::Thinking {
            if let Some(at) = self.held.find(CLOSE) {
                thought = self.held[..at].to_owned();
                self.held = self.held[at + CLOSE.len()..].trim_start_matches('\n').to_owned();
                self.state = State::Text;
            } else {
                let keep =
                    (1..CLOSE.len()).rev().find(|&length| self.held.ends_with(&CLOSE[..length])).unwrap_or(0);
                let rest = self.held.split_off(self.held.len() - keep);
                return (std::mem::replace(&mut self.held, rest), String::new());
            }
        }
        (thought, std::mem::take(&mut self.held))
    }

    /// What was held back and never became a tag.
    fn end(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        if self.state == State::Thinking { (held, String::new()) } else { (String::new(), held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut splitter, mut all) = (Splitter::default(), (String::new(), String::new()));
        for piece in pieces {
            let (thought, text) = splitter.take((*piece).to_owned());
            all = (all.0 + &thought, all.1 + &text);
        }
        let (thought, text) = splitter.end();
        (all.0 + &thought, all.1 + &text)
    }

    #[test]
    fn tags_are_found_at_every_split() {
        for (whole, thought, text) in [
            ("\n<think>\n想</think>\n\n答 <think>x</think>", "\n想", "答 <think>x</think>"),
            ("plain <think>x</think>", "", "plain <think>x</think>"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("<thin air", "", "<thin air"),
            ("<thi", "", "<thi"),
            ("", "", ""),
        ] {
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            let told = (thought.to_owned(), text.to_owned());
            // A newline right after the closing tag may come alone, and is then part of the text.
            let (got_thought, got_text) = split(&letters);
            assert_eq!((got_thought, got_text.trim_start().to_owned()), told, "letter by letter: {whole}");
            for at in (0..=whole.len()).filter(|&at| whole.is_char_boundary(at)) {
                let (got_thought, got_text) = split(&[&whole[..at], &whole[at..]]);
                assert_eq!((got_thought, got_text.trim_start().to_owned()), told, "{whole} at {at}");
            }
        }
    }

    #[test]
    fn a_field_of_its_own_makes_tags_text() {
        let mut splitter = Splitter::default();
        splitter.told_apart();
        assert_eq!(splitter.take("<think>a".into()), (String::new(), "<think>a".into()));
    }
}

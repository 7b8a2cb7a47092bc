//! Reasoning that a server leaves in the text, as `<think>…</think>` at the very beginning. A tag may be
//! split between chunks. Later tags are text, and so is everything once reasoning came in a field of its own.

use crate::ChatDelta;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

#[derive(Debug, Default)]
pub(crate) struct ReasoningSplitter {
    state: State,
    /// Text that may be the beginning of a tag.
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Beginning,
    Thinking,
    Text,
}

impl ReasoningSplitter {
    /// Moves reasoning out of the text of a delta. Held text is emitted with a finish reason.
    pub(crate) fn part(&mut self, delta: &mut ChatDelta) {
        if !delta.reasoning.is_empty() {
            self.disable();
        }
        let text = std::mem::take(&mut delta.text);
        let (mut reasoning, mut text) = if text.is_empty() { Default::default() } else { self.take(text) };
        if delta.finish.is_some() {
            let (more_thought, more_text) = self.end();
            reasoning += &more_thought;
            text += &more_text;
        }
        delta.reasoning += &reasoning;
        delta.text = text;
    }

    /// Held text, at an end without a finish reason.
    pub(crate) fn rest(&mut self) -> Option<ChatDelta> {
        let (reasoning, text) = self.end();
        let empty = reasoning.is_empty() && text.is_empty();
        (!empty).then(|| ChatDelta { text, reasoning, ..ChatDelta::default() })
    }

    /// Reasoning came in its own field, so tags in the text are a part of the answer.
    fn disable(&mut self) {
        if self.state == State::Beginning {
            self.state = State::Text;
        }
    }

    /// Returns reasoning and text.
    fn take(&mut self, text: String) -> (String, String) {
        if self.state == State::Text && self.held.is_empty() {
            return (String::new(), text);
        }
        self.held.push_str(&text);
        let mut reasoning = String::new();
        if self.state == State::Beginning {
            let start = self.held.trim_start();
            if let Some(rest) = start.strip_prefix(OPEN) {
                self.held = rest.to_owned();
                self.state = State::Thinking;
            } else if OPEN.starts_with(start) {
                return (String::new(), String::new());
            } else {
                self.state = State::Text;
            }
        }
        if self.state == State::Thinking {
            if let Some(at) = self.held.find(CLOSE) {
                reasoning = self.held[..at].to_owned();
                self.held = self.held[at + CLOSE.len()..].trim_start_matches('\n').to_owned();
                self.state = State::Text;
            } else {
                let keep =
                    (1..CLOSE.len()).rev().find(|&length| self.held.ends_with(&CLOSE[..length])).unwrap_or(0);
                let rest = self.held.split_off(self.held.len() - keep);
                return (std::mem::replace(&mut self.held, rest), String::new());
            }
        }
        (reasoning, std::mem::take(&mut self.held))
    }

    /// Text that was held back and never became a tag.
    fn end(&mut self) -> (String, String) {
        let held = std::mem::take(&mut self.held);
        if self.state == State::Thinking { (held, String::new()) } else { (String::new(), held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut splitter, mut all) = (ReasoningSplitter::default(), (String::new(), String::new()));
        for piece in pieces {
            let (reasoning, text) = splitter.take((*piece).to_owned());
            all = (all.0 + &reasoning, all.1 + &text);
        }
        let (reasoning, text) = splitter.end();
        (all.0 + &reasoning, all.1 + &text)
    }

    #[test]
    fn tags_are_found_at_every_split() {
        for (whole, reasoning, text) in [
            ("\n<think>\n想</think>\n\n答 <think>x</think>", "\n想", "答 <think>x</think>"),
            ("plain <think>x</think>", "", "plain <think>x</think>"),
            ("<think>never closed </thi", "never closed </thi", ""),
            ("<thin air", "", "<thin air"),
            ("<thi", "", "<thi"),
            ("", "", ""),
        ] {
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            let told = (reasoning.to_owned(), text.to_owned());
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
        let mut splitter = ReasoningSplitter::default();
        splitter.disable();
        assert_eq!(splitter.take("<think>a".into()), (String::new(), "<think>a".into()));
    }
}

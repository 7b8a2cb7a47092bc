//! Prints an answer while it streams: the text on standard output, and the reasoning on standard error under
//! a heading of its own, so that a pipe gets the text alone.
use std::io::{IsTerminal, Write};

use messages::{CliMessage, Lang};

pub struct AnswerOutput<A, T> {
    lang: Lang,
    text_out: A,
    reasoning_out: T,
    /// Reasoning is dimmed on a terminal.
    dim: bool,
    in_reasoning: bool,
}

impl AnswerOutput<std::io::Stdout, std::io::Stderr> {
    pub fn to_stdio(lang: Lang) -> Self {
        let (text_out, reasoning_out) = (std::io::stdout(), std::io::stderr());
        let dim = reasoning_out.is_terminal();
        Self::new(lang, text_out, reasoning_out, dim)
    }
}

impl<A: Write, T: Write> AnswerOutput<A, T> {
    fn new(lang: Lang, text_out: A, reasoning_out: T, dim: bool) -> Self {
        Self { lang, text_out, reasoning_out, dim, in_reasoning: false }
    }

    pub fn print(&mut self, reasoning: &str, text: &str) {
        if !reasoning.is_empty() {
            if !self.in_reasoning {
                self.in_reasoning = true;
                let heading = CliMessage::Thinking.text(self.lang);
                let on = if self.dim { "\u{1b}[2m" } else { "" };
                self.print_reasoning(&format!("{on}{heading}\n"));
            }
            self.print_reasoning(reasoning);
        }
        if !text.is_empty() {
            self.end_reasoning();
            self.print_text(text);
        }
    }

    /// Ends the output, also of a failed or stopped answer.
    pub fn end(&mut self) {
        self.end_reasoning();
        self.print_text("\n");
    }

    fn end_reasoning(&mut self) {
        if std::mem::take(&mut self.in_reasoning) {
            let off = if self.dim { "\u{1b}[0m" } else { "" };
            // Separates the two where both streams go to the same terminal.
            let heading = CliMessage::Answer.text(self.lang);
            self.print_reasoning(&format!("{off}\n\n{heading}\n"));
        }
    }

    /// A closed pipe is ignored, unlike with `println!`: the answer must still be stored and cleaned up.
    fn print_text(&mut self, text: &str) {
        let _ = self.text_out.write_all(text.as_bytes()).and_then(|()| self.text_out.flush());
    }

    fn print_reasoning(&mut self, text: &str) {
        let _ = self.reasoning_out.write_all(text.as_bytes()).and_then(|()| self.reasoning_out.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(lang: Lang, dim: bool, pieces: &[(&str, &str)]) -> (String, String) {
        let (mut answer, mut reasoning_out) = (Vec::new(), Vec::new());
        let mut output = AnswerOutput::new(lang, &mut answer, &mut reasoning_out, dim);
        pieces.iter().for_each(|(reasoning, text)| output.print(reasoning, text));
        output.end();
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (text(answer), text(reasoning_out))
    }

    #[test]
    fn a_pipe_gets_the_answer_alone() {
        let pieces = [("He greets", ""), (" me.", ""), ("", "Hel"), ("", "lo")];
        let (answer, reasoning_out) = printed(Lang::En, false, &pieces);
        assert_eq!(
            (answer.as_str(), reasoning_out.as_str()),
            ("Hello\n", "Thinking:\nHe greets me.\n\nAnswer:\n")
        );
        let (answer, reasoning_out) = printed(Lang::Zh, true, &[("想", "答")]);
        assert_eq!(
            (answer.as_str(), reasoning_out.as_str()),
            ("答\n", "\u{1b}[2m思考：\n想\u{1b}[0m\n\n回答：\n")
        );
    }

    #[test]
    fn without_thoughts_there_are_no_headings_and_a_cut_thought_ends() {
        assert_eq!(printed(Lang::En, true, &[("", "Hello")]), ("Hello\n".to_owned(), String::new()));
        let (answer, reasoning_out) = printed(Lang::En, true, &[("never", "")]);
        assert_eq!(
            (answer.as_str(), reasoning_out.ends_with("\u{1b}[0m\n\nAnswer:\n")),
            ("\n", true),
            "{reasoning_out}"
        );
    }
}

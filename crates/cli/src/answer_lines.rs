//! An answer on a terminal or in a pipe while it is written: the answer on standard output, and what was thought before it on
//! standard error under a heading of its own, so that a pipe gets the answer alone.
use std::io::{IsTerminal, Write};

use app::lang::Lang;

pub struct AnswerLines<A, T> {
    lang: Lang,
    answer: A,
    thoughts: T,
    /// Thoughts are grey where a person reads them.
    grey: bool,
    thinking: bool,
}

impl AnswerLines<std::io::Stdout, std::io::Stderr> {
    pub fn of_terminal(lang: Lang) -> Self {
        let (answer, thoughts) = (std::io::stdout(), std::io::stderr());
        let grey = thoughts.is_terminal();
        Self::new(lang, answer, thoughts, grey)
    }
}

impl<A: Write, T: Write> AnswerLines<A, T> {
    fn new(lang: Lang, answer: A, thoughts: T, grey: bool) -> Self {
        Self { lang, answer, thoughts, grey, thinking: false }
    }

    pub fn show(&mut self, reasoning: &str, text: &str) {
        if !reasoning.is_empty() {
            if !self.thinking {
                self.thinking = true;
                let heading = self.lang.pick("Thinking:", "思考：");
                let on = if self.grey { "\u{1b}[2m" } else { "" };
                self.think(&format!("{on}{heading}\n"));
            }
            self.think(reasoning);
        }
        if !text.is_empty() {
            self.end_thoughts();
            self.say(text);
        }
    }

    /// After the last piece, however it ended.
    pub fn end(&mut self) {
        self.end_thoughts();
        self.say("\n");
    }

    fn end_thoughts(&mut self) {
        if std::mem::take(&mut self.thinking) {
            let off = if self.grey { "\u{1b}[0m" } else { "" };
            // Where both go to one reader, this is where the answer begins.
            let heading = self.lang.pick("Answer:", "回答：");
            self.think(&format!("{off}\n\n{heading}\n"));
        }
    }

    /// A reader that went away, as `head` does, is not worth a word: the answer is still kept, and its leftovers are cleaned up.
    fn say(&mut self, text: &str) {
        let _ = self.answer.write_all(text.as_bytes()).and_then(|()| self.answer.flush());
    }

    fn think(&mut self, text: &str) {
        let _ = self.thoughts.write_all(text.as_bytes()).and_then(|()| self.thoughts.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lang: Lang, grey: bool, pieces: &[(&str, &str)]) -> (String, String) {
        let (mut answer, mut thoughts) = (Vec::new(), Vec::new());
        let mut lines = AnswerLines::new(lang, &mut answer, &mut thoughts, grey);
        pieces.iter().for_each(|(reasoning, text)| lines.show(reasoning, text));
        lines.end();
        let text = |bytes| String::from_utf8(bytes).expect("is UTF-8");
        (text(answer), text(thoughts))
    }

    #[test]
    fn a_pipe_gets_the_answer_alone() {
        let pieces = [("He greets", ""), (" me.", ""), ("", "Hel"), ("", "lo")];
        let (answer, thoughts) = shown(Lang::En, false, &pieces);
        assert_eq!(
            (answer.as_str(), thoughts.as_str()),
            ("Hello\n", "Thinking:\nHe greets me.\n\nAnswer:\n")
        );
        let (answer, thoughts) = shown(Lang::Zh, true, &[("想", "答")]);
        assert_eq!(
            (answer.as_str(), thoughts.as_str()),
            ("答\n", "\u{1b}[2m思考：\n想\u{1b}[0m\n\n回答：\n")
        );
    }

    #[test]
    fn without_thoughts_there_are_no_headings_and_a_cut_thought_ends() {
        assert_eq!(shown(Lang::En, true, &[("", "Hello")]), ("Hello\n".to_owned(), String::new()));
        let (answer, thoughts) = shown(Lang::En, true, &[("never", "")]);
        assert_eq!(
            (answer.as_str(), thoughts.ends_with("\u{1b}[0m\n\nAnswer:\n")),
            ("\n", true),
            "{thoughts}"
        );
    }
}

//! One answer's text in its parts while it streams: reasoning, what the reader sees, and calls of functions.
use crate::boxes::{BoxSplitter, Boxes};
use crate::calls::CallSplitter;
use crate::think::ThinkSplitter;

/// A stretch of one answer. Stretches of one kind in a row belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Reasoning(String),
    Answer(String),
    /// A call begins; its name comes whole.
    CallName(String),
    /// More of the arguments of the call that began last.
    CallArguments(String),
    /// Where in the picture that is which was just named.
    Boxes(Boxes),
}

impl Piece {
    pub fn text(&self) -> &str {
        match self {
            Piece::Reasoning(text)
            | Piece::Answer(text)
            | Piece::CallName(text)
            | Piece::CallArguments(text) => text,
            Piece::Boxes(_) => "",
        }
    }
}

/// Splits one answer.
pub struct AnswerSplitter {
    think: ThinkSplitter,
    calls: Option<CallSplitter>,
    boxes: Option<BoxSplitter>,
}

impl AnswerSplitter {
    /// `thinking` when the prompt ended inside `<think>`; `calls` when functions were offered.
    pub fn new(thinking: bool, calls: bool) -> Self {
        Self { think: ThinkSplitter::new(thinking), calls: calls.then(CallSplitter::default), boxes: None }
    }

    /// For a model that sees: what it points at comes apart from its words.
    pub fn pointing() -> Self {
        Self { boxes: Some(BoxSplitter::default()), ..Self::new(false, false) }
    }

    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let pieces = self.think.push(text);
        let pieces = self.with_calls(pieces);
        self.with_boxes(pieces)
    }

    /// What was held back, at the end.
    pub fn flush(&mut self) -> Vec<Piece> {
        let pieces = self.think.flush();
        let mut pieces = self.with_calls(pieces);
        if let Some(calls) = &mut self.calls {
            calls.flush(&mut pieces);
        }
        let mut pieces = self.with_boxes(pieces);
        if let Some(boxes) = &mut self.boxes {
            boxes.flush(&mut pieces);
        }
        pieces
    }

    fn with_boxes(&mut self, pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(boxes) = &mut self.boxes else { return pieces };
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Answer(text) => boxes.push(&text, &mut out),
                other => out.push(other),
            }
        }
        out
    }

    fn with_calls(&mut self, pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(calls) = &mut self.calls else { return pieces };
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Answer(text) => calls.push(&text, &mut out),
                other => out.push(other),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Detokenizer;

    /// The parts of an answer that arrives cut at these bytes, neighbours of one kind joined.
    fn split(thinking: bool, text: &str, cuts: &[usize]) -> Vec<Piece> {
        let mut detokenizer = Detokenizer::default();
        let mut splitter = AnswerSplitter::new(thinking, true);
        let mut all = Vec::new();
        let mut from = 0;
        for &cut in cuts.iter().chain([&text.len()]) {
            let cut = cut.clamp(from, text.len());
            all.extend(splitter.push(&detokenizer.add(&text.as_bytes()[from..cut])));
            from = cut;
        }
        all.extend(splitter.push(&detokenizer.flush()));
        all.extend(splitter.flush());
        let mut joined: Vec<Piece> = Vec::new();
        for piece in all {
            match (joined.last_mut(), piece) {
                (Some(Piece::Reasoning(text)), Piece::Reasoning(more))
                | (Some(Piece::Answer(text)), Piece::Answer(more))
                | (Some(Piece::CallArguments(text)), Piece::CallArguments(more)) => *text += &more,
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    fn check(thinking: bool, text: &str, expect: &[Piece]) {
        for cut in 0..=text.len() {
            assert_eq!(split(thinking, text, &[cut]), expect, "{text:?} cut at {cut}");
        }
        let every: Vec<usize> = (0..text.len()).collect();
        assert_eq!(split(thinking, text, &every), expect, "{text:?} byte by byte");
    }

    fn reasoning(text: &str) -> Piece {
        Piece::Reasoning(text.into())
    }

    fn answer(text: &str) -> Piece {
        Piece::Answer(text.into())
    }

    fn call(name: &str, arguments: &str) -> [Piece; 2] {
        [Piece::CallName(name.into()), Piece::CallArguments(arguments.into())]
    }

    const V3: &str = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n\
        {\"city\": \"北京 ```\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_time\n```json\n{}\n```\
        <｜tool▁call▁end｜><｜tool▁calls▁end｜>";
    const V31: &str = "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"北京 ```\"}\
        <｜tool▁call▁end｜><｜tool▁call▁begin｜>get_time<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>";

    #[test]
    fn calls_of_both_forms_come_out_wherever_the_text_is_cut() {
        let calls = [call("get_weather", "{\"city\": \"北京 ```\"}"), call("get_time", "{}")].concat();
        for form in [V3, V31] {
            check(false, form, &calls);
            check(false, &format!("看看。{form}"), &[&[answer("看看。")], &calls[..]].concat());
            check(true, &format!("先想🐋</think>\n\n{form}"), &[&[reasoning("先想🐋")], &calls[..]].concat());
            check(
                false,
                &format!("<think>a<b</think>{form} Done."),
                &[&[reasoning("a<b")], &calls[..], &[answer(" Done.")]].concat(),
            );
        }
    }

    #[test]
    fn odd_and_broken_calls_lose_no_words() {
        let begin = "<｜tool▁calls▁begin｜>";
        check(false, &format!("a{begin} none"), &[answer("anone")]);
        check(
            false,
            &format!("{begin}<｜tool▁call▁begin｜>name only<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
            &[answer("name only")],
        );
        check(
            false,
            &format!("{begin}<｜tool▁call▁begin｜>function<｜tool▁sep｜>{{\"a\": 1}}<｜tool▁call▁end｜>"),
            &call("function", "{\"a\": 1}"),
        );
        check(
            false,
            &format!("{begin}<｜tool▁call▁begin｜>function<｜tool▁sep｜>now<｜tool▁call▁end｜>x"),
            &[Piece::CallName("now".into()), answer("x")],
        );
        check(
            false,
            &format!("{begin}<｜tool▁call▁begin｜>f<｜tool▁sep｜>{{\"cut\": \"of"),
            &call("f", "{\"cut\": \"of"),
        );
        check(false, "<｜tool▁calls and 1 < 2", &[answer("<｜tool▁calls and 1 < 2")]);
    }

    #[test]
    fn without_functions_the_marks_are_text() {
        let mut splitter = AnswerSplitter::new(false, false);
        assert_eq!(splitter.push(V31), [answer(V31)]);
        assert!(splitter.flush().is_empty());
    }

    proptest! {
        #[test]
        fn any_mixture_gives_the_same_however_it_is_cut(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "function", "<｜tool▁sep｜>", "\n```json\n", "{\"a\": 1}", "\n```",
                "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<think>", "</think>", " ", "名", "`", "x<",
            ]), 0..14),
            mut cuts in prop::collection::vec(0usize..300, 0..8),
            thinking: bool,
        ) {
            cuts.sort_unstable();
            let text = parts.concat();
            prop_assert_eq!(split(thinking, &text, &cuts), split(thinking, &text, &[]));
        }
    }
}

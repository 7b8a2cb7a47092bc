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
    /// The call that began last is whole: the model said so. A call without this was cut off.
    CallEnd,
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
            Piece::CallEnd | Piece::Boxes(_) => "",
        }
    }
}

/// Splits one answer.
pub struct AnswerSplitter {
    think: ThinkSplitter,
    calls: CallSplitter,
    /// Of calls that nobody can take: they are given in words.
    words: Option<CallWords>,
    boxes: Option<BoxSplitter>,
}

impl AnswerSplitter {
    /// `thinking` when the prompt ended inside `<think>`; `calls` when functions were offered. A call of a model that was
    /// offered none is words without marks.
    pub fn new(thinking: bool, calls: bool) -> Self {
        Self {
            think: ThinkSplitter::new(thinking),
            calls: CallSplitter::default(),
            words: (!calls).then(CallWords::default),
            boxes: None,
        }
    }

    /// For a model that may think without saying that it begins to: its first words wait until it is known what they are.
    pub fn undecided(self) -> Self {
        Self { think: self.think.undecided(), ..self }
    }

    /// For a model that sees: what it points at comes apart from its words.
    pub fn pointing() -> Self {
        Self { boxes: Some(BoxSplitter::default()), ..Self::new(false, false) }
    }

    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut found = Vec::new();
        self.calls.push(text, &mut found);
        let pieces = self.with_thoughts(found);
        self.with_boxes(pieces)
    }

    /// What was held back, at the end.
    pub fn flush(&mut self) -> Vec<Piece> {
        let mut found = Vec::new();
        self.calls.flush(&mut found);
        let mut pieces = self.with_thoughts(found);
        pieces.extend(self.think.flush());
        let mut pieces = self.with_boxes(pieces);
        if let Some(boxes) = &mut self.boxes {
            boxes.flush(&mut pieces);
        }
        pieces
    }

    /// Calls are found first, because a model may call in the middle of a thought.
    fn with_thoughts(&mut self, found: Vec<Piece>) -> Vec<Piece> {
        let mut out = Vec::new();
        for piece in found {
            let piece = match &mut self.words {
                Some(words) => Piece::Answer(words.of(&piece)),
                None => piece,
            };
            match piece {
                Piece::Answer(text) => out.extend(self.think.push(&text)),
                call => {
                    out.extend(self.think.interrupt());
                    out.push(call);
                }
            }
        }
        out
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
}

/// A call as words: the name, a space and the arguments; another call on a line of its own.
#[derive(Default)]
struct CallWords {
    ended: bool,
    named: bool,
}

impl CallWords {
    fn of(&mut self, piece: &Piece) -> String {
        let before = match piece {
            Piece::CallName(_) if std::mem::take(&mut self.ended) => "\n",
            Piece::CallArguments(_) if std::mem::take(&mut self.named) => " ",
            _ => "",
        };
        self.named |= matches!(piece, Piece::CallName(_));
        self.ended |= matches!(piece, Piece::CallEnd);
        format!("{before}{}", piece.text())
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

    fn call(name: &str, arguments: &str) -> [Piece; 3] {
        [Piece::CallName(name.into()), Piece::CallArguments(arguments.into()), Piece::CallEnd]
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
            &[Piece::CallName("now".into()), Piece::CallEnd, answer("x")],
        );
        check(
            false,
            &format!("{begin}<｜tool▁call▁begin｜>f<｜tool▁sep｜>{{\"cut\": \"of"),
            &call("f", "{\"cut\": \"of")[..2],
        );
        check(false, "<｜tool▁calls and 1 < 2", &[answer("<｜tool▁calls and 1 < 2")]);
    }

    #[test]
    fn calls_come_out_however_their_marks_and_fences_are_spelled() {
        let calls = [call("get_weather", "{\"city\": \"北京 ```\"}"), call("get_time", "{}")].concat();
        for form in [V3, V31] {
            check(false, &form.replace('▁', "_"), &calls);
            check(false, &form.replace('▁', " ").replace('｜', "|"), &calls);
        }
        for fence in ["```JSON\n", "```Json ", "```\n", "``` \n", "```json5\n"] {
            check(false, &V3.replace("```json\n", fence), &calls);
            check(false, &V31.replace("<｜tool▁sep｜>", &format!("<｜tool▁sep｜>{fence}")), &calls);
        }
        check(false, &V3.replace("<｜tool▁sep｜>get_weather\n", "<｜tool▁sep｜>get_weather"), &calls);
        // The outer marks, or a call's end, left out.
        let bare = V31.replace("<｜tool▁calls▁begin｜>", "").replace("<｜tool▁calls▁end｜>", "");
        check(false, &bare, &calls);
        let endless = V31.replace("<｜tool▁call▁end｜>", "");
        check(false, &endless, &calls);
    }

    #[test]
    fn a_call_inside_a_thought_that_stays_open_is_a_call() {
        let calls = [call("get_weather", "{\"city\": \"北京 ```\"}"), call("get_time", "{}")].concat();
        for form in [V3, V31] {
            check(
                true,
                &format!("Look it up.\n{form}"),
                &[&[reasoning("Look it up.\n")], &calls[..]].concat(),
            );
            check(
                false,
                &format!("<think>Look.{form} Now</think>Done."),
                &[&[reasoning("Look.")], &calls[..], &[reasoning(" Now"), answer("Done.")]].concat(),
            );
        }
    }

    #[test]
    fn without_functions_a_call_is_words_without_marks() {
        let plain = "get_weather {\"city\": \"北京 ```\"}\nget_time {}";
        for form in [V3, V31] {
            for text in [form.to_owned(), form.replace('▁', "_")] {
                for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                    let mut splitter = AnswerSplitter::new(false, false);
                    let mut pieces = splitter.push(&text[..cut]);
                    pieces.extend(splitter.push(&text[cut..]));
                    pieces.extend(splitter.flush());
                    assert!(pieces.iter().all(|piece| matches!(piece, Piece::Answer(_))), "{pieces:?}");
                    assert_eq!(pieces.iter().map(Piece::text).collect::<String>(), plain, "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn marks_that_lead_nowhere_are_no_words() {
        check(false, "a<｜tool▁outputs▁begin｜>b<|tool_call_end|> c<｜tool▁sep｜>", &[answer("ab c")]);
        check(false, "cut <｜tool▁ca", &[answer("cut ")]);
        check(false, "a <", &[answer("a <")]);
    }

    proptest! {
        #[test]
        fn any_mixture_gives_the_same_however_it_is_cut(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "function", "<｜tool▁sep｜>", "\n```json\n", "{\"a\": 1}", "\n```",
                "<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>", "<｜tool_calls_begin｜>", "<|tool call end|>", "<think>", "</think>",
                " ", "名", "`", "x<",
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

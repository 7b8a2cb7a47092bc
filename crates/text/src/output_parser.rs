//! Streaming output parser: splits the output of one request into reasoning, answer text, tool calls and
//! grounding.
use crate::Piece;
use crate::grounding_parser::GroundingParser;
use crate::reasoning_parser::ReasoningParser;
use crate::tool_call_parser::ToolCallParser;

/// Parses the output of one request.
pub struct OutputParser {
    reasoning: ReasoningParser,
    tool_calls: ToolCallParser,
    /// Set if the request has no tools: tool calls become answer text.
    call_text: Option<CallText>,
    grounding: Option<GroundingParser>,
}

impl OutputParser {
    /// `thinking`: the prompt ended inside `<think>`. `calls`: the request has tools; without them a tool
    /// call becomes answer text without its markers.
    pub fn new(thinking: bool, calls: bool) -> Self {
        Self {
            reasoning: ReasoningParser::new(thinking),
            tool_calls: ToolCallParser::default(),
            call_text: (!calls).then(CallText::default),
            grounding: None,
        }
    }

    /// For a model that may omit the opening think tag: text is held back until it can be classified.
    pub fn undecided(self) -> Self {
        Self { reasoning: self.reasoning.undecided(), ..self }
    }

    /// For a vision model: bounding boxes become [`Piece::Grounding`].
    pub fn with_grounding() -> Self {
        Self { grounding: Some(GroundingParser::default()), ..Self::new(false, false) }
    }

    /// Whether the output so far ends inside the reasoning.
    pub fn in_reasoning(&self) -> bool {
        self.reasoning.in_reasoning()
    }

    pub fn push(&mut self, text: &str) -> Vec<Piece> {
        let mut found = Vec::new();
        self.tool_calls.push(text, &mut found);
        let pieces = self.parse_reasoning(found);
        self.parse_grounding(pieces)
    }

    /// Returns the held-back text at the end of the output.
    pub fn flush(&mut self) -> Vec<Piece> {
        let mut found = Vec::new();
        self.tool_calls.flush(&mut found);
        let mut pieces = self.parse_reasoning(found);
        pieces.extend(self.reasoning.flush());
        let mut pieces = self.parse_grounding(pieces);
        if let Some(grounding) = &mut self.grounding {
            grounding.flush(&mut pieces);
        }
        pieces
    }

    /// Tool calls are parsed first, because a model may write one inside its reasoning.
    fn parse_reasoning(&mut self, found: Vec<Piece>) -> Vec<Piece> {
        let mut out = Vec::new();
        for piece in found {
            let piece = match &mut self.call_text {
                Some(call_text) => Piece::Answer(call_text.of(&piece)),
                None => piece,
            };
            match piece {
                Piece::Answer(text) => out.extend(self.reasoning.push(&text)),
                call => {
                    out.extend(self.reasoning.interrupt());
                    out.push(call);
                }
            }
        }
        out
    }

    fn parse_grounding(&mut self, pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(grounding) = &mut self.grounding else { return pieces };
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Answer(text) => grounding.push(&text, &mut out),
                other => out.push(other),
            }
        }
        out
    }
}

/// Writes tool calls as text: the name, a space and the arguments, one call a line.
#[derive(Default)]
struct CallText {
    ended: bool,
    named: bool,
}

impl CallText {
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

    /// Parses an output that arrives split at these bytes; consecutive pieces of one kind are joined.
    fn split(thinking: bool, text: &str, cuts: &[usize]) -> Vec<Piece> {
        let mut detokenizer = Detokenizer::default();
        let mut splitter = OutputParser::new(thinking, true);
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
    fn malformed_calls_lose_no_text() {
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
        // The outer markers, or the end of a call, are missing.
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
    fn without_tools_a_call_is_text_without_markers() {
        let plain = "get_weather {\"city\": \"北京 ```\"}\nget_time {}";
        for form in [V3, V31] {
            for text in [form.to_owned(), form.replace('▁', "_")] {
                for cut in (0..=text.len()).filter(|cut| text.is_char_boundary(*cut)) {
                    let mut splitter = OutputParser::new(false, false);
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
    fn stray_markers_are_not_shown() {
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

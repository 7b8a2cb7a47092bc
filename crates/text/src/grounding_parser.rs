//! Streaming parser of visual grounding: `<|ref|>label<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>`. The label
//! stays in the answer; the bounding boxes become a separate piece. Malformed grounding stays in the answer
//! as text.
use crate::piece::push_nonempty;
use crate::stop::overlap;
use crate::{Grounding, Piece};

const REF: &str = "<|ref|>";
const REF_END: &str = "<|/ref|>";
const DET: &str = "<|det|>";
const DET_END: &str = "<|/det|>";
/// Longer lists of boxes, in bytes, are treated as text.
const MAX_LEN: usize = 1 << 14;

/// Extracts bounding boxes from one answer.
#[derive(Default)]
pub struct GroundingParser {
    held: String,
    label: String,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Label,
    Boxes,
}

impl GroundingParser {
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        while self.advance(out) {}
    }

    /// Returns the held-back text at the end of the output.
    pub fn flush(&mut self, out: &mut Vec<Piece>) {
        let rest = std::mem::take(&mut self.held);
        let opened = if self.state == State::Boxes { DET } else { "" };
        self.state = State::Text;
        push_nonempty(out, Piece::Answer(format!("{opened}{rest}")));
    }

    /// Makes one state transition; false if more text is needed.
    fn advance(&mut self, out: &mut Vec<Piece>) -> bool {
        if self.state == State::Boxes {
            let Some(end) = self.held.find(DET_END) else {
                if self.held.len() <= MAX_LEN {
                    return false;
                }
                self.state = State::Text;
                push_nonempty(out, Piece::Answer(format!("{DET}{}", std::mem::take(&mut self.held))));
                return false;
            };
            let text: String = self.held.drain(..end + DET_END.len()).collect();
            match parse_boxes(&text[..end]) {
                Some(boxes) => {
                    out.push(Piece::Grounding(Grounding { label: std::mem::take(&mut self.label), boxes }))
                }
                None => push_nonempty(out, Piece::Answer(format!("{DET}{text}"))),
            }
            self.state = State::Text;
            return true;
        }
        let found = [REF, REF_END, DET].iter().filter_map(|mark| Some((self.held.find(mark)?, *mark))).min();
        let (end, mark) = match found {
            Some((at, mark)) => (at, Some(mark)),
            None => {
                let kept = [REF, REF_END, DET].map(|mark| overlap(&self.held, mark));
                (self.held.len() - kept.into_iter().max().unwrap_or(0), None)
            }
        };
        let text: String = self.held.drain(..end).collect();
        if self.state == State::Label {
            self.label += &text;
        }
        push_nonempty(out, Piece::Answer(text));
        let Some(mark) = mark else { return false };
        self.held.drain(..mark.len());
        self.state = match mark {
            REF => {
                self.label.clear();
                State::Label
            }
            REF_END => State::Text,
            _ => State::Boxes,
        };
        true
    }
}

/// `[[1, 2, 3, 4], [5, 6, 7, 8]]` with numbers up to 999.
fn parse_boxes(text: &str) -> Option<Vec<[u16; 4]>> {
    let boxes: Vec<[u16; 4]> = serde_json::from_str(text.trim()).ok()?;
    let valid = !boxes.is_empty() && boxes.iter().flatten().all(|&v| v <= 999);
    valid.then_some(boxes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str, cuts: &[usize]) -> (String, Vec<Grounding>) {
        let (mut splitter, mut out, mut from) = (GroundingParser::default(), Vec::new(), 0);
        for &cut in cuts.iter().chain([&text.len()]) {
            let cut = (from..=cut.clamp(from, text.len())).rev().find(|&at| text.is_char_boundary(at));
            let cut = cut.expect("where it began is a boundary");
            splitter.push(&text[from..cut], &mut out);
            from = cut;
        }
        splitter.push(&text[from..], &mut out);
        splitter.flush(&mut out);
        let (mut rest, mut boxes) = (String::new(), Vec::new());
        for piece in out {
            match piece {
                Piece::Grounding(one) => boxes.push(one),
                other => rest += other.text(),
            }
        }
        (rest, boxes)
    }

    fn check(text: &str, rest: &str, boxes: &[(&str, &[[u16; 4]])]) {
        let boxes: Vec<Grounding> = boxes
            .iter()
            .map(|(label, areas)| Grounding { label: (*label).into(), boxes: areas.to_vec() })
            .collect();
        for cut in 0..=text.len() {
            assert_eq!(split(text, &[cut]), (rest.to_owned(), boxes.clone()), "{text:?} cut at {cut}");
        }
    }

    #[test]
    fn names_stay_and_boxes_come_apart() {
        let two = "看<|ref|>长颈鹿<|/ref|><|det|>[[1, 2, 3, 4], [580, 270, 999, 0]]<|/det|>, <|ref|>b<|/ref|><|det|>[[0,0,9,9]]<|/det|>.";
        check(
            two,
            "看长颈鹿, b.",
            &[("长颈鹿", &[[1, 2, 3, 4], [580, 270, 999, 0]]), ("b", &[[0, 0, 9, 9]])],
        );
        check("<|det|>[[1,2,3,4]]<|/det|>", "", &[("", &[[1, 2, 3, 4]])]);
    }

    #[test]
    fn malformed_boxes_stay_text() {
        for text in [
            "<|det|>[[1,2,3]]<|/det|>x",
            "<|det|>[[1,2,3,1000]]<|/det|>",
            "<|det|>[]<|/det|>",
            "<|det|>[[1,2",
        ] {
            check(text, text, &[]);
        }
        check("a <|ref|>b and 1 <| 2", "a b and 1 <| 2", &[]);
    }

    proptest! {
        #[test]
        fn any_mixture_gives_the_same_however_it_is_cut(
            parts in prop::collection::vec(prop::sample::select(vec![
                "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[1,2,3,4]]", "鹿", "<|", "x",
            ]), 0..12),
            mut cuts in prop::collection::vec(0usize..120, 0..8),
        ) {
            cuts.sort_unstable();
            let text = parts.concat();
            prop_assert_eq!(split(&text, &cuts), split(&text, &[]));
        }
    }
}

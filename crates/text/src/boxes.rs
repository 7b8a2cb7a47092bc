//! What a model points at, while it streams: `<|ref|>name<|/ref|><|det|>[[x1, y1, x2, y2]]<|/det|>`. The name stays in
//! the answer; the boxes come as a piece of their own. Marks that do not belong together lose no words.
use crate::Piece;
use crate::stop::overlap;

const REF: &str = "<|ref|>";
const REF_END: &str = "<|/ref|>";
const DET: &str = "<|det|>";
const DET_END: &str = "<|/det|>";
/// Longer lists of boxes are words.
const LONGEST: usize = 1 << 14;

/// What an answer names, and where that is: left, top, right, bottom in 0..=999 of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boxes {
    pub label: String,
    pub areas: Vec<[u16; 4]>,
}

impl Boxes {
    /// The areas in pixels of a picture of this size.
    pub fn pixels(&self, width: usize, height: usize) -> Vec<[u32; 4]> {
        let scale = |v: u16, side: usize| (f64::from(v) / 999.0 * side as f64) as u32;
        let area =
            |[l, t, r, b]: [u16; 4]| [scale(l, width), scale(t, height), scale(r, width), scale(b, height)];
        self.areas.iter().map(|&corners| area(corners)).collect()
    }
}

/// Takes boxes out of one answer.
#[derive(Default)]
pub struct BoxSplitter {
    held: String,
    label: String,
    state: State,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Words,
    Label,
    Areas,
}

impl BoxSplitter {
    pub fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.held.push_str(text);
        while self.advance(out) {}
    }

    /// What was held back, at the end.
    pub fn flush(&mut self, out: &mut Vec<Piece>) {
        let rest = std::mem::take(&mut self.held);
        let opened = if self.state == State::Areas { DET } else { "" };
        self.state = State::Words;
        say(format!("{opened}{rest}"), out);
    }

    /// One decision; false when more text is needed.
    fn advance(&mut self, out: &mut Vec<Piece>) -> bool {
        if self.state == State::Areas {
            let Some(end) = self.held.find(DET_END) else {
                if self.held.len() <= LONGEST {
                    return false;
                }
                self.state = State::Words;
                say(format!("{DET}{}", std::mem::take(&mut self.held)), out);
                return false;
            };
            let text: String = self.held.drain(..end + DET_END.len()).collect();
            match areas(&text[..end]) {
                Some(areas) => {
                    out.push(Piece::Boxes(Boxes { label: std::mem::take(&mut self.label), areas }))
                }
                None => say(format!("{DET}{text}"), out),
            }
            self.state = State::Words;
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
        say(text, out);
        let Some(mark) = mark else { return false };
        self.held.drain(..mark.len());
        self.state = match mark {
            REF => {
                self.label.clear();
                State::Label
            }
            REF_END => State::Words,
            _ => State::Areas,
        };
        true
    }
}

fn say(text: String, out: &mut Vec<Piece>) {
    if !text.is_empty() {
        out.push(Piece::Answer(text));
    }
}

/// `[[1, 2, 3, 4], [5, 6, 7, 8]]` with numbers up to 999.
fn areas(text: &str) -> Option<Vec<[u16; 4]>> {
    let areas: Vec<[u16; 4]> = serde_json::from_str(text.trim()).ok()?;
    let sound = !areas.is_empty() && areas.iter().flatten().all(|&v| v <= 999);
    sound.then_some(areas)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str, cuts: &[usize]) -> (String, Vec<Boxes>) {
        let (mut splitter, mut out, mut from) = (BoxSplitter::default(), Vec::new(), 0);
        for &cut in cuts.iter().chain([&text.len()]) {
            let cut = (from..=cut.clamp(from, text.len())).rev().find(|&at| text.is_char_boundary(at));
            let cut = cut.expect("where it began is a boundary");
            splitter.push(&text[from..cut], &mut out);
            from = cut;
        }
        splitter.push(&text[from..], &mut out);
        splitter.flush(&mut out);
        let (mut words, mut boxes) = (String::new(), Vec::new());
        for piece in out {
            match piece {
                Piece::Boxes(one) => boxes.push(one),
                other => words += other.text(),
            }
        }
        (words, boxes)
    }

    fn check(text: &str, words: &str, boxes: &[(&str, &[[u16; 4]])]) {
        let boxes: Vec<Boxes> = boxes
            .iter()
            .map(|(label, areas)| Boxes { label: (*label).into(), areas: areas.to_vec() })
            .collect();
        for cut in 0..=text.len() {
            assert_eq!(split(text, &[cut]), (words.to_owned(), boxes.clone()), "{text:?} cut at {cut}");
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
    fn what_is_no_box_is_words() {
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

    #[test]
    fn boxes_lie_on_the_original_picture() {
        let boxes = Boxes { label: String::new(), areas: vec![[0, 500, 999, 999]] };
        assert_eq!(boxes.pixels(1998, 100), [[0, 50, 1998, 100]]);
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

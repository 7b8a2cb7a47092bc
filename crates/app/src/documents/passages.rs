//! Passages of documents: how a text is cut into them, and which of them a prompt gets.
//! The ranking is the history's, which has the full-text index.
use history::{HistoryError, rank_passages};

use crate::token_estimate::tokens;

/// Characters of a passage: some paragraphs, with what belongs to a fact around it.
const LENGTH: usize = 1200;
/// More passages do not help a model and hide the right one.
const MAX_PASSAGES: usize = 16;
/// A tokenizer may need more than the estimate says.
const MARGIN: f64 = 1.3;
/// Tokens of the marks around a passage.
const MARKS: f64 = 24.0;

/// Cuts a text at paragraphs, then at lines, sentences and words, whichever makes short enough pieces.
pub(crate) fn split(text: &str) -> Vec<&str> {
    let mut passages = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = rest.char_indices().nth(LENGTH).map_or(rest.len(), |(at, _)| at);
        let end = if end == rest.len() { end } else { cut(&rest[..end]) };
        let (passage, after) = rest.split_at(end);
        passages.push(passage.trim_end());
        rest = after.trim_start();
    }
    passages
}

/// Where to end a passage that goes on: after the last whole paragraph, line, sentence or word of its second
/// half.
fn cut(text: &str) -> usize {
    let half = text.char_indices().nth(LENGTH / 2).map_or(0, |(at, _)| at);
    let marks: [&[&str]; 4] = [&["\n\n"], &["\n"], &[". ", "? ", "! ", "。", "？", "！"], &[" "]];
    let after = |mark: &&str| text.rfind(*mark).map(|at| at + mark.len()).filter(|at| *at > half);
    marks.iter().find_map(|marks| marks.iter().filter_map(after).max()).unwrap_or(text.len())
}

/// Positions of the passages for a question, in the order of the documents: the best by BM25 that have room.
/// Without any that matches it is the beginning.
pub(crate) fn choose(passages: &[&str], question: &str, room: u32) -> Result<Vec<usize>, HistoryError> {
    let ranked = rank_passages(passages, question)?;
    let ranked = if ranked.is_empty() { (0..passages.len()).collect() } else { ranked };
    let mut left = f64::from(room);
    let mut chosen = Vec::new();
    for at in ranked {
        let cost = tokens(passages[at]) * MARGIN + MARKS;
        if cost <= left && chosen.len() < MAX_PASSAGES {
            left -= cost;
            chosen.push(at);
        }
    }
    chosen.sort_unstable();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_paragraphs_and_nothing_is_lost() {
        let paragraph = "A sentence of some words stands here. ".repeat(20);
        let text = [paragraph.trim(); 9].join("\n\n");
        let passages = split(&text);
        assert!(passages.len() > 4 && passages.iter().all(|passage| passage.chars().count() <= LENGTH));
        assert!(
            passages.iter().all(|passage| passage.starts_with("A sentence") && passage.ends_with("here."))
        );
        let letters = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
        assert_eq!(letters(&passages.concat()), letters(&text));
        // One word without an end, and a script without spaces.
        assert_eq!(split(&"x".repeat(3000)).len(), 3);
        let chinese = "蓝鲸是世界上最大的动物。".repeat(300);
        assert!(split(&chinese).iter().all(|passage| passage.ends_with('。')));
        assert!(split("  \n ").is_empty());
    }

    #[test]
    fn the_best_passages_that_have_room_come_in_the_order_of_the_document() {
        let long = "harbour ".repeat(100);
        let passages = ["The mayor is Ellen Voss.", long.as_str(), "The harbour opened in 1904.", "Nothing."];
        let choose = |room| {
            choose(&passages, "When was the harbour opened, and by which mayor?", room).expect("ranks")
        };
        assert_eq!(choose(10_000), [0, 1, 2]);
        assert_eq!(choose(80), [0, 2], "the long one has no room");
        assert_eq!(choose(0), [0_usize; 0]);
    }

    #[test]
    fn a_question_without_a_match_gets_the_beginning() {
        assert_eq!(choose(&["one", "two", "three"], "?", 1000).expect("ranks"), [0, 1, 2]);
    }
}

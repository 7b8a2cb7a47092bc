//! The routed experts of a request's tokens, recorded while it runs: the answer's, or the prompt's.
//! Knows nothing of how they are shown.
use std::collections::VecDeque;

use models::LayerRouting;

/// The last tokens that are kept.
const MAX_TOKENS: usize = 4096;

/// Index of each MoE layer, and its experts with weights, highest first.
pub type RoutedLayers = Vec<(usize, Vec<(u16, f32)>)>;

/// The experts of one answer, or of one prompt.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    pub tokens: VecDeque<TokenRouting>,
    /// Earlier tokens that are not kept.
    pub dropped: usize,
}

/// The experts of one token: for an answer, those of the pass that predicted it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenRouting {
    pub id: u32,
    pub layers: RoutedLayers,
}

impl Routing {
    /// Records a pass over position `first` of the answer (-1 is the last of the prompt) and the ones after
    /// it, which are `rows` rows of the batch from `row` on. Records of these positions from earlier passes
    /// belong to rejected drafts and are dropped.
    pub fn record(&mut self, first: isize, routed: &[LayerRouting], row: usize, rows: usize) {
        let skip = usize::try_from(-1 - first).unwrap_or(0);
        if skip >= rows {
            return;
        }
        let start = usize::try_from(first + 1).unwrap_or(0).saturating_sub(self.dropped);
        self.tokens.truncate(start);
        self.tokens.resize_with(start + rows - skip, TokenRouting::default);
        for one in routed.iter().filter(|one| (row + skip..row + rows).contains(&one.row)) {
            if let Some(token) = self.tokens.get_mut(start + one.row - row - skip) {
                token.layers.push((one.layer, one.experts.clone()));
            }
        }
        let excess = self.tokens.len().saturating_sub(MAX_TOKENS);
        self.tokens.drain(..excess);
        self.dropped += excess;
    }

    /// The layers of the token at this position; none where they are not kept.
    pub fn layers(&self, position: usize) -> RoutedLayers {
        let kept = position.checked_sub(self.dropped).and_then(|at| self.tokens.get(at));
        kept.map(|token| token.layers.clone()).unwrap_or_default()
    }

    /// Sets the ids of the tokens and drops the records of others.
    pub fn finish(&mut self, ids: &[u32]) {
        self.tokens.truncate(ids.len().saturating_sub(self.dropped));
        let ids = ids.iter().skip(self.dropped);
        self.tokens.iter_mut().zip(ids).for_each(|(token, id)| token.id = *id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(rows: std::ops::Range<usize>, expert: u16) -> Vec<LayerRouting> {
        rows.map(|row| LayerRouting { layer: 3, row, experts: vec![(expert + row as u16, 1.0)] }).collect()
    }

    #[test]
    fn each_token_has_the_experts_of_the_pass_that_predicted_it() {
        let mut routing = Routing::default();
        // Four tokens of a prompt after two rows of another sequence: only the last predicts.
        routing.record(-4, &routed(0..6, 10), 2, 4);
        // The first token and two drafts, of which one is rejected; then the next token takes its place.
        routing.record(0, &routed(0..3, 20), 0, 3);
        routing.record(2, &routed(0..1, 30), 0, 1);
        assert_eq!(routing.layers(2), [(3, vec![(21, 1.0)])]);
        routing.finish(&[7, 8, 9, 6]);
        let seen: Vec<(u32, u16)> = routing.tokens.iter().map(|t| (t.id, t.layers[0].1[0].0)).collect();
        assert_eq!(seen, [(7, 15), (8, 20), (9, 21), (6, 30)]);
    }

    #[test]
    fn a_long_answer_keeps_its_last_tokens() {
        let mut routing = Routing::default();
        for position in 0..MAX_TOKENS + 5 {
            let expert = (position % 200) as u16;
            routing.record(position as isize - 1, &routed(0..1, expert), 0, 1);
            assert_eq!(routing.layers(position), [(3, vec![(expert, 1.0)])]);
        }
        let ids: Vec<u32> = (0..(MAX_TOKENS + 5) as u32).collect();
        routing.finish(&ids);
        assert_eq!((routing.tokens.len(), routing.dropped), (MAX_TOKENS, 5));
        assert_eq!((routing.tokens[0].id, routing.layers(4)), (5, Vec::new()));
    }
}

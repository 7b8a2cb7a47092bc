//! The routed experts of an answer's tokens, recorded while it is generated. Knows nothing of how it is
//! shown.
use models::LayerRouting;

/// Tokens of an answer that are recorded.
const MAX_TOKENS: usize = 4096;

/// The experts of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Routing {
    pub tokens: Vec<TokenRouting>,
    /// The answer was longer than what is recorded.
    pub truncated: bool,
}

/// The experts of the pass that predicted one token.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TokenRouting {
    pub id: u32,
    /// Index of each MoE layer, and its experts with weights, highest first.
    pub layers: Vec<(usize, Vec<(u16, f32)>)>,
}

impl Routing {
    /// Records a pass over position `first` of the answer (-1 is the last of the prompt) and the ones after
    /// it, which are `rows` rows of the batch from `row` on. Records of these positions from earlier passes
    /// belong to rejected drafts and are dropped.
    pub fn record(&mut self, first: isize, routed: &[LayerRouting], row: usize, rows: usize) {
        let skip = usize::try_from(-1 - first).unwrap_or(0);
        let start = usize::try_from(first + 1).unwrap_or(0);
        if skip >= rows || start >= MAX_TOKENS {
            self.truncated |= start >= MAX_TOKENS;
            return;
        }
        self.tokens.truncate(start);
        let end = (start + rows - skip).min(MAX_TOKENS);
        self.tokens.resize_with(end, TokenRouting::default);
        for one in routed.iter().filter(|one| (row + skip..row + rows).contains(&one.row)) {
            if let Some(token) = self.tokens.get_mut(start + one.row - row - skip) {
                token.layers.push((one.layer, one.experts.clone()));
            }
        }
    }

    /// Sets the ids of the sampled tokens and drops the records of others.
    pub fn finish(&mut self, answer: &[u32]) {
        self.tokens.truncate(answer.len());
        self.tokens.iter_mut().zip(answer).for_each(|(token, id)| token.id = *id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_the_experts_of_the_pass_that_predicted_it() {
        let routed = |rows: std::ops::Range<usize>, expert: u16| -> Vec<LayerRouting> {
            rows.map(|row| LayerRouting { layer: 3, row, experts: vec![(expert + row as u16, 1.0)] })
                .collect()
        };
        let mut routing = Routing::default();
        // Four tokens of a prompt after two rows of another sequence: only the last predicts.
        routing.record(-4, &routed(0..6, 10), 2, 4);
        // The first token and two drafts, of which one is rejected; then the next token takes its place.
        routing.record(0, &routed(0..3, 20), 0, 3);
        routing.record(2, &routed(0..1, 30), 0, 1);
        routing.finish(&[7, 8, 9, 6]);
        let seen: Vec<(u32, u16)> = routing.tokens.iter().map(|t| (t.id, t.layers[0].1[0].0)).collect();
        assert_eq!(seen, [(7, 15), (8, 20), (9, 21), (6, 30)]);
        routing.record(MAX_TOKENS as isize, &routed(0..1, 0), 0, 1);
        assert!(routing.truncated);
    }
}

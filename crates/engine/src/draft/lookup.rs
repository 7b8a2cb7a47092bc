//! Prompt lookup decoding: drafts are the tokens after the newest earlier occurrence of the last n-gram. It
//! costs almost nothing and helps where an answer quotes its prompt.

/// Length of the n-grams that are searched, longest first.
const MAX_NGRAM: usize = 4;
const MIN_NGRAM: usize = 2;

/// At most `max` tokens that followed the newest earlier occurrence of the longest n-gram that `tokens` end
/// in.
pub fn lookup(tokens: &[u32], max: usize) -> Vec<u32> {
    for length in (MIN_NGRAM..=MAX_NGRAM.min(tokens.len())).rev() {
        let (before, ngram) = tokens.split_at(tokens.len() - length);
        // An occurrence may overlap the n-gram itself: that continues a repetition.
        let end = tokens.len() - 1;
        let start = tokens[..end].windows(length).rposition(|window| window == ngram);
        if let Some(start) = start.filter(|_| !before.is_empty()) {
            let from = start + length;
            return tokens[from..tokens.len().min(from + max)].to_vec();
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_place_of_the_longest_run_counts() {
        let check = |tokens: &[u32], max, expect: &[u32]| assert_eq!(lookup(tokens, max), expect);
        check(&[], 3, &[]);
        check(&[1, 2, 3], 3, &[]);
        check(&[1, 2, 3, 4, 1, 2], 3, &[3, 4, 1]);
        check(&[1, 2, 3, 4, 1, 2], 1, &[3]);
        check(&[1, 2, 3, 9, 1, 2, 4, 9, 1, 2], 1, &[4]);
        check(&[1, 2, 3, 9, 7, 2, 4, 9, 1, 2], 1, &[3]);
        check(&[7, 7, 7], 2, &[7]);
        check(&[1, 9, 1], 2, &[]);
    }
}

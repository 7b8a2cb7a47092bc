//! distinct-1 and distinct-2 of Li et al. 2016: the number of different words, and of different pairs of
//! words, in all answers, divided by the number of their words.
use std::collections::HashSet;

use crate::words::words;

/// Both are 0 without a word. Longer answers have lower values, so answers of one length are compared.
pub(crate) fn distinct(answers: &[String]) -> [f64; 2] {
    let answers: Vec<Vec<String>> = answers.iter().map(|answer| words(answer)).collect();
    let total: usize = answers.iter().map(Vec::len).sum();
    // A pair is within one answer.
    let different =
        |n: usize| answers.iter().flat_map(|answer| answer.windows(n)).collect::<HashSet<_>>().len();
    [1, 2].map(|n| different(n) as f64 / total.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pairs_are_counted_over_all_answers() {
        let of = |texts: &[&str]| distinct(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        // 6 words, 3 of them different; the pairs are "a b", "b c", "a b", "b a".
        assert_eq!(of(&["a b c", "A, b a"]), [3.0 / 6.0, 3.0 / 6.0]);
        assert_eq!(of(&["海，海", "浪"]), [2.0 / 3.0, 1.0 / 3.0]);
        assert_eq!(of(&[]), [0.0, 0.0]);
        assert_eq!(of(&["", "…"]), [0.0, 0.0]);
    }
}

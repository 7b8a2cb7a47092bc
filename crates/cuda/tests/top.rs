//! The most likely tokens of rows of logits against a search on the host.
//! Without a card they have nothing to do.
mod common;

use common::{Random, card, poisoned, uploaded};
use cuda::Card;
use cuda::ops::top::{KEYS, RECORD, Top, TopRow};

const DEPTH: f32 = 11.0;

/// What the card finds in rows of `vocab` logits.
fn found(card: &Card, logits: &[f32], vocab: usize, temperatures: &[f32]) -> Vec<Option<TopRow>> {
    let rows = temperatures.len();
    let (on_logits, on_temperatures) = (uploaded(card, logits), uploaded(card, temperatures));
    let (keys, records) = (poisoned(card, rows * KEYS * 4), poisoned(card, rows * RECORD * 4));
    let top = Top {
        logits: on_logits.ptr(),
        temperatures: on_temperatures.ptr(),
        keys: keys.ptr(),
        found: records.ptr(),
        vocab: vocab as u32,
        stride: vocab as u32,
        depth: DEPTH,
        pad: 0,
    };
    assert!(Top::takes(vocab));
    // Twice: the second launch meets what the first left.
    top.launch(card, rows).expect("the card works");
    top.launch(card, rows).expect("the card works");
    let records: Vec<u32> = records.read(0, rows * RECORD).expect("the card works");
    records.chunks_exact(RECORD).map(|record| TopRow::read(record, vocab)).collect()
}

#[test]
fn all_tokens_in_reach_are_found_with_the_sum_of_the_row() {
    let Some(card) = card() else { return };
    let random = &mut Random::new(11);
    for vocab in [1, 129, 4096, 4097, 102_400, 151_936] {
        let temperatures = [0.0, 0.6, 1.0];
        let mut logits: Vec<f32> =
            random.values(3 * vocab).iter().map(|v| 20.0 * v * v * v * v * v).collect();
        // The largest twice: both are in reach, the lower id comes first.
        for row in logits.chunks_exact_mut(vocab) {
            row[vocab / 2] = 60.0;
            row[vocab - 1] = 60.0;
        }
        let all = found(&card, &logits, vocab, &temperatures);
        for ((found, row), temperature) in all.iter().zip(logits.chunks_exact(vocab)).zip(temperatures) {
            let what = format!("{vocab} at {temperature}");
            let found = found.as_ref().expect(&what);
            let least = 60.0 - DEPTH * temperature;
            let want: Vec<(u32, f32)> =
                (0..).zip(row.iter().copied()).filter(|(_, logit)| *logit >= least).collect();
            assert_eq!(found.tokens, want, "{what}");
            if temperature > 0.0 {
                let sum: f64 =
                    row.iter().map(|logit| (f64::from(logit - 60.0) / f64::from(temperature)).exp()).sum();
                assert!((found.sum / sum - 1.0).abs() < 1e-5, "{what}: {} for {sum}", found.sum);
            }
        }
    }
}

#[test]
fn rows_with_too_many_or_no_numbers_are_left_to_the_host() {
    let Some(card) = card() else { return };
    let flat = vec![1.0; 5000];
    assert!(found(&card, &flat, 5000, &[0.6])[0].is_none());
    let mut broken = vec![1.0; 5000];
    broken[77] = f32::NAN;
    assert!(found(&card, &broken, 5000, &[0.6])[0].is_none());
}

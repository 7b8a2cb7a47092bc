//! Attention in which every row sees every other, as the patches of a picture do: no cache, no mask. It holds the scores of 32
//! rows of one head at a time.
use candle_core::{Result, bail};
use rayon::prelude::*;

use crate::activations::powers;
use crate::slices::tensor;

/// `qkv` [T, 3, heads, head] -> `out` [T, heads * head], whose room is used again.
///
/// # Errors
/// When the numbers are not whole rows.
pub fn whole(qkv: &[f32], heads: usize, head: usize, out: &mut Vec<f32>) -> Result<()> {
    let width = heads * head;
    if width == 0 || !qkv.len().is_multiple_of(3 * width) {
        bail!("{} numbers are no queries, keys and values of {heads} heads of {head}", qkv.len());
    }
    #[cfg(target_arch = "x86_64")]
    if !qkv.is_empty() && crate::gemm::amx::available() {
        on_tiles::whole(qkv, heads, head, out);
        return Ok(());
    }
    *out = in_tensors(qkv, heads, head)?;
    Ok(())
}

/// What any processor can.
fn in_tensors(qkv: &[f32], heads: usize, head: usize) -> Result<Vec<f32>> {
    let rows = qkv.len() / (3 * heads * head);
    if rows == 0 {
        return Ok(Vec::new());
    }
    let qkv = tensor(qkv.to_vec(), (rows, 3, heads, head))?.permute((1, 2, 0, 3))?;
    let part = |at: usize| qkv.get(at)?.contiguous(); // [heads, T, head]
    let (q, k, v) = ((part(0)? * (head as f64).powf(-0.5))?, part(1)?, part(2)?);
    let mut scores: Vec<f32> = q.matmul(&k.transpose(1, 2)?.contiguous()?)?.flatten_all()?.to_vec1()?;
    scores.par_chunks_exact_mut(rows).with_min_len(8).for_each(|scores| {
        let scale = 1.0 / powers(scores);
        scores.iter_mut().for_each(|score| *score *= scale);
    });
    let weights = tensor(scores, (heads, rows, rows))?;
    weights.matmul(&v)?.transpose(0, 1)?.flatten_all()?.to_vec1()
}

#[cfg(target_arch = "x86_64")]
mod on_tiles {
    use rayon::prelude::*;

    use crate::activations::powers_of;
    use crate::gemm::amx::output::Places;
    use crate::gemm::amx::{Packed, SIDE, SQUARE, Square, TILE, Tiles, pack};
    use crate::huge_pages;

    struct Head<'a> {
        /// From the first number of this head's queries.
        qkv: &'a [f32],
        rows: usize,
        width: usize,
        head: usize,
    }

    pub fn whole(qkv: &[f32], heads: usize, head: usize, out: &mut Vec<f32>) {
        let width = heads * head;
        let rows = qkv.len() / (3 * width);
        huge_pages::resize(out, rows * width, 0.0);
        let places = Places::new(out, width);
        (0..heads).into_par_iter().with_max_len(1).for_each_init(Scratch::default, |scratch, at| {
            let one = Head { qkv: &qkv[at * head..], rows, width, head };
            // SAFETY: AMX comes with AVX-512 and its bf16 (`available`); each head has columns of its own.
            unsafe { one.run(scratch, &places, at * head) };
        });
    }

    /// Packed numbers of the head before: all of them are finite, so what meets a weight of zero is nothing.
    #[derive(Default)]
    struct Scratch {
        keys: Packed,
        values: Packed,
        queries: Packed,
        weights: Packed,
        staging: Packed,
        scores: Vec<f32>,
    }

    impl Head<'_> {
        /// Queries, keys or values of row `t`.
        #[inline(always)]
        fn part(&self, part: usize, t: usize) -> &[f32] {
            &self.qkv[(3 * t + part) * self.width..][..self.head]
        }

        /// Writes the `head` columns from `column` on.
        ///
        /// # Safety
        /// Nobody else writes there.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        unsafe fn run(&self, scratch: &mut Scratch, places: &Places, column: usize) {
            let (rows, blocks) = (self.rows, self.rows.div_ceil(SQUARE) * 2);
            let (depth, long) = (pack::depth_of(self.head), pack::depth_of(rows));
            let (small, large) = (depth * 2 * TILE, long * 2 * TILE);
            // Blocks of columns of values, as many as squares are wide.
            let wide = self.head.div_ceil(SQUARE) * 2;
            let Scratch { keys, values, queries, weights, staging, scores } = scratch;
            keys.resize(blocks * small);
            for (at, block) in keys.chunks_exact_mut(small).take(rows.div_ceil(SIDE)).enumerate() {
                let own = (at * SIDE..rows.min((at + 1) * SIDE)).map(|t| self.part(1, t));
                pack::columns_in_parts::<2>(own, staging, block);
            }
            values.resize(wide * large); // [depth][blocks]: what each tile of weights meets
            for t in (0..rows).step_by(2) {
                let second: &[f32] = if t + 1 < rows { self.part(2, t + 1) } else { &[] };
                pack::pair_of_rows::<2>(t, [self.part(2, t), second], wide, values);
            }
            let scale = (self.head as f64).powf(-0.5) as f32;
            queries.resize(2 * small);
            weights.resize(2 * large);
            let stride = blocks * SIDE;
            scores.resize(SQUARE * stride, 0.0);
            let mut square = Square::new();
            let tiles = Tiles::new();
            for first in (0..rows).step_by(SQUARE) {
                let count = (rows - first).min(SQUARE);
                for r in 0..count {
                    pack::row::<2>(
                        self.part(0, first + r),
                        scale,
                        r % SIDE,
                        &mut queries[r / SIDE * small..][..small],
                    );
                }
                let pair = [&queries[..small], &queries[small..]];
                for at in (0..blocks).step_by(2) {
                    let met = [0, 1].map(|more| &keys[(at + more) * small..][..small]);
                    tiles.square::<2, 2, false>(pair, met, 2 * TILE, &mut scores[at * SIDE..], stride);
                }
                let mut sums = [1.0f32; SQUARE];
                for (r, scores) in scores.chunks_exact_mut(stride).take(count).enumerate() {
                    sums[r] = powers_of(&mut scores[..rows]);
                    pack::row::<2>(&scores[..rows], 1.0, r % SIDE, &mut weights[r / SIDE * large..][..large]);
                }
                let pair = [&weights[..large], &weights[large..]];
                for at in (0..wide).step_by(2) {
                    let met = [0, 1].map(|more| &values[(at + more) * 2 * TILE..]);
                    tiles.square::<2, 2, false>(pair, met, wide * 2 * TILE, &mut square.0, SQUARE);
                    let columns = (self.head - (at * SIDE).min(self.head)).min(SQUARE);
                    for (r, line) in square.0.chunks_exact(SQUARE).take(count).enumerate() {
                        let start = column + at * SIDE;
                        // SAFETY: the caller's: the columns are this head's.
                        let own = unsafe { places.line(first + r, start..start + columns) };
                        let scale = 1.0 / sums[r];
                        own.iter_mut().zip(line).for_each(|(own, value)| *own = value * scale);
                    }
                }
            }
        }
    }
}

/// The judge of `whole`: the definition in f64.
pub fn whole_reference(qkv: &[f32], heads: usize, head: usize) -> Vec<f32> {
    let width = heads * head;
    let rows = qkv.len() / (3 * width);
    let part = |part: usize, t: usize, h: usize| &qkv[(3 * t + part) * width + h * head..][..head];
    let mut out = Vec::with_capacity(rows * width);
    for (t, h) in (0..rows).flat_map(|t| (0..heads).map(move |h| (t, h))) {
        let dot =
            |k: &[f32]| part(0, t, h).iter().zip(k).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let scores: Vec<f64> = (0..rows).map(|other| dot(part(1, other, h)) / (head as f64).sqrt()).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
        let all: f64 = powers.iter().sum();
        out.extend((0..head).map(|at| {
            let seen = powers.iter().enumerate().map(|(other, p)| p * f64::from(part(2, other, h)[at]));
            (seen.sum::<f64>() / all) as f32
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, numbers};

    #[test]
    fn both_forms_equal_the_reference() {
        for (rows, heads, head) in [(1, 1, 1), (9, 2, 12), (33, 3, 16), (65, 2, 72), (100, 1, 40)] {
            let qkv: Vec<f32> = numbers(rows * 3 * heads * head, 5).into_iter().map(|x| 4.0 * x).collect();
            let slow = whole_reference(&qkv, heads, head);
            // Of queries, keys, weights and values 16 bits are kept on tiles.
            let mut fast = vec![7.0; 3];
            whole(&qkv, heads, head, &mut fast).expect("it fits");
            close(&fast, &slow, 4e-5);
            close(&in_tensors(&qkv, heads, head).expect("it fits"), &slow, 1e-5);
        }
        let mut out = vec![7.0];
        assert!(whole(&[0.0; 10], 1, 3, &mut out).is_err());
        whole(&[], 2, 3, &mut out).expect("nothing");
        assert!(out.is_empty());
    }
}

//! Attention without a mask, where every row attends to all rows: for the patches of an image. There is no
//! cache. The scores of 32 rows of one head are in memory at a time.
use candle_core::{Result, bail};
use rayon::prelude::*;

use crate::activations::softmax_numerators;
use crate::slices::tensor;

/// `qkv` [T, 3, heads, head_dim] -> `out` [T, heads * head_dim]. `out` is overwritten and its allocation
/// reused.
///
/// # Errors
/// When the length of `qkv` does not match.
pub fn bidirectional(qkv: &[f32], heads: usize, head_dim: usize, out: &mut Vec<f32>) -> Result<()> {
    let width = heads * head_dim;
    if width == 0 || !qkv.len().is_multiple_of(3 * width) {
        bail!("shape mismatch: qkv of {} values, {heads} heads of {head_dim}", qkv.len());
    }
    #[cfg(target_arch = "x86_64")]
    if !qkv.is_empty() && crate::gemm::amx::available() {
        amx::bidirectional(qkv, heads, head_dim, out);
        return Ok(());
    }
    *out = in_tensors(qkv, heads, head_dim)?;
    Ok(())
}

/// For any processor.
fn in_tensors(qkv: &[f32], heads: usize, head_dim: usize) -> Result<Vec<f32>> {
    let rows = qkv.len() / (3 * heads * head_dim);
    if rows == 0 {
        return Ok(Vec::new());
    }
    let qkv = tensor(qkv.to_vec(), (rows, 3, heads, head_dim))?.permute((1, 2, 0, 3))?;
    let part = |at: usize| qkv.get(at)?.contiguous(); // [heads, T, head_dim]
    let (q, k, v) = ((part(0)? * (head_dim as f64).powf(-0.5))?, part(1)?, part(2)?);
    let mut scores: Vec<f32> = q.matmul(&k.transpose(1, 2)?.contiguous()?)?.flatten_all()?.to_vec1()?;
    scores.par_chunks_exact_mut(rows).with_min_len(8).for_each(|scores| {
        let (_, sum) = softmax_numerators(scores);
        let scale = 1.0 / sum;
        scores.iter_mut().for_each(|score| *score *= scale);
    });
    let weights = tensor(scores, (heads, rows, rows))?;
    weights.matmul(&v)?.transpose(0, 1)?.flatten_all()?.to_vec1()
}

#[cfg(target_arch = "x86_64")]
mod amx {
    use rayon::prelude::*;

    use crate::activations::softmax_numerators_inline;
    use crate::gemm::OutputTiles;
    use crate::gemm::amx::{MR, NR, OutputTile, PackedMatrix, TILE_LEN, TILE_M, TILE_N, TileRegisters, pack};
    use crate::huge_pages;

    struct Head<'a> {
        /// From the first query value of this head on.
        qkv: &'a [f32],
        rows: usize,
        width: usize,
        head_dim: usize,
    }

    pub fn bidirectional(qkv: &[f32], heads: usize, head_dim: usize, out: &mut Vec<f32>) {
        let width = heads * head_dim;
        let rows = qkv.len() / (3 * width);
        huge_pages::resize(out, rows * width, 0.0);
        let out = OutputTiles::new(out, width);
        (0..heads).into_par_iter().with_max_len(1).for_each_init(Workspace::default, |workspace, at| {
            let head = Head { qkv: &qkv[at * head_dim..], rows, width, head_dim };
            // SAFETY: `available` includes AVX-512 with bf16; each head has columns of its own.
            unsafe { head.attend(workspace, &out, at * head_dim) };
        });
    }

    /// Scratch memory of a thread. Old values of a previous head are finite, so their product with a weight
    /// of zero is zero.
    #[derive(Default)]
    struct Workspace {
        keys: PackedMatrix,
        values: PackedMatrix,
        queries: PackedMatrix,
        weights: PackedMatrix,
        staging: PackedMatrix,
        scores: Vec<f32>,
    }

    impl Head<'_> {
        /// The query (0), key (1) or value (2) of row `t`.
        #[inline(always)]
        fn part(&self, part: usize, t: usize) -> &[f32] {
            &self.qkv[(3 * t + part) * self.width..][..self.head_dim]
        }

        /// Writes the `head_dim` columns from `column` on.
        ///
        /// # Safety
        /// No other thread writes these columns.
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        unsafe fn attend(&self, workspace: &mut Workspace, out: &OutputTiles, column: usize) {
            let (rows, key_blocks) = (self.rows, self.rows.div_ceil(NR) * 2);
            // Elements of a packed block of 16 queries or keys, and of one of 16 rows of softmax weights.
            let key_len = pack::k_tiles(self.head_dim) * 2 * TILE_LEN;
            let weights_len = pack::k_tiles(rows) * 2 * TILE_LEN;
            // Column blocks of the values, an even number.
            let value_blocks = self.head_dim.div_ceil(NR) * 2;
            let Workspace { keys, values, queries, weights, staging, scores } = workspace;
            keys.resize(key_blocks * key_len);
            for (at, block) in keys.chunks_exact_mut(key_len).take(rows.div_ceil(TILE_N)).enumerate() {
                let columns = (at * TILE_N..rows.min((at + 1) * TILE_N)).map(|t| self.part(1, t));
                pack::pack_columns::<2>(columns, staging, block);
            }
            values.resize(value_blocks * weights_len); // [K tiles][column blocks]
            for t in (0..rows).step_by(2) {
                let second: &[f32] = if t + 1 < rows { self.part(2, t + 1) } else { &[] };
                pack::pack_row_pair::<2>(t, [self.part(2, t), second], value_blocks, values);
            }
            let scale = (self.head_dim as f64).powf(-0.5) as f32;
            queries.resize(2 * key_len);
            weights.resize(2 * weights_len);
            let stride = key_blocks * TILE_N;
            scores.resize(MR * stride, 0.0);
            let mut tile = OutputTile::new();
            let registers = TileRegisters::new();
            for first in (0..rows).step_by(MR) {
                let count = (rows - first).min(MR);
                for r in 0..count {
                    pack::pack_row::<2>(
                        self.part(0, first + r),
                        scale,
                        r % TILE_M,
                        &mut queries[r / TILE_M * key_len..][..key_len],
                    );
                }
                let a = [&queries[..key_len], &queries[key_len..]];
                for at in (0..key_blocks).step_by(2) {
                    let b = [at, at + 1].map(|at| &keys[at * key_len..][..key_len]);
                    registers.microkernel::<2, 2, false>(
                        a,
                        b,
                        2 * TILE_LEN,
                        &mut scores[at * TILE_N..],
                        stride,
                    );
                }
                let mut sums = [1.0f32; MR];
                for (r, scores) in scores.chunks_exact_mut(stride).take(count).enumerate() {
                    (_, sums[r]) = softmax_numerators_inline(&mut scores[..rows]);
                    let weights = &mut weights[r / TILE_M * weights_len..][..weights_len];
                    pack::pack_row::<2>(&scores[..rows], 1.0, r % TILE_M, weights);
                }
                let a = [&weights[..weights_len], &weights[weights_len..]];
                for at in (0..value_blocks).step_by(2) {
                    let b = [at, at + 1].map(|at| &values[at * 2 * TILE_LEN..]);
                    registers.microkernel::<2, 2, false>(a, b, value_blocks * 2 * TILE_LEN, &mut tile.0, NR);
                    let columns = (self.head_dim - (at * TILE_N).min(self.head_dim)).min(NR);
                    for (r, values) in tile.0.chunks_exact(NR).take(count).enumerate() {
                        let start = column + at * TILE_N;
                        // SAFETY: by the contract of this function.
                        let out = unsafe { out.row_mut(first + r, start..start + columns) };
                        let scale = 1.0 / sums[r];
                        out.iter_mut().zip(values).for_each(|(out, value)| *out = value * scale);
                    }
                }
            }
        }
    }
}

/// Reference of `bidirectional`: the definition in f64.
pub fn bidirectional_reference(qkv: &[f32], heads: usize, head_dim: usize) -> Vec<f32> {
    let width = heads * head_dim;
    let rows = qkv.len() / (3 * width);
    let part = |part: usize, t: usize, h: usize| &qkv[(3 * t + part) * width + h * head_dim..][..head_dim];
    let mut out = Vec::with_capacity(rows * width);
    for (t, h) in (0..rows).flat_map(|t| (0..heads).map(move |h| (t, h))) {
        let dot =
            |k: &[f32]| part(0, t, h).iter().zip(k).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let scores: Vec<f64> =
            (0..rows).map(|other| dot(part(1, other, h)) / (head_dim as f64).sqrt()).collect();
        let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let numerators: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
        let sum: f64 = numerators.iter().sum();
        out.extend((0..head_dim).map(|at| {
            let weighted =
                numerators.iter().enumerate().map(|(other, p)| p * f64::from(part(2, other, h)[at]));
            (weighted.sum::<f64>() / sum) as f32
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, uniform};

    #[test]
    fn both_forms_equal_the_reference() {
        for (rows, heads, head_dim) in [(1, 1, 1), (9, 2, 12), (33, 3, 16), (65, 2, 72), (100, 1, 40)] {
            let qkv: Vec<f32> =
                uniform(rows * 3 * heads * head_dim, 5).into_iter().map(|x| 4.0 * x).collect();
            let expected = bidirectional_reference(&qkv, heads, head_dim);
            // AMX keeps 16 bits of queries, keys, softmax weights and values.
            let mut actual = vec![7.0; 3];
            bidirectional(&qkv, heads, head_dim, &mut actual).expect("it fits");
            close(&actual, &expected, 4e-5);
            close(&in_tensors(&qkv, heads, head_dim).expect("it fits"), &expected, 1e-5);
        }
        let mut out = vec![7.0];
        assert!(bidirectional(&[0.0; 10], 1, 3, &mut out).is_err());
        bidirectional(&[], 2, 3, &mut out).expect("no rows");
        assert!(out.is_empty());
    }
}

//! The product for a few tokens (decoding). Weight rows are decoded in blocks of four, once for all tokens;
//! one or two tokens are multiplied without a decoded copy.
use rayon::prelude::*;

use crate::dot::{dequant_dot, dot_microkernel, dots};
use crate::{Cancellation, Weight};

/// With fewer multiplications a second thread costs more time than it saves.
const PARALLEL_MIN_MULS: usize = 1 << 16;
/// Weight rows that are decoded together: the values of each token are loaded once for all of them.
pub(crate) const ROW_BLOCK: usize = 4;
/// Tokens that are multiplied with a row block together.
const TOKEN_BLOCK: usize = 4;
const MIN_BLOCKS_PER_TASK: usize = 4;

impl Weight {
    /// `x` [n, cols] -> [n, rows].
    pub(super) fn gemv(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        // [rows, n]: the output of a row block is contiguous.
        let mut columns = vec![0.0; rows * n];
        if n == 0 {
            return columns;
        }
        let tokens: Vec<&[f32]> = x.chunks_exact(cols).collect();
        let row_block = |scratch: &mut Vec<f32>, (index, out): (usize, &mut [f32])| {
            if !cancellation.is_cancelled() {
                self.gemv_row_block(index * ROW_BLOCK, scratch, &tokens, out);
            }
        };
        if rows * cols * n >= PARALLEL_MIN_MULS {
            let blocks = columns.par_chunks_mut(ROW_BLOCK * n).enumerate().with_min_len(MIN_BLOCKS_PER_TASK);
            blocks.for_each_init(Vec::new, row_block);
        } else {
            let mut scratch = Vec::new();
            columns.chunks_mut(ROW_BLOCK * n).enumerate().for_each(|item| row_block(&mut scratch, item));
        }
        if n == 1 { columns } else { transpose(&columns, n) }
    }

    /// Products of `tokens` with the weight rows from `first` on, into `out` [rows of the block, n].
    pub(crate) fn gemv_row_block(
        &self,
        first: usize,
        scratch: &mut Vec<f32>,
        tokens: &[&[f32]],
        out: &mut [f32],
    ) {
        let (cols, n) = (self.cols(), tokens.len());
        let count = out.len() / n;
        let mut store = |t: usize, products: [f32; ROW_BLOCK]| {
            for (index, product) in products.into_iter().take(count).enumerate() {
                out[index * n + t] = product;
            }
        };
        // A decoded copy of the rows pays off from three tokens on.
        if let Some(products) = match *tokens {
            [token] => self.dequant_dot_block(first, count, [token]).map(|[p]| [p; 2]),
            [a, b] => self.dequant_dot_block(first, count, [a, b]),
            _ => None,
        } {
            products.into_iter().take(n).enumerate().for_each(|(t, products)| store(t, products));
            return;
        }
        scratch.resize(ROW_BLOCK * cols, 0.0);
        for (index, row) in scratch.chunks_exact_mut(cols).take(count).enumerate() {
            self.dequantize_row(first + index, row);
        }
        // The last block may have fewer rows: the others are values of an earlier block, and `store` drops
        // their products.
        let rows: [&[f32]; ROW_BLOCK] = std::array::from_fn(|index| &scratch[index * cols..][..cols]);
        let (groups, rest) = tokens.as_chunks::<TOKEN_BLOCK>();
        for (group, tokens) in groups.iter().enumerate() {
            let products = dot_microkernel(*tokens, rows);
            products.into_iter().enumerate().for_each(|(index, p)| store(group * TOKEN_BLOCK + index, p));
        }
        for (index, token) in rest.iter().enumerate() {
            store(groups.len() * TOKEN_BLOCK + index, dots(token, rows));
        }
    }

    fn dequant_dot_block<const M: usize>(
        &self,
        first: usize,
        count: usize,
        tokens: [&[f32]; M],
    ) -> Option<[[f32; ROW_BLOCK]; M]> {
        let rows = self.encoded_rows::<ROW_BLOCK>(first, count)?;
        dequant_dot(self.dtype(), tokens, rows, ROW_BLOCK * rows[0].len())
    }
}

/// [rows, n] -> [n, rows].
pub(crate) fn transpose(columns: &[f32], n: usize) -> Vec<f32> {
    let rows = columns.len() / n;
    let mut y = vec![0.0; columns.len()];
    y.par_chunks_exact_mut(rows).with_min_len(8).enumerate().for_each(|(token, out)| {
        out.iter_mut().zip(columns.chunks_exact(n)).for_each(|(value, row)| *value = row[token]);
    });
    y
}

//! Few rows.
use rayon::prelude::*;

use crate::dot::{dot_tile, dots, dots_of_stored};
use crate::{Cancellation, Weight};

/// Below this many multiplications a second thread costs more than it brings.
const PARALLEL_FROM: usize = 1 << 16;
/// Rows decoded together: each token's numbers are loaded once for all of them.
pub(crate) const STRIP: usize = 4;
/// Tokens that meet a strip together.
const TOGETHER: usize = 4;
/// Strips of one task at least.
const STRIPS_A_TASK: usize = 4;

impl Weight {
    pub(super) fn few(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        // [rows, n]: what one strip makes lies together.
        let mut columns = vec![0.0; rows * n];
        if n == 0 {
            return columns;
        }
        let tokens: Vec<&[f32]> = x.chunks_exact(cols).collect();
        let strip = |scratch: &mut Vec<f32>, (index, out): (usize, &mut [f32])| {
            if !cancellation.is_cancelled() {
                self.strip(index * STRIP, scratch, &tokens, out);
            }
        };
        if rows * cols * n >= PARALLEL_FROM {
            let strips = columns.par_chunks_mut(STRIP * n).enumerate().with_min_len(STRIPS_A_TASK);
            strips.for_each_init(Vec::new, strip);
        } else {
            let mut scratch = Vec::new();
            columns.chunks_mut(STRIP * n).enumerate().for_each(|item| strip(&mut scratch, item));
        }
        if n == 1 { columns } else { transposed(&columns, n) }
    }

    /// The products of the rows from `first` on, as many as `out` [rows of the strip, n] holds, with `tokens`.
    pub(crate) fn strip(&self, first: usize, scratch: &mut Vec<f32>, tokens: &[&[f32]], out: &mut [f32]) {
        let (cols, n) = (self.cols(), tokens.len());
        let count = out.len() / n;
        let mut put = |t: usize, products: [f32; STRIP]| {
            for (index, product) in products.into_iter().take(count).enumerate() {
                out[index * n + t] = product;
            }
        };
        // So few tokens do not pay for decoded rows.
        if let Some(products) = match *tokens {
            [token] => self.products_as_stored(first, count, [token]).map(|[p]| [p; 2]),
            [a, b] => self.products_as_stored(first, count, [a, b]),
            _ => None,
        } {
            products.into_iter().take(n).enumerate().for_each(|(t, products)| put(t, products));
            return;
        }
        scratch.resize(STRIP * cols, 0.0);
        for (index, row) in scratch.chunks_exact_mut(cols).take(count).enumerate() {
            self.row(first + index, row);
        }
        // Rows that a shorter last strip lacks are numbers of an earlier one; their products are dropped.
        let rows: [&[f32]; STRIP] = std::array::from_fn(|index| &scratch[index * cols..][..cols]);
        let (groups, rest) = tokens.as_chunks::<TOGETHER>();
        for (group, tokens) in groups.iter().enumerate() {
            let products = dot_tile(*tokens, rows);
            products.into_iter().enumerate().for_each(|(index, p)| put(group * TOGETHER + index, p));
        }
        for (index, token) in rest.iter().enumerate() {
            put(groups.len() * TOGETHER + index, dots(token, rows));
        }
    }

    fn products_as_stored<const M: usize>(
        &self,
        first: usize,
        count: usize,
        tokens: [&[f32]; M],
    ) -> Option<[[f32; STRIP]; M]> {
        let rows = self.stored_rows::<STRIP>(first, count)?;
        dots_of_stored(self.dtype(), tokens, rows, STRIP * rows[0].len())
    }
}

/// [rows, n] -> [n, rows].
pub(crate) fn transposed(columns: &[f32], n: usize) -> Vec<f32> {
    let rows = columns.len() / n;
    let mut y = vec![0.0; columns.len()];
    y.par_chunks_exact_mut(rows).with_min_len(8).enumerate().for_each(|(token, out)| {
        out.iter_mut().zip(columns.chunks_exact(n)).for_each(|(value, row)| *value = row[token]);
    });
    y
}

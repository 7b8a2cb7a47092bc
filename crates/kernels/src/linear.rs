//! `y = x W^T + b`. Each row of the weight is decoded once for all tokens, a few rows at a time. Prompts go onto tiles where
//! there are any.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use crate::dot::{dot_tile, dots, dots_of_stored};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Prompts, Weight};

/// Below this many multiplications a second thread costs more than it brings.
const PARALLEL_FROM: usize = 1 << 16;
/// Rows decoded together: each token's numbers are loaded once for all of them.
pub(crate) const STRIP: usize = 4;
/// Tokens that meet a strip together.
const TOGETHER: usize = 4;
/// Strips of one task at least.
const STRIPS_A_TASK: usize = 4;

/// A matrix and what is added to its product.
#[derive(Clone)]
pub struct Linear {
    weight: Weight,
    /// [rows], where the weight lies.
    bias: Option<Tensor>,
}

impl Linear {
    /// # Errors
    /// When `bias` has another length than the weight has rows.
    pub fn new(weight: Weight, bias: Option<Vec<f32>>) -> Result<Self> {
        if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != weight.rows()) {
            bail!("a bias of {} does not go with a weight of {} rows", bias.len(), weight.rows());
        }
        let bias = bias.map(|bias| Tensor::new(bias, weight.device())).transpose()?;
        Ok(Self { weight, bias })
    }

    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// [rows], where the weight lies.
    pub(crate) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Bytes of weight and bias.
    pub fn bytes(&self) -> u64 {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |bias| bias.elem_count() as u64 * 4)
    }

    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` is not the weight's.
    pub fn forward(&self, x: &Tensor, prompts: &Prompts) -> Result<Tensor> {
        let y = self.weight.forward(x, prompts)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

impl Weight {
    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` is not the weight's.
    pub fn forward(&self, x: &Tensor, prompts: &Prompts) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.cols() {
            bail!("an input {cols} wide meets a weight {} wide", self.cols());
        }
        if !self.is_plain() {
            return self.matmul_in_tensors(x);
        }
        with_slice(x, |x| tensor(self.matmul(x, prompts, &Cancellation::never()), (n, self.rows())))
    }

    /// `x` [n, cols] -> [n, rows], on slices.
    pub(crate) fn matmul(&self, x: &[f32], prompts: &Prompts, cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        match &prompts.parts(n)[..] {
            [] => Vec::new(),
            [(_, false)] => self.few(x, cancellation),
            #[cfg(target_arch = "x86_64")]
            [(_, true)] => self.on_tiles(x, cancellation),
            parts => {
                let mut y = Vec::with_capacity(n * rows);
                for (part, tiled) in parts {
                    let alone = if *tiled { Prompts::all() } else { Prompts::none() };
                    y.extend(self.matmul(&x[part.start * cols..part.end * cols], &alone, cancellation));
                }
                y
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn on_tiles(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        use crate::amx::places::Places;
        use crate::amx::product::{Keep, Rows, product};
        let (width, cols) = (self.rows(), self.cols());
        let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
        let mut y = vec![0.0; rows.len() * width];
        let places = Places::new(&mut y, width);
        product(self, &Rows::pack(&rows, cols, Keep::All), cancellation, |rows, columns, square| {
            // SAFETY: each square has places of its own.
            unsafe { places.put(rows, columns, square) };
        });
        y
    }

    fn few(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
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

    /// The judge of `matmul`: one multiplication at a time, summed in f64.
    pub fn matmul_reference(&self, x: &[f32]) -> Vec<f32> {
        let mut row = vec![0.0; self.cols()];
        let mut y = Vec::new();
        for token in x.chunks_exact(self.cols()) {
            for r in 0..self.rows() {
                self.row(r, &mut row);
                let sum: f64 = row.iter().zip(token).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
                y.push(sum as f32);
            }
        }
        y
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

#[cfg(test)]
mod tests;

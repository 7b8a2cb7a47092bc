//! The product for a few tokens (decoding). Weight rows are taken in blocks of four, once for all tokens. In
//! whole numbers they are multiplied as they are stored; in f32 they are decoded, for one or two tokens
//! without a decoded copy. A product has the same bits whatever the other tokens are.
use formats::{Planes, planes_dot};
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
const MIN_TOKENS_PER_TASK: usize = 8;

/// The tokens of a product, as a weight takes them.
pub(crate) enum Input<'a> {
    F32(Vec<&'a [f32]>),
    Planes(Vec<Planes>),
}

impl Input<'_> {
    /// Tokens.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(tokens) => tokens.len(),
            Self::Planes(tokens) => tokens.len(),
        }
    }
}

impl Weight {
    pub(crate) fn input<'a>(&self, tokens: Vec<&'a [f32]>) -> Input<'a> {
        if !self.takes_planes() {
            return Input::F32(tokens);
        }
        let planes = tokens.par_iter().with_min_len(MIN_TOKENS_PER_TASK).map(|token| Planes::new(token));
        Input::Planes(planes.collect())
    }

    /// `x` [n, cols] -> [n, rows].
    pub(super) fn gemv(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        let (rows, cols) = (self.rows(), self.cols());
        let n = x.len() / cols;
        // [rows, n]: the output of a row block is contiguous.
        let mut columns = vec![0.0; rows * n];
        if n == 0 {
            return columns;
        }
        let input = self.input(x.chunks_exact(cols).collect());
        let row_block = |scratch: &mut Vec<f32>, (index, out): (usize, &mut [f32])| {
            if !cancellation.is_cancelled() {
                self.gemv_row_block(index * ROW_BLOCK, scratch, &input, out);
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

    /// Products of `input` with the weight rows from `first` on, into `out` [rows of the block, n].
    pub(crate) fn gemv_row_block(
        &self,
        first: usize,
        scratch: &mut Vec<f32>,
        input: &Input,
        out: &mut [f32],
    ) {
        let n = input.len();
        let count = out.len() / n;
        let store = |t: usize, products: [f32; ROW_BLOCK]| {
            for (index, product) in products.into_iter().take(count).enumerate() {
                out[index * n + t] = product;
            }
        };
        match input {
            Input::F32(tokens) => self.row_block_f32(first, count, scratch, tokens, store),
            Input::Planes(tokens) => self.row_block_planes(first, count, tokens, store),
        }
    }

    /// In whole numbers: several tokens at a time unpack the codes once for all.
    fn row_block_planes(
        &self,
        first: usize,
        count: usize,
        tokens: &[Planes],
        mut store: impl FnMut(usize, [f32; ROW_BLOCK]),
    ) {
        let rows =
            self.encoded_rows::<ROW_BLOCK>(first, count).expect("a weight in host memory without scales");
        // The next rows are fetched with the first tokens.
        let next = ROW_BLOCK * rows[0].len();
        let (fours, rest) = tokens.as_chunks::<TOKEN_BLOCK>();
        let (pairs, single) = rest.as_chunks::<2>();
        let mut t = 0;
        let mut store_all = |products: &[[f32; ROW_BLOCK]]| {
            for products in products {
                store(t, *products);
                t += 1;
            }
        };
        for four in fours {
            store_all(&planes_dot(self.dtype(), four.each_ref(), rows, next));
        }
        for pair in pairs {
            store_all(&planes_dot(self.dtype(), pair.each_ref(), rows, next));
        }
        for token in single {
            store_all(&planes_dot(self.dtype(), [token], rows, next));
        }
    }

    fn row_block_f32(
        &self,
        first: usize,
        count: usize,
        scratch: &mut Vec<f32>,
        tokens: &[&[f32]],
        mut store: impl FnMut(usize, [f32; ROW_BLOCK]),
    ) {
        let (cols, n) = (self.cols(), tokens.len());
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

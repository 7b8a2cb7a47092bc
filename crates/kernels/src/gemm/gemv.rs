//! The product for a few tokens (decoding). Weight rows are taken in blocks of four, once for all tokens. In
//! whole numbers they are multiplied as they are stored; in f32 they are decoded, for one or two tokens
//! without a decoded copy. A product has the same bits whatever the other tokens are.
use std::ops::Range;

use formats::{Planes, planes_dot};

use super::OutputTiles;
use crate::dot::{dequant_dot, dot_microkernel, dots};
use crate::{Cancellation, Weight, pool};

/// With fewer multiplications a second thread costs more time than it saves.
const PARALLEL_MIN_MULS: usize = 1 << 16;
/// Weight rows that are decoded together: the values of each token are loaded once for all of them.
pub(crate) const ROW_BLOCK: usize = 4;
/// Tokens that are multiplied with a row block together.
const TOKEN_BLOCK: usize = 4;
/// Tasks of a thread: the one that finishes last is waited for.
const TASKS_PER_THREAD: usize = 4;
const MIN_BLOCKS_OF_TASK: usize = 4;
/// With fewer tokens the planes are made by the caller.
const MIN_PARALLEL_TOKENS: usize = 8;

/// Row blocks of a task, for a weight with `rows`.
pub(crate) fn blocks_of_task(rows: usize) -> usize {
    let blocks = rows.div_ceil(ROW_BLOCK);
    blocks.div_ceil(TASKS_PER_THREAD * pool::threads()).max(MIN_BLOCKS_OF_TASK)
}

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
        if tokens.len() < MIN_PARALLEL_TOKENS {
            return Input::Planes(tokens.into_iter().map(Planes::new).collect());
        }
        Input::Planes(pool::map(tokens.len(), |at| Planes::new(tokens[at])))
    }

    /// `x` [n, cols] -> [n, rows].
    pub(super) fn gemv(&self, x: &[f32], cancellation: &Cancellation) -> Vec<f32> {
        gemv_all(&[self], x, cancellation).remove(0)
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

/// The products of `x` [n, cols] with several weights, [n, rows] each, as one set of tasks.
pub(super) fn gemv_all(weights: &[&Weight], x: &[f32], cancellation: &Cancellation) -> Vec<Vec<f32>> {
    let cols = weights[0].cols();
    let n = x.len() / cols;
    let rows: usize = weights.iter().map(|weight| weight.rows()).sum();
    let mut products: Vec<Vec<f32>> = weights.iter().map(|weight| vec![0.0; weight.rows() * n]).collect();
    if n == 0 {
        return products;
    }
    let first = weights[0].input(x.chunks_exact(cols).collect());
    let own = |weight: &&Weight| weight.takes_planes() != weights[0].takes_planes();
    let other = weights.iter().find(|weight| own(weight));
    let other = other.map(|weight| weight.input(x.chunks_exact(cols).collect()));
    let mut parts = Vec::with_capacity(weights.len());
    for (weight, product) in weights.iter().zip(&mut products) {
        let input = other.as_ref().filter(|_| own(weight)).unwrap_or(&first);
        parts.push((weight, input, OutputTiles::new(product, weight.rows())));
    }
    // Ranges of row blocks, with the number of their weight.
    let each = blocks_of_task(rows);
    let tasks: Vec<(usize, Range<usize>)> = weights
        .iter()
        .enumerate()
        .flat_map(|(at, weight)| {
            let blocks = weight.rows().div_ceil(ROW_BLOCK);
            pool::ranges(blocks, each).map(move |blocks| (at, blocks))
        })
        .collect();
    let task = |at: usize| {
        let (at, blocks) = &tasks[at];
        let (weight, input, out) = &parts[*at];
        let (mut scratch, mut block_products) = (Vec::new(), vec![0.0; ROW_BLOCK * n]);
        for block in blocks.clone() {
            if cancellation.is_cancelled() {
                return;
            }
            let columns = ROW_BLOCK * block..weight.rows().min(ROW_BLOCK * (block + 1));
            let products = &mut block_products[..columns.len() * n];
            weight.gemv_row_block(columns.start, &mut scratch, input, products);
            // SAFETY: tasks have other columns.
            unsafe { out.store_columns(columns, products) };
        }
    };
    if rows * cols * n >= PARALLEL_MIN_MULS {
        pool::for_each(tasks.len(), task);
    } else {
        (0..tasks.len()).for_each(task);
    }
    products
}

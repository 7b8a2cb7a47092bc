//! Both forms of latent attention on pages in the processor's memory.
use rayon::prelude::*;

use super::online_softmax::{Queries, RANGE, RowShape, Source, Sums};
use super::{Context, LatentSizes};
use crate::cache::PAGE_TOKENS;
use crate::dot::{add_scaled, dots};
use crate::gemm::STRIP;
use crate::{Prompts, Weight};

/// Up to so many tokens are always absorbed, so that checking a few drafts computes what plain decoding computes.
const FEW: usize = 16;

/// Whether the absorbed form takes less time. Without tiles that is whether it needs fewer multiplications. On tiles a latent meets
/// queries in three products, an expanded key in six, and what expands it meets latents in five; turning queries into latents and
/// back is not done there, and takes about as long as ten.
pub fn prefers_absorbed(sizes: &LatentSizes, tokens: usize, past: usize, tiled: bool) -> bool {
    let LatentSizes { latent, nope, rope, value, .. } = *sizes;
    let pairs = tokens * past + tokens * (tokens + 1) / 2;
    let up = latent * (nope + value);
    let [turned, met, made, met_expanded] = if tiled { [10, 3, 5, 6] } else { [1; 4] };
    let absorbed = turned * tokens * up + met * pairs * (2 * latent + rope);
    let expanded = made * (past + tokens) * up + met_expanded * pairs * (nope + rope + value);
    tokens <= FEW || absorbed < expanded
}

/// Latents as they lie in their pages, one key head for all heads.
struct Latents<'a> {
    context: &'a Context<'a>,
    shape: RowShape,
}

impl Source for Latents<'_> {
    fn row_shape(&self) -> RowShape {
        self.shape
    }

    fn is_bf16(&self) -> bool {
        self.context.has_bf16()
    }

    fn load(&self, _: usize, first: usize, tokens: usize, out: &mut [f32]) {
        self.context.rows(first, tokens, 0, self.shape.stride, out);
    }
}

impl Context<'_> {
    /// Decodes `width` numbers, from `at` on, of each record of positions that lie in one page.
    pub fn rows(&self, first: usize, tokens: usize, at: usize, width: usize, out: &mut [f32]) {
        let layout = self.kv.layout();
        let page = self.pages[first / PAGE_TOKENS];
        let records =
            self.kv.records(page, self.layer).expect("the caller has seen that pages are in memory");
        let records = records.chunks_exact(layout.bytes()).skip(first % PAGE_TOKENS).take(tokens);
        for (record, row) in records.zip(out.chunks_exact_mut(width)) {
            layout.decode(record, at, row);
        }
    }
}

/// `q` [T, heads, nope + rope] -> [T, heads * value]; W_UK goes into the query, W_UV comes after the sum.
pub fn absorbed(sizes: &LatentSizes, kv_b: &Weight, q: &[f32], context: &Context) -> Vec<f32> {
    let LatentSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let (q_width, width) = (nope + rope, latent + rope);
    let tokens = q.len() / (heads * q_width);
    let mut turned = vec![0.0; heads * tokens * width]; // [heads, T, latent + rope]
    turned.par_chunks_exact_mut(tokens * width).enumerate().for_each_init(
        || vec![0.0; latent],
        |row, (head, out)| {
            let query = |t: usize| &q[(t * heads + head) * q_width..][..q_width];
            for d in 0..nope {
                kv_b.row(head * (nope + value) + d, row);
                for (t, out) in out.chunks_exact_mut(width).enumerate() {
                    add_scaled(&mut out[..latent], query(t)[d], row);
                }
            }
            for (t, out) in out.chunks_exact_mut(width).enumerate() {
                out[latent..].copy_from_slice(&query(t)[nope..]);
            }
        },
    );
    let visible = |row: usize| context.past + row % tokens + 1;
    let queries = Queries::new(&turned, [heads * tokens, width], visible, scale, context);
    let shape = RowShape { stride: width, key: width, value_at: 0, value: latent };
    let mut sums = Sums::new(heads * tokens, latent);
    sums.attend(&Latents { context, shape }, &queries, 0, context.past + tokens);
    let contexts = sums.finish(); // [heads, T, latent]
    let mut out = vec![0.0; heads * tokens * value]; // [heads, T, value]
    let heads_of_out = out.par_chunks_exact_mut(tokens * value).enumerate();
    heads_of_out.for_each_init(
        || vec![0.0; STRIP * latent],
        |scratch, (head, out)| {
            let contexts = &contexts[head * tokens * latent..][..tokens * latent];
            for start in (0..value).step_by(STRIP) {
                let count = STRIP.min(value - start);
                for (index, row) in scratch.chunks_exact_mut(latent).take(count).enumerate() {
                    kv_b.row(head * (nope + value) + nope + start + index, row);
                }
                let rows: [&[f32]; STRIP] = std::array::from_fn(|index| &scratch[index * latent..][..latent]);
                for (context, out) in contexts.chunks_exact(latent).zip(out.chunks_exact_mut(value)) {
                    out[start..start + count].copy_from_slice(&dots(context, rows)[..count]);
                }
            }
        },
    );
    by_token(&out, heads, tokens, value)
}

/// A range of keys and values of all heads.
struct Expanded<'a> {
    sizes: &'a LatentSizes,
    /// Its first position.
    first: usize,
    /// [tokens, heads * (nope + value)]
    kv: Vec<f32>,
    /// [tokens, rope]
    k_pe: Vec<f32>,
}

impl Source for Expanded<'_> {
    fn row_shape(&self) -> RowShape {
        let LatentSizes { nope, rope, value, .. } = *self.sizes;
        RowShape { stride: nope + rope + value, key: nope + rope, value_at: nope + rope, value }
    }

    fn is_bf16(&self) -> bool {
        false
    }

    fn load(&self, head: usize, first: usize, tokens: usize, out: &mut [f32]) {
        let LatentSizes { heads, nope, rope, value, .. } = *self.sizes;
        for (index, row) in out.chunks_exact_mut(nope + rope + value).take(tokens).enumerate() {
            let at = first - self.first + index;
            let kv = &self.kv[(at * heads + head) * (nope + value)..][..nope + value];
            row[..nope].copy_from_slice(&kv[..nope]);
            row[nope..nope + rope].copy_from_slice(&self.k_pe[at * rope..][..rope]);
            row[nope + rope..].copy_from_slice(&kv[nope..]);
        }
    }
}

/// `q` [T, heads, nope + rope] -> [T, heads * value]; keys and values are made one range at a time.
pub fn expanded(sizes: &LatentSizes, kv_b: &Weight, q: &[f32], context: &Context) -> Vec<f32> {
    let LatentSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let tokens = q.len() / (heads * (nope + rope));
    let q = by_token(q, tokens, heads, nope + rope); // [heads, T, nope + rope]
    let visible = |row: usize| context.past + row + 1;
    let cancellation = context.cancellation;
    let queries = Queries::new(&q, [tokens, nope + rope], visible, scale, context);
    let mut sums = Sums::new(heads * tokens, value);
    let end = context.past + tokens;
    for first in (0..end).step_by(RANGE) {
        if cancellation.is_cancelled() {
            break;
        }
        let count = RANGE.min(end - first);
        let (mut c, mut k_pe) = (vec![0.0; count * latent], vec![0.0; count * rope]);
        let pages = c.par_chunks_mut(PAGE_TOKENS * latent).zip(k_pe.par_chunks_mut(PAGE_TOKENS * rope));
        pages.enumerate().for_each(|(page, (c, k_pe))| {
            let (at, count) = (first + page * PAGE_TOKENS, c.len() / latent);
            context.rows(at, count, 0, latent, c);
            context.rows(at, count, latent, rope, k_pe);
        });
        let source = Expanded { sizes, first, kv: kv_b.matmul(&c, &Prompts::all(), cancellation), k_pe };
        sums.attend(&source, &queries, first, first + count);
    }
    by_token(&sums.finish(), heads, tokens, value)
}

/// [outer, inner, width] -> [inner, outer, width].
pub fn by_token(x: &[f32], outer: usize, inner: usize, width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(x.len());
    for index in 0..inner * outer {
        let (i, o) = (index / outer, index % outer);
        out.extend_from_slice(&x[(o * inner + i) * width..][..width]);
    }
    out
}

//! Multi-head latent attention over pages in host memory, absorbed and expanded.
//! `prefers_absorbed` estimates which form is faster.
use super::accumulator::{Accumulator, KeyValueSource, KvRowLayout, Queries, RANGE};
use super::{Context, MlaSizes};
use crate::cache::PAGE_TOKENS;
use crate::dot::{axpy, dots};
use crate::gemm::ROW_BLOCK;
use crate::{PrefillRows, Weight, pool};

/// Up to this many tokens always use the absorbed form, so that verifying a few drafts computes the same bits
/// as plain decoding.
const ABSORB_MAX_TOKENS: usize = 16;

/// Whether the absorbed form is expected to take less time. Without AMX that is whether it needs fewer
/// multiplications. With AMX, scores of latents cost three term products, those of expanded keys six, and the
/// expansion five; the absorption of queries and the up-projection of outputs do not use AMX and cost about
/// as much as ten.
pub fn prefers_absorbed(sizes: &MlaSizes, tokens: usize, past: usize, amx: bool) -> bool {
    let MlaSizes { latent, nope, rope, value, .. } = *sizes;
    let pairs = tokens * past + tokens * (tokens + 1) / 2;
    let up = latent * (nope + value);
    let [absorb, score, expand, score_expanded] = if amx { [10, 3, 5, 6] } else { [1; 4] };
    let absorbed = absorb * tokens * up + score * pairs * (2 * latent + rope);
    let expanded = expand * (past + tokens) * up + score_expanded * pairs * (nope + rope + value);
    tokens <= ABSORB_MAX_TOKENS || absorbed < expanded
}

/// LatentSource of the cache: one key head for all query heads.
struct LatentSource<'a> {
    context: &'a Context<'a>,
    layout: KvRowLayout,
}

impl KeyValueSource for LatentSource<'_> {
    fn row_layout(&self) -> KvRowLayout {
        self.layout
    }

    fn is_bf16(&self) -> bool {
        self.context.has_bf16()
    }

    fn load(&self, _: usize, first: usize, tokens: usize, out: &mut [f32]) {
        self.context.decode_rows(first, tokens, 0, self.layout.stride, out);
    }
}

/// `q` [T, heads, nope + rope] -> [T, heads * value]; W_UK is multiplied into the query, W_UV with the
/// weighted sum.
pub fn absorbed(sizes: &MlaSizes, kv_b: &Weight, q: &[f32], context: &Context) -> Vec<f32> {
    let MlaSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let (q_width, width) = (nope + rope, latent + rope);
    let tokens = q.len() / (heads * q_width);
    let mut absorbed_q = vec![0.0; heads * tokens * width]; // [heads, T, latent + rope]
    pool::chunks_mut(&mut absorbed_q, tokens * width, |head, out| {
        let row = &mut vec![0.0; latent];
        let query = |t: usize| &q[(t * heads + head) * q_width..][..q_width];
        for d in 0..nope {
            kv_b.dequantize_row(head * (nope + value) + d, row);
            for (t, out) in out.chunks_exact_mut(width).enumerate() {
                axpy(&mut out[..latent], query(t)[d], row);
            }
        }
        for (t, out) in out.chunks_exact_mut(width).enumerate() {
            out[latent..].copy_from_slice(&query(t)[nope..]);
        }
    });
    let kv_len = |row: usize| context.past + row % tokens + 1;
    let queries = Queries::new(&absorbed_q, [heads * tokens, width], kv_len, scale, context);
    let layout = KvRowLayout { stride: width, key: width, value_offset: 0, value: latent };
    let mut acc = Accumulator::new(heads * tokens, latent);
    acc.attend(&LatentSource { context, layout }, &queries, 0, context.past + tokens);
    let contexts = acc.finish(); // [heads, T, latent]
    let mut out = vec![0.0; heads * tokens * value]; // [heads, T, value]
    pool::chunks_mut(&mut out, tokens * value, |head, out| {
        let scratch = &mut vec![0.0; ROW_BLOCK * latent];
        let contexts = &contexts[head * tokens * latent..][..tokens * latent];
        for start in (0..value).step_by(ROW_BLOCK) {
            let count = ROW_BLOCK.min(value - start);
            for (index, row) in scratch.chunks_exact_mut(latent).take(count).enumerate() {
                kv_b.dequantize_row(head * (nope + value) + nope + start + index, row);
            }
            let rows: [&[f32]; ROW_BLOCK] = std::array::from_fn(|index| &scratch[index * latent..][..latent]);
            for (context, out) in contexts.chunks_exact(latent).zip(out.chunks_exact_mut(value)) {
                out[start..start + count].copy_from_slice(&dots(context, rows)[..count]);
            }
        }
    });
    swap_outer_axes(&out, heads, tokens, value)
}

/// ExpandedKv keys and values of all heads, for a range of positions.
struct ExpandedKv<'a> {
    sizes: &'a MlaSizes,
    /// The first position of the range.
    first: usize,
    /// [tokens, heads * (nope + value)]
    kv: Vec<f32>,
    /// [tokens, rope]
    k_pe: Vec<f32>,
}

impl KeyValueSource for ExpandedKv<'_> {
    fn row_layout(&self) -> KvRowLayout {
        let MlaSizes { nope, rope, value, .. } = *self.sizes;
        KvRowLayout { stride: nope + rope + value, key: nope + rope, value_offset: nope + rope, value }
    }

    fn is_bf16(&self) -> bool {
        false
    }

    fn load(&self, head: usize, first: usize, tokens: usize, out: &mut [f32]) {
        let MlaSizes { heads, nope, rope, value, .. } = *self.sizes;
        for (index, row) in out.chunks_exact_mut(nope + rope + value).take(tokens).enumerate() {
            let at = first - self.first + index;
            let kv = &self.kv[(at * heads + head) * (nope + value)..][..nope + value];
            row[..nope].copy_from_slice(&kv[..nope]);
            row[nope..nope + rope].copy_from_slice(&self.k_pe[at * rope..][..rope]);
            row[nope + rope..].copy_from_slice(&kv[nope..]);
        }
    }
}

/// `q` [T, heads, nope + rope] -> [T, heads * value]; keys and values are expanded one range at a time.
pub fn expanded(sizes: &MlaSizes, kv_b: &Weight, q: &[f32], context: &Context) -> Vec<f32> {
    let MlaSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let tokens = q.len() / (heads * (nope + rope));
    let q = swap_outer_axes(q, tokens, heads, nope + rope); // [heads, T, nope + rope]
    let kv_len = |row: usize| context.past + row + 1;
    let cancellation = context.cancellation;
    let queries = Queries::new(&q, [tokens, nope + rope], kv_len, scale, context);
    let mut acc = Accumulator::new(heads * tokens, value);
    let end = context.past + tokens;
    for first in (0..end).step_by(RANGE) {
        if cancellation.is_cancelled() {
            break;
        }
        let count = RANGE.min(end - first);
        let (mut c, mut k_pe) = (vec![0.0; count * latent], vec![0.0; count * rope]);
        let mut pages: Vec<_> =
            c.chunks_mut(PAGE_TOKENS * latent).zip(k_pe.chunks_mut(PAGE_TOKENS * rope)).collect();
        pool::chunks_mut(&mut pages, 1, |page, parts| {
            let (c, k_pe) = &mut parts[0];
            let (at, count) = (first + page * PAGE_TOKENS, c.len() / latent);
            context.decode_rows(at, count, 0, latent, c);
            context.decode_rows(at, count, latent, rope, k_pe);
        });
        let source =
            ExpandedKv { sizes, first, kv: kv_b.matmul(&c, &PrefillRows::all(), cancellation), k_pe };
        acc.attend(&source, &queries, first, first + count);
    }
    swap_outer_axes(&acc.finish(), heads, tokens, value)
}

/// [outer, inner, width] -> [inner, outer, width].
pub fn swap_outer_axes(x: &[f32], outer: usize, inner: usize, width: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    pool::rows_mut(&mut out, width, |first, out| {
        for (at, row) in out.chunks_exact_mut(width).enumerate() {
            let (i, o) = ((first + at) / outer, (first + at) % outer);
            row.copy_from_slice(&x[(o * inner + i) * width..][..width]);
        }
    });
    out
}

//! Grouped-query attention (arXiv 2305.13245) over pages in host memory.
//! A group of query heads shares a key head, and its rows are processed together.
use super::accumulator::{Accumulator, KeyValueSource, KvRowLayout, Queries};
use super::mla::swap_outer_axes;
use super::{Context, GqaSizes};

/// Keys and values of the cache: a record is `[k | v]` of each head.
struct GqaSource<'a> {
    context: &'a Context<'a>,
    head_dim: usize,
}

impl KeyValueSource for GqaSource<'_> {
    fn row_layout(&self) -> KvRowLayout {
        KvRowLayout {
            stride: 2 * self.head_dim,
            key: self.head_dim,
            value_offset: self.head_dim,
            value: self.head_dim,
        }
    }

    fn is_bf16(&self) -> bool {
        self.context.has_bf16()
    }

    fn load(&self, key_head: usize, first: usize, tokens: usize, out: &mut [f32]) {
        let width = 2 * self.head_dim;
        self.context.decode_rows(first, tokens, key_head * width, width, out);
    }
}

/// `q` [T, heads, head_dim] -> [T, heads * head_dim].
pub fn attend(sizes: &GqaSizes, q: &[f32], context: &Context) -> Vec<f32> {
    let GqaSizes { heads, kv_heads, head_dim, scale } = *sizes;
    let tokens = q.len() / (heads * head_dim);
    let group = heads / kv_heads;
    let q = swap_outer_axes(q, tokens, kv_heads, group * head_dim); // [kv_heads, T, group, head_dim]
    let kv_len = |row: usize| context.past + row / group + 1;
    let queries = Queries::new(&q, [tokens * group, head_dim], kv_len, scale, context);
    let mut acc = Accumulator::new(heads * tokens, head_dim);
    acc.attend(&GqaSource { context, head_dim }, &queries, 0, context.past + tokens);
    swap_outer_axes(&acc.finish(), kv_heads, tokens, group * head_dim)
}

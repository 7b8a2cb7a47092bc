//! Attention with grouped key heads on pages in the processor's memory.
use super::mla::by_token;
use super::online_softmax::{Queries, RowShape, Source, Sums};
use super::{Context, GqaSizes};

/// Keys and values as they lie in their pages: a record has `[k | v]` of each head.
struct Heads<'a> {
    context: &'a Context<'a>,
    head_dim: usize,
}

impl Source for Heads<'_> {
    fn row_shape(&self) -> RowShape {
        RowShape {
            stride: 2 * self.head_dim,
            key: self.head_dim,
            value_at: self.head_dim,
            value: self.head_dim,
        }
    }

    fn is_bf16(&self) -> bool {
        self.context.has_bf16()
    }

    fn load(&self, key_head: usize, first: usize, tokens: usize, out: &mut [f32]) {
        let width = 2 * self.head_dim;
        self.context.rows(first, tokens, key_head * width, width, out);
    }
}

/// `q` [T, heads, head_dim] -> [T, heads * head_dim].
pub fn attend(sizes: &GqaSizes, q: &[f32], context: &Context) -> Vec<f32> {
    let GqaSizes { heads, kv_heads, head_dim, scale } = *sizes;
    let tokens = q.len() / (heads * head_dim);
    let group = heads / kv_heads;
    let q = by_token(q, tokens, kv_heads, group * head_dim); // [kv_heads, T, group, head_dim]
    let visible = |row: usize| context.past + row / group + 1;
    let queries = Queries::new(&q, [tokens * group, head_dim], visible, scale, context);
    let mut sums = Sums::new(heads * tokens, head_dim);
    sums.attend(&Heads { context, head_dim }, &queries, 0, context.past + tokens);
    by_token(&sums.finish(), kv_heads, tokens, group * head_dim)
}

//! Attention in tensor operations, for any device. MLA uses the absorbed form only; faster forms would be
//! kernels of that device.
use candle_core::{D, Device, Result, Tensor};

use super::{Context, GqaSizes, MlaSizes};
use crate::Weight;

/// Scores in memory at a time, which determines the number of keys per tile.
const MAX_SCORES: usize = 1 << 26;
const MAX_TILE: usize = 4096;
const MIN_TILE: usize = 64;

/// Online softmax over tiles of keys, for all query rows of each key head.
struct OnlineSoftmax {
    /// [key heads, rows, key]
    q: Tensor,
    /// Maximum and sum [key heads, rows, 1], and weighted values [key heads, rows, value]; `None` before the
    /// first tile.
    acc: Option<(Tensor, Tensor, Tensor)>,
}

impl OnlineSoftmax {
    /// `keys` [key heads, n, key], `values` [key heads, n, value], `mask` [rows, n] of 0 and -inf.
    fn update(&mut self, keys: &Tensor, values: &Tensor, scale: f32, mask: Option<&Tensor>) -> Result<()> {
        let mut scores = (self.q.matmul(&keys.transpose(1, 2)?.contiguous()?)? * f64::from(scale))?;
        if let Some(mask) = mask {
            scores = scores.broadcast_add(mask)?;
        }
        // Every row attends to position 0, which is in the first tile, so the maximum is always finite.
        let max = scores.max_keepdim(D::Minus1)?;
        let max = match &self.acc {
            None => max,
            Some((old_max, ..)) => old_max.maximum(&max)?,
        };
        let numerators = scores.broadcast_sub(&max)?.exp()?;
        let (mut sum, mut out) =
            (numerators.sum_keepdim(D::Minus1)?, numerators.matmul(&values.contiguous()?)?);
        if let Some((old_max, old_sum, old_out)) = &self.acc {
            let rescale = (old_max - &max)?.exp()?;
            sum = (sum + (old_sum * &rescale)?)?;
            out = (out + old_out.broadcast_mul(&rescale)?)?;
        }
        self.acc = Some((max, sum, out));
        Ok(())
    }
}

/// Processes the positions 0..end in tiles; `split` separates rows of the cache into keys and values.
fn attend(
    q: Tensor,
    scale: f32,
    context: &Context,
    tokens: usize,
    token_of: impl Fn(usize) -> usize,
    split: impl Fn(&Tensor) -> Result<(Tensor, Tensor)>,
) -> Result<Tensor> {
    let (key_heads, rows, _) = q.dims3()?;
    let device = q.device().clone();
    let tile = (MAX_SCORES / (key_heads * rows)).clamp(MIN_TILE, MAX_TILE);
    let end = context.past + tokens;
    let mut softmax = OnlineSoftmax { q, acc: None };
    for first in (0..end).step_by(tile) {
        let count = tile.min(end - first);
        let Some(gathered) = context.kv.gather(context.pages, context.layer, first, count) else {
            candle_core::bail!("the cache is in host memory");
        };
        let (keys, values) = split(&gathered?)?;
        let kv_len = |row: usize| context.past + token_of(row) + 1;
        let mask = if first + count <= context.past + 1 {
            None
        } else {
            Some(mask(rows, first, count, kv_len, &device)?)
        };
        softmax.update(&keys, &values, scale, mask.as_ref())?;
    }
    let Some((_, sum, out)) = softmax.acc else { candle_core::bail!("attention needs at least one query") };
    out.broadcast_div(&sum)
}

fn mask(
    rows: usize,
    first: usize,
    count: usize,
    kv_len: impl Fn(usize) -> usize,
    device: &Device,
) -> Result<Tensor> {
    let cell = |row: usize, at: usize| if first + at < kv_len(row) { 0.0 } else { f32::NEG_INFINITY };
    let cells: Vec<f32> =
        (0..rows).flat_map(|row| (0..count).map(move |at| (row, at))).map(|(r, a)| cell(r, a)).collect();
    Tensor::from_vec(cells, (rows, count), device)
}

pub fn mla(sizes: &MlaSizes, kv_b: &Weight, q: &Tensor, context: &Context) -> Result<Tensor> {
    let MlaSizes { heads, latent, nope, rope, value, scale } = *sizes;
    let tokens = q.dim(0)?;
    let up = kv_b.dequantize_range(0, kv_b.rows())?.reshape((heads, nope + value, latent))?;
    let q = q.transpose(0, 1)?; // [heads, T, nope + rope]
    let absorbed_q = q.narrow(2, 0, nope)?.contiguous()?.matmul(&up.narrow(1, 0, nope)?.contiguous()?)?;
    let absorbed_q = Tensor::cat(&[&absorbed_q, &q.narrow(2, nope, rope)?.contiguous()?], 2)?;
    let rows = absorbed_q.reshape((1, heads * tokens, latent + rope))?;
    let split = |rows: &Tensor| Ok((rows.unsqueeze(0)?, rows.narrow(1, 0, latent)?.unsqueeze(0)?));
    let contexts = attend(rows, scale, context, tokens, |row| row % tokens, split)?;
    let contexts = contexts.reshape((heads, tokens, latent))?;
    let down = up.narrow(1, nope, value)?.transpose(1, 2)?.contiguous()?; // [heads, latent, value]
    contexts.matmul(&down)?.transpose(0, 1)?.contiguous()?.reshape((tokens, heads * value))
}

pub fn gqa(sizes: &GqaSizes, q: &Tensor, context: &Context) -> Result<Tensor> {
    let GqaSizes { heads, kv_heads, head_dim, scale } = *sizes;
    let tokens = q.dim(0)?;
    let group = heads / kv_heads;
    let rows = q.contiguous()?.reshape((tokens, kv_heads, group, head_dim))?.transpose(0, 1)?;
    let rows = rows.contiguous()?.reshape((kv_heads, tokens * group, head_dim))?;
    let split = |rows: &Tensor| {
        let pairs = rows.reshape((rows.dim(0)?, kv_heads, 2, head_dim))?.transpose(0, 1)?;
        let side = |index| pairs.narrow(2, index, 1)?.squeeze(2)?.contiguous();
        Ok((side(0)?, side(1)?))
    };
    let out = attend(rows, scale, context, tokens, |row| row / group, split)?;
    let out = out.reshape((kv_heads, tokens, group, head_dim))?.transpose(0, 1)?;
    out.contiguous()?.reshape((tokens, heads * head_dim))
}

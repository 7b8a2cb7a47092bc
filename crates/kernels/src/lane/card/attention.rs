//! Attention: the rows' keys and values or latents go into their pages, then each row attends to its own
//! sequence. Longer prefills use flash attention where the card has it.
use std::ops::Range;

use candle_core::{Result, bail};
use cuda::ops::attention::{GqaAttend, LatentUp, MlaAttend};
use cuda::ops::flash::{GqaFlash, MlaFlash};
use cuda::ops::rope::{GqaWrite, MlaPrepare, PageDtype};
use cuda::{Mat, Ptr};
use formats::kv_cache::MAX_LATENT_FLOATS;

use super::linear::norm_params;
use super::{CardLane, MIN_PREFILL_ROWS, Rows, is_prefill};
use crate::Weight;
use crate::attention::{GqaSizes, MlaSizes};
use crate::cache::{CacheKind, KvPages, page_dtype};
use crate::rms_norm::RmsNorm;

/// What latent attention reads and writes besides its input.
#[derive(Clone, Copy)]
struct Latents {
    cache: Ptr<u8>,
    dtype: PageDtype,
    record_bytes: usize,
    kv_b: Mat,
}

impl CardLane<'_> {
    /// The rows of the batch: those of each longer prefill, and the others together, each range with whether
    /// it is such a prefill.
    fn attention_ranges(&self) -> Vec<(Range<usize>, bool)> {
        let mut ranges = Vec::new();
        let mut next = 0;
        for sequence in self.sequences {
            let range = next..next + sequence.tokens.len();
            next = range.end;
            if is_prefill(sequence) {
                ranges.push((range, true));
                continue;
            }
            match ranges.last_mut() {
                Some((last, false)) => *last = last.start..range.end,
                _ => ranges.push((range, false)),
            }
        }
        ranges
    }

    pub fn grouped_attention(
        &mut self,
        [q, k, v]: [&Rows; 3],
        norms: Option<&(RmsNorm, RmsNorm)>,
        sizes: &GqaSizes,
        layer: usize,
        kv: &KvPages,
    ) -> Result<Rows> {
        let GqaSizes { heads, kv_heads, head_dim, scale } = *sizes;
        let kind = CacheKind::Gqa { kv_heads, head_dim };
        if kv.shape().kind != kind || q.width != heads * head_dim || k.width != kv_heads * head_dim {
            bail!("shape mismatch: queries of {}, cache of {:?}, {sizes:?}", q.width, kv.shape().kind);
        }
        let pages = kv.on_card()?;
        let (cache, dtype) = (pages.layer(layer)?, page_dtype(kv.dtype()));
        let (q_norm, eps) = norm_params(norms.map(|norms| &norms.0));
        let (k_norm, _) = norm_params(norms.map(|norms| &norms.1));
        let write = GqaWrite {
            q: q.ptr(),
            k: k.ptr(),
            v: v.ptr(),
            q_norm,
            k_norm,
            cos: self.cos.ptr(),
            sin: self.sin.ptr(),
            cache,
            slots: self.arrays.slots,
            rows: self.rows as u32,
            heads: heads as u32,
            kv_heads: kv_heads as u32,
            head_dim: head_dim as u32,
            half: self.half as u32,
            style: self.style,
            dtype,
            record_bytes: pages.record_bytes() as u32,
            q_stride: q.width as u32,
            k_stride: k.width as u32,
            v_stride: v.width as u32,
            eps,
        };
        self.check(write.launch(self.memory.card()))?;
        let out = self.new_rows(q.width)?;
        for (range, prefill) in self.attention_ranges() {
            let (first, count) = (range.start, range.len());
            if prefill && GqaFlash::supports(dtype, head_dim, pages.record_bytes()) {
                let flash = GqaFlash {
                    q: q.ptr(),
                    cache,
                    positions: self.arrays.positions,
                    tables: self.arrays.tables,
                    pages: self.arrays.pages,
                    out: out.ptr(),
                    first: first as u32,
                    count: count as u32,
                    heads: heads as u32,
                    kv_heads: kv_heads as u32,
                    record_bytes: pages.record_bytes() as u32,
                    q_stride: q.width as u32,
                    out_stride: out.width as u32,
                    scale,
                };
                self.check(flash.launch(self.memory.card(), dtype, head_dim))?;
                continue;
            }
            let mut attend = GqaAttend {
                q: q.row(first),
                cache,
                positions: self.arrays.positions.offset(first),
                tables: self.arrays.tables.offset(first),
                pages: self.arrays.pages,
                out: out.row(first),
                partials: Ptr::NULL,
                tickets: Ptr::NULL,
                rows: count as u32,
                heads: heads as u32,
                kv_heads: kv_heads as u32,
                head_dim: head_dim as u32,
                record_bytes: pages.record_bytes() as u32,
                splits: 1,
                whole: 1,
                q_stride: q.width as u32,
                out_stride: out.width as u32,
                scale,
            };
            let mut partials = None;
            if !prefill {
                (attend.splits, attend.whole) = (GqaAttend::splits(self.max_keys), 0);
                let (floats, tickets) = attend.workspace(dtype);
                if tickets * 4 > self.scratch.tickets.bytes() {
                    bail!("{count} decode rows are too many for one launch of attention");
                }
                let buffer = Rows::take(self.memory, 1, floats)?;
                (attend.partials, attend.tickets) = (buffer.ptr(), self.scratch.tickets.ptr());
                partials = Some(buffer);
            }
            self.check(attend.launch(self.memory.card(), dtype))?;
            drop(partials);
        }
        Ok(out)
    }

    pub fn latent_attention(
        &mut self,
        [q, kv_a]: [&Rows; 2],
        norm: &RmsNorm,
        kv_b: &Weight,
        sizes: &MlaSizes,
        layer: usize,
        kv: &KvPages,
    ) -> Result<Rows> {
        let MlaSizes { heads, latent, nope, rope, value, .. } = *sizes;
        let kind = CacheKind::Latent { latent, rope };
        if kv.shape().kind != kind || q.width != heads * (nope + rope) || kv_a.width != latent + rope {
            bail!("shape mismatch: queries of {}, cache of {:?}, {sizes:?}", q.width, kv.shape().kind);
        }
        if (kv_b.rows(), kv_b.cols()) != (heads * (nope + value), latent) {
            bail!("shape mismatch: kv_b [{}, {}], {sizes:?}", kv_b.rows(), kv_b.cols());
        }
        let pages = kv.on_card()?;
        let target = Latents {
            cache: pages.layer(layer)?,
            dtype: page_dtype(kv.dtype()),
            record_bytes: pages.record_bytes(),
            kv_b: kv_b.on_card()?.mat(),
        };
        let out = self.new_rows(heads * value)?;
        // The queries in the latent space and the contexts are wide: a long prefill goes in pieces.
        let most = (MAX_LATENT_FLOATS / (heads * latent)).max(MIN_PREFILL_ROWS);
        for (range, prefill) in self.attention_ranges() {
            let pieces = if prefill { range.len().div_ceil(most) } else { 1 };
            let size = range.len().div_ceil(pieces);
            for first in range.clone().step_by(size) {
                let rows = first..range.end.min(first + size);
                self.attend_latents([q, kv_a], norm, sizes, &target, rows, prefill, &out)?;
            }
        }
        Ok(out)
    }

    /// Latent attention of some rows of the batch.
    #[allow(clippy::too_many_arguments, reason = "what a piece shares with the others, and the piece")]
    fn attend_latents(
        &self,
        [q, kv_a]: [&Rows; 2],
        norm: &RmsNorm,
        sizes: &MlaSizes,
        target: &Latents,
        rows: Range<usize>,
        prefill: bool,
        out: &Rows,
    ) -> Result<()> {
        let MlaSizes { heads, latent, nope, rope, value, scale } = *sizes;
        let Latents { cache, dtype, record_bytes, kv_b } = *target;
        let (card, first, count) = (self.memory.card(), rows.start, rows.len());
        let in_parts = !prefill && MlaAttend::on_tensor_cores(dtype, heads, latent, rope);
        let width = if in_parts { heads * MlaAttend::PART_BYTES / 4 } else { heads * latent };
        let absorbed = Rows::take(self.memory, count, width)?;
        let (norm, eps) = norm_params(Some(norm));
        let prepare = MlaPrepare {
            kv_b,
            q: q.row(first),
            kv_a: kv_a.row(first),
            norm,
            cos: self.cos.row(first),
            sin: self.sin.row(first),
            absorbed: absorbed.ptr(),
            cache,
            slots: self.arrays.slots.offset(first),
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            rope: rope as u32,
            value: value as u32,
            latent: latent as u32,
            style: self.style,
            dtype,
            record_bytes: record_bytes as u32,
            q_stride: q.width as u32,
            kv_a_stride: kv_a.width as u32,
            eps,
            prefill: u32::from(prefill),
            parts: u32::from(in_parts),
        };
        self.check(prepare.launch(card))?;
        let (splits, whole) = if prefill { (1, 1) } else { (MlaAttend::splits(self.max_keys), 0) };
        let positions = self.arrays.positions.offset(first);
        let mut attend = MlaAttend {
            absorbed: absorbed.ptr(),
            q: q.row(first),
            cache,
            positions,
            tables: self.arrays.tables.offset(first),
            pages: self.arrays.pages,
            partials: Ptr::NULL,
            stats: Ptr::NULL,
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            rope: rope as u32,
            latent: latent as u32,
            dtype,
            record_bytes: record_bytes as u32,
            splits,
            whole,
            q_stride: q.width as u32,
            scale,
            pad: 0,
        };
        let (partial, stat) = attend.workspace();
        let (partials, stats) = (Rows::take(self.memory, 1, partial)?, Rows::take(self.memory, 1, stat)?);
        (attend.partials, attend.stats) = (partials.ptr(), stats.ptr());
        if prefill && MlaFlash::supports(card, dtype, latent, rope) {
            let flash = MlaFlash {
                absorbed: attend.absorbed,
                q: attend.q,
                cache,
                positions,
                tables: attend.tables,
                pages: attend.pages,
                partials: attend.partials,
                stats: attend.stats,
                first: 0,
                count: count as u32,
                heads: heads as u32,
                nope: nope as u32,
                record_bytes: record_bytes as u32,
                q_stride: q.width as u32,
                scale,
                pad: 0,
            };
            self.check(flash.launch(card, dtype))?;
        } else {
            self.check(attend.launch(card, in_parts))?;
        }
        let up = LatentUp {
            kv_b,
            partials: partials.ptr(),
            stats: stats.ptr(),
            positions,
            out: out.row(first),
            rows: count as u32,
            heads: heads as u32,
            nope: nope as u32,
            value: value as u32,
            latent: latent as u32,
            splits,
            whole,
            out_stride: out.width as u32,
        };
        self.check(up.launch(card))
    }
}

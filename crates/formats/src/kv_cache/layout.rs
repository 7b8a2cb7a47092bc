//! The record of one token in one layer of the cache, its encoding and its size.
//!
//! A record is a row of values, `quantised` followed by `unquantised`. In F32 and Bf16 all are stored in that
//! type. In Fp8 the first become e4m3 with one f32 scale per group and the others bf16, in the order
//! `[e4m3][f32 scales][bf16]`. The latent cache quantises c and keeps k_pe in bf16 (656 bytes at 512 + 64,
//! the layout of FlashMLA); the GQA cache quantises k and v of every head, one group each.
use half::bf16;

use super::{CacheDtype, CacheKind, CacheShape, PAGE_TOKENS};
use crate::{E4M3, f32_to_e4m3};

/// Values per scale in the latent cache.
const LATENT_GROUP: usize = 128;
/// The largest e4m3 value.
const E4M3_MAX: f32 = 448.0;

/// The layout of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordLayout {
    pub dtype: CacheDtype,
    pub quantised: usize,
    pub unquantised: usize,
    /// Quantised values per scale; the last group of a latent may be shorter.
    pub group: usize,
}

impl RecordLayout {
    pub fn new(kind: CacheKind, dtype: CacheDtype) -> Self {
        match kind {
            CacheKind::Latent { latent, rope } => {
                Self { dtype, quantised: latent, unquantised: rope, group: LATENT_GROUP }
            }
            CacheKind::Gqa { kv_heads, head_dim } => {
                Self { dtype, quantised: kv_heads * 2 * head_dim, unquantised: 0, group: head_dim }
            }
        }
    }

    /// Values of a record.
    pub fn width(&self) -> usize {
        self.quantised + self.unquantised
    }

    /// Scales of a record in Fp8.
    pub fn groups(&self) -> usize {
        self.quantised.div_ceil(self.group)
    }

    /// Bytes of a record.
    pub fn bytes(&self) -> usize {
        match self.dtype {
            CacheDtype::F32 => self.width() * 4,
            CacheDtype::Bf16 => self.width() * 2,
            CacheDtype::Fp8 => self.quantised + self.groups() * 4 + self.unquantised * 2,
        }
    }

    /// Writes `values` [width] into `record` [bytes].
    pub fn encode(&self, values: &[f32], record: &mut [u8]) {
        match self.dtype {
            CacheDtype::F32 => {
                for (bytes, value) in record.as_chunks_mut::<4>().0.iter_mut().zip(values) {
                    *bytes = value.to_le_bytes();
                }
            }
            CacheDtype::Bf16 => encode_bf16(values, record),
            CacheDtype::Fp8 => {
                let (codes, rest) = record.split_at_mut(self.quantised);
                let (scales, unquantised) = rest.split_at_mut(self.groups() * 4);
                let groups = values[..self.quantised].chunks(self.group).zip(codes.chunks_mut(self.group));
                for ((values, codes), bytes) in groups.zip(scales.as_chunks_mut::<4>().0) {
                    let scale = group_scale(values);
                    *bytes = scale.to_le_bytes();
                    for (code, value) in codes.iter_mut().zip(values) {
                        *code = f32_to_e4m3(value / scale);
                    }
                }
                encode_bf16(&values[self.quantised..], unquantised);
            }
        }
    }

    /// Decodes the values `from..from + out.len()` of a record. In Fp8, `from` must start a group.
    #[inline]
    pub fn decode(&self, record: &[u8], from: usize, out: &mut [f32]) {
        match self.dtype {
            CacheDtype::F32 => {
                for (value, bytes) in out.iter_mut().zip(record[from * 4..].as_chunks::<4>().0) {
                    *value = f32::from_le_bytes(*bytes);
                }
            }
            CacheDtype::Bf16 => decode_bf16(&record[from * 2..], out),
            CacheDtype::Fp8 => {
                let end = self.quantised.min(from + out.len());
                let (quantised, unquantised) = out.split_at_mut(end.saturating_sub(from));
                let scales = &record[self.quantised + from / self.group * 4..];
                let groups =
                    record[from..end.max(from)].chunks(self.group).zip(quantised.chunks_mut(self.group));
                for ((codes, values), scale) in groups.zip(scales.as_chunks::<4>().0) {
                    let scale = f32::from_le_bytes(*scale);
                    for (value, &code) in values.iter_mut().zip(codes) {
                        *value = E4M3[code as usize] * scale;
                    }
                }
                let skipped = from.saturating_sub(self.quantised);
                decode_bf16(&record[self.quantised + self.groups() * 4 + skipped * 2..], unquantised);
            }
        }
    }
}

/// Saturating: the sizes come from an untrusted configuration.
impl CacheShape {
    /// Bytes of one token in one layer; `usize::MAX` on overflow.
    pub fn record_bytes(self, dtype: CacheDtype) -> usize {
        let count = match self.kind {
            CacheKind::Latent { latent, rope } => latent.saturating_add(rope),
            CacheKind::Gqa { kv_heads, head_dim } => kv_heads.saturating_mul(head_dim).saturating_mul(2),
        };
        match count {
            0 => 0,
            // A value takes at most eight bytes, scale included.
            count if count <= usize::MAX / 8 => RecordLayout::new(self.kind, dtype).bytes(),
            _ => usize::MAX,
        }
    }

    /// Bytes of one page, all layers; `usize::MAX` on overflow.
    pub fn page_bytes(self, dtype: CacheDtype) -> usize {
        self.record_bytes(dtype).saturating_mul(PAGE_TOKENS).saturating_mul(self.layers)
    }
}

/// The largest magnitude / 448, rounded up to a power of two, so that scaling is exact.
fn group_scale(values: &[f32]) -> f32 {
    let largest = values.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    next_power_of_two(largest / E4M3_MAX)
}

/// The smallest normal power of two that is not below `x`.
pub fn next_power_of_two(x: f32) -> f32 {
    const MANTISSA: u32 = (1 << 23) - 1;
    let bits = x.clamp(f32::MIN_POSITIVE, f32::MAX / 2.0).to_bits();
    f32::from_bits((bits + MANTISSA) & !MANTISSA)
}

fn encode_bf16(values: &[f32], out: &mut [u8]) {
    for (bytes, value) in out.as_chunks_mut::<2>().0.iter_mut().zip(values) {
        *bytes = bf16::from_f32(*value).to_le_bytes();
    }
}

fn decode_bf16(bytes: &[u8], out: &mut [f32]) {
    for (value, bytes) in out.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *value = f32::from_bits(u32::from(u16::from_le_bytes(*bytes)) << 16);
    }
}

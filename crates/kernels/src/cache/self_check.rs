//! A round trip through the cache at load. Engines that applied wrong scales lost a quarter of their correct
//! answers without reporting an error, so the encoding is verified on every start.
use candle_core::{Device, Result, Tensor, bail};

use crate::Place;

use super::{CacheDtype, CacheKind, CacheShape, KvPages, PAGE_TOKENS, RecordLayout, Store};

/// Encodes and decodes a test row in every dtype.
pub fn check_layouts(kind: CacheKind) -> Result<()> {
    for dtype in [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8] {
        let layout = RecordLayout::new(kind, dtype);
        let row = test_row(layout.width(), 0);
        let mut record = vec![0; layout.bytes()];
        layout.encode(&row, &mut record);
        let mut decoded = vec![0.0; layout.width()];
        layout.decode(&record, 0, &mut decoded);
        check_row(&layout, &row, &decoded)?;
    }
    Ok(())
}

/// Writes test rows to a cache of one page at the place of `kv`, and reads them back as bytes.
pub fn check_store(kv: &KvPages) -> Result<()> {
    let shape = CacheShape { kind: kv.shape.kind, layers: 1 };
    let layout = kv.layout;
    let rows: Vec<f32> = (0..PAGE_TOKENS).flat_map(|token| test_row(layout.width(), token)).collect();
    let (rows, page) = match &kv.store {
        Store::Host(_) => {
            let mut small = KvPages::new(shape, 1, layout.dtype, &Place::Host)?;
            small.write(
                &[0],
                0,
                0,
                &Tensor::from_slice(&rows, (PAGE_TOKENS, layout.width()), &Device::Cpu)?,
            )?;
            let page = small.read_page(0)?;
            (rows, page)
        }
        Store::Card(pages) => pages.check_page(&rows)?,
    };
    let mut decoded = vec![0.0; layout.width()];
    let rows = rows.chunks_exact(layout.width()).zip(page.chunks_exact(layout.bytes()));
    for (row, record) in rows {
        layout.decode(record, 0, &mut decoded);
        check_row(&layout, row, &decoded)?;
    }
    Ok(())
}

/// Values over nine binary orders of magnitude, of both signs; no two groups are equal.
fn test_row(width: usize, token: usize) -> Vec<f32> {
    let value = |at: usize| {
        let step = (at * 37 + token * 11 + at / 7) % 101;
        let magnitude = (1.0 + step as f32 / 101.0) * 2f32.powi((at + token) as i32 % 9 - 4);
        if (at + token).is_multiple_of(3) { -magnitude } else { magnitude }
    };
    (0..width).map(value).collect()
}

/// Checks `decoded` against the rounding error of the format.
fn check_row(layout: &RecordLayout, row: &[f32], decoded: &[f32]) -> Result<()> {
    for (at, (&wrote, &read)) in row.iter().zip(decoded).enumerate() {
        let quantised = at < layout.quantised;
        // Half a unit in the last place: none, 8 bits, 4 bits. The row spans 2^10, inside the normal range of
        // e4m3.
        let bound = match layout.dtype {
            CacheDtype::F32 => 0.0,
            CacheDtype::Fp8 if quantised => 1.0 / 16.0,
            _ => 1.0 / 256.0,
        };
        if read.is_nan() || (read - wrote).abs() > bound * wrote.abs() {
            let dtype = layout.dtype;
            bail!("cache self-check failed: {read} for {wrote} at {at} in {dtype:?}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_wrong_is_an_error() {
        let kind = CacheKind::Latent { latent: 130, rope: 4 };
        check_layouts(kind).expect("the encoding is sound");
        let check = |dtype, at: usize, factor: f32, sound: bool| {
            let layout = RecordLayout::new(kind, dtype);
            let row = test_row(layout.width(), 3);
            let mut decoded = row.clone();
            decoded[at] *= factor;
            assert_eq!(check_row(&layout, &row, &decoded).is_ok(), sound, "{dtype:?} {at} {factor}");
        };
        check(CacheDtype::F32, 7, 1.000_001, false);
        check(CacheDtype::Bf16, 7, 1.003, true);
        check(CacheDtype::Bf16, 7, 1.005, false);
        check(CacheDtype::Fp8, 7, 1.06, true);
        // A missing scale is off by a factor of two at least.
        check(CacheDtype::Fp8, 7, 2.0, false);
        check(CacheDtype::Fp8, 129, 0.5, false);
        check(CacheDtype::Fp8, 131, 1.06, false);
        check(CacheDtype::Fp8, 7, f32::NAN, false);
    }
}

use formats::kv_cache::next_power_of_two;

use super::*;
use crate::Place;
use crate::testing::{close, uniform};

const LATENT: CacheKind = CacheKind::Latent { latent: 512, rope: 64 };
const SMALL: CacheKind = CacheKind::Latent { latent: 200, rope: 6 };
const GQA: CacheKind = CacheKind::Gqa { kv_heads: 2, head_dim: 24 };
const DTYPES: [CacheDtype; 3] = [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8];

fn rows(width: usize, tokens: usize, seed: u64) -> Tensor {
    // Every row has another magnitude, so that the scale of a wrong token fails the test.
    let scaled = uniform(tokens * width, seed);
    let scaled = scaled.into_iter().enumerate().map(|(at, x)| x * 1.7f32.powi((at / width) as i32 % 9));
    Tensor::from_vec(scaled.collect(), (tokens, width), &candle_core::Device::Cpu).expect("the sizes match")
}

fn write(kv: &mut KvPages, pages: &[u32], layer: usize, first: usize, rows: &Tensor) {
    match kv.shape().kind {
        CacheKind::Latent { .. } => kv.write_latent(pages, layer, first, rows).expect("it fits"),
        CacheKind::Gqa { kv_heads, head_dim } => {
            let rows = rows.reshape(((), kv_heads, 2, head_dim)).expect("the width of a record");
            let part = |index| rows.narrow(2, index, 1).and_then(|x| x.squeeze(2)).expect("k or v");
            kv.write_gqa(pages, layer, first, &part(0), &part(1)).expect("it fits");
        }
    }
}

fn read(kv: &KvPages, page: u32, layer: usize) -> Vec<f32> {
    let bytes = kv.read_page(page).expect("the page exists");
    let layout = kv.layout();
    let records = &bytes[layer * PAGE_TOKENS * layout.bytes()..][..PAGE_TOKENS * layout.bytes()];
    let mut out = vec![0.0; PAGE_TOKENS * layout.width()];
    for (record, row) in records.chunks_exact(layout.bytes()).zip(out.chunks_exact_mut(layout.width())) {
        layout.decode(record, 0, row);
    }
    out
}

#[test]
fn records_have_the_published_sizes() {
    let check = |kind, dtype, bytes| {
        assert_eq!(CacheShape { kind, layers: 3 }.record_bytes(dtype), bytes, "{kind:?} {dtype:?}");
        assert_eq!(CacheShape { kind, layers: 3 }.page_bytes(dtype), bytes * 64 * 3);
    };
    check(LATENT, CacheDtype::Bf16, 1152);
    check(LATENT, CacheDtype::Fp8, 656);
    check(SMALL, CacheDtype::Fp8, 200 + 2 * 4 + 12);
    check(CacheKind::Gqa { kv_heads: 8, head_dim: 128 }, CacheDtype::Bf16, 4096);
    check(CacheKind::Gqa { kv_heads: 8, head_dim: 128 }, CacheDtype::Fp8, 2048 + 64);
}

#[test]
fn a_latent_in_fp8_has_the_layout_of_the_format() {
    // 896 is twice the largest code, so the first group has scale 2; the second has 2^-1; a group of zeros
    // has the least.
    let mut row = vec![0.0f32; 576];
    (row[0], row[1], row[128], row[512], row[575]) = (896.0, -3.0, 224.0, 1.5, -2.0);
    let layout = RecordLayout::new(LATENT, CacheDtype::Fp8);
    let mut record = vec![0; 656];
    layout.encode(&row, &mut record);
    assert_eq!(record[..3], [0x7E, 0xBC, 0]);
    assert_eq!(record[128], 0x7E);
    assert_eq!(record[512..516], 2f32.to_le_bytes());
    assert_eq!(record[516..520], 0.5f32.to_le_bytes());
    assert_eq!(record[528..530], [0xC0, 0x3F]);
    assert_eq!(record[654..656], [0x00, 0xC0]);
}

#[test]
fn a_power_of_two_is_rounded_up_and_never_down() {
    let check = |x: f32, expect: f32| assert_eq!(next_power_of_two(x), expect, "{x}");
    check(1.0, 1.0);
    check(1.0f32.next_up(), 2.0);
    check(0.75, 1.0);
    check(0.0, f32::MIN_POSITIVE);
    check(f32::INFINITY, 2f32.powi(127));
}

#[test]
fn nan_and_infinity_stay_visible() {
    let mut row = vec![1.0; 206];
    row[3] = f32::NAN;
    let layout = RecordLayout::new(SMALL, CacheDtype::Fp8);
    let mut record = vec![0; layout.bytes()];
    layout.encode(&row, &mut record);
    let mut out = vec![0.0; 206];
    layout.decode(&record, 0, &mut out);
    assert!(out[3].is_nan() && out[2] == 1.0 && out[4] == 1.0);
    row[3] = f32::NEG_INFINITY;
    layout.encode(&row, &mut record);
    layout.decode(&record, 0, &mut out);
    assert!(out[3] == f32::NEG_INFINITY && out[2] == 0.0 && out[150] == 1.0);
}

#[test]
fn pages_in_any_order_read_back_and_a_rewrite_leaves_the_rest() {
    for kind in [SMALL, GQA] {
        for dtype in DTYPES {
            let shape = CacheShape { kind, layers: 2 };
            let mut kv = KvPages::new(shape, 4, dtype, &Place::Host).expect("a small cache");
            let width = kv.layout().width();
            let (all, again) = (rows(width, 100, 1), rows(width, 5, 2));
            for layer in 0..2 {
                write(&mut kv, &[3, 1], layer, 0, &all);
            }
            write(&mut kv, &[3, 1], 1, 62, &again);
            let expected =
                Tensor::cat(&[all.narrow(0, 0, 62).unwrap(), again, all.narrow(0, 67, 33).unwrap()], 0);
            let expected: Vec<f32> = expected.unwrap().flatten_all().unwrap().to_vec1().unwrap();
            let read = [read(&kv, 3, 1), read(&kv, 1, 1)].concat();
            let bound = if dtype == CacheDtype::Fp8 { 0.07 } else { 0.005 };
            close(&read[..100 * width], &expected, bound);
            let other: Vec<f32> = all.flatten_all().unwrap().to_vec1().unwrap();
            close(&self::read(&kv, 3, 0), &other[..64 * width], bound);
            assert!(self::read(&kv, 0, 0).iter().all(|x| *x == 0.0));
            kv.self_check().expect("a sound cache");
        }
    }
}

#[test]
fn pages_are_copied_kept_and_restored() {
    for dtype in DTYPES {
        let shape = CacheShape { kind: SMALL, layers: 2 };
        let mut kv = KvPages::new(shape, 3, dtype, &Place::Host).expect("a small cache");
        kv.write_latent(&[0], 1, 0, &rows(206, 64, 3)).expect("it fits");
        let saved = kv.read_page(0).expect("the page exists");
        assert_eq!(saved.len(), kv.page_bytes());
        kv.copy_page(0, 2).expect("both exist");
        assert_eq!(kv.read_page(2).expect("it exists"), saved);
        kv.write_latent(&[0], 1, 0, &rows(206, 64, 4)).expect("it fits");
        assert_ne!(kv.read_page(0).expect("it exists"), saved);
        kv.restore_page(1, &saved).expect("the length is right");
        assert_eq!(kv.read_page(1).expect("it exists"), saved);
        assert!(kv.restore_page(1, &saved[1..]).is_err());
        assert!(kv.restore_page(3, &saved).is_err() && kv.copy_page(0, 3).is_err());
    }
}

#[test]
fn mismatched_shapes_are_refused() {
    let shape = CacheShape { kind: SMALL, layers: 1 };
    let mut kv = KvPages::new(shape, 2, CacheDtype::Fp8, &Place::Host).expect("a small cache");
    let row = rows(206, 1, 1);
    assert!(kv.write_latent(&[0], 1, 0, &row).is_err(), "layer");
    assert!(kv.write_latent(&[0], 0, 64, &row).is_err(), "too few pages");
    assert!(kv.write_latent(&[2], 0, 0, &row).is_err(), "no such page");
    assert!(kv.write_latent(&[0], 0, 0, &rows(205, 1, 1)).is_err(), "width");
    let k = rows(206, 1, 1).reshape((1, 1, 206)).unwrap();
    assert!(kv.write_gqa(&[0], 0, 0, &k, &k).is_err(), "kind");
    let refused = |kind, layers, pages| {
        let kv = KvPages::new(CacheShape { kind, layers }, pages, CacheDtype::F32, &Place::Host);
        assert!(kv.is_err(), "{kind:?} {layers} {pages}");
    };
    refused(SMALL, 1, usize::MAX / 1000);
    refused(SMALL, 1, 1 << 44);
    refused(SMALL, usize::MAX / 64, 0);
    refused(SMALL, 0, 1);
    refused(CacheKind::Latent { latent: usize::MAX - 3, rope: 6 }, 1, 1);
    refused(CacheKind::Gqa { kv_heads: 1 << 40, head_dim: 1 << 40 }, 1, 0);
    refused(CacheKind::Gqa { kv_heads: 2, head_dim: 0 }, 1, 1);
}

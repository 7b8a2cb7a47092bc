//! Every operation on an NVIDIA device against its fused form on the CPU. Built only with the backend, and run where a
//! device is: `cargo test -p kernels --features cuda --test cuda`.
#![cfg(feature = "cuda")]

use std::sync::Arc;

use candle_core::{Device, Tensor};
use formats::Dtype;
use kernels::attention::{Context, GqaSizes, LatentSizes, gqa, latent};
use kernels::cache::{CacheDtype, CacheKind, CacheShape, KvPages};
use kernels::moe::{Choices, ExpertWeights, moe};
use kernels::rms_norm::RmsNorm;
use kernels::rope::{Pairs, Rope};
use kernels::{Cancellation, Linear, Prompts, Weight};

static NEVER: Cancellation = Cancellation::never();
const DTYPES: [CacheDtype; 3] = [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8];

fn device() -> Device {
    Device::new_cuda(0).expect("a device")
}

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn tensor(dims: &[usize], seed: u64, device: &Device) -> Tensor {
    Tensor::from_vec(numbers(dims.iter().product(), seed), dims, device).expect("memory")
}

fn weight(rows: usize, cols: usize, dtype: Dtype, seed: u64, device: &Device) -> Weight {
    let mut bytes = Vec::new();
    formats::encode(dtype, &numbers(rows * cols, seed), &mut bytes);
    let scales = (dtype == Dtype::F8E4M3).then(|| vec![0.5; rows.div_ceil(128) * cols.div_ceil(128)].into());
    Weight::new(rows, cols, dtype, Arc::new(bytes), scales, device).expect("the sizes match")
}

fn values(y: &Tensor) -> Vec<f32> {
    y.flatten_all().expect("a tensor").to_vec1().expect("numbers")
}

/// Both within `tolerance` of the largest number.
fn close(name: &str, there: &Tensor, here: &Tensor, tolerance: f32) {
    assert_eq!(there.dims(), here.dims(), "{name}");
    let (there, here) = (values(there), values(here));
    let largest = here.iter().fold(1e-3f32, |largest, x| largest.max(x.abs()));
    let apart = there
        .iter()
        .zip(&here)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0f32, |a, b| if b.is_nan() { b } else { a.max(b) });
    assert!(apart <= tolerance * largest, "{name}: {apart} apart where the largest is {largest}");
}

#[test]
fn weights_norms_and_positions() {
    let (cpu, gpu) = (Device::Cpu, device());
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F8E4M3, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K] {
        let make = |device| {
            Linear::new(weight(300, 512, dtype, 1, device), Some(numbers(300, 2))).expect("the sizes match")
        };
        let (there, here) = (make(&gpu), make(&cpu));
        let bound = if matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) { 1e-5 } else { 5e-3 };
        let y = there.forward(&tensor(&[5, 512], 3, &gpu), &Prompts::none()).expect("it fits");
        close(
            dtype.name(),
            &y,
            &here.forward(&tensor(&[5, 512], 3, &cpu), &Prompts::none()).expect("it fits"),
            bound,
        );
        let ids = [299, 0, 7];
        let rows = there.weight().select(&ids).expect("rows");
        close(dtype.name(), &rows, &here.weight().select(&ids).expect("rows"), 4e-3);
    }
    let norm = |device| RmsNorm::new(numbers(512, 4), 1e-6, device).expect("memory");
    let y = norm(&gpu).forward(&tensor(&[3, 4, 512], 5, &gpu)).expect("it fits");
    close("norm", &y, &norm(&cpu).forward(&tensor(&[3, 4, 512], 5, &cpu)).expect("it fits"), 1e-5);
    let frequencies: Vec<f64> = (0..32).map(|i| 10_000f64.powf(-f64::from(i) / 32.0)).collect();
    for pairs in [Pairs::Interleaved, Pairs::Halves] {
        let rope = Rope { pairs, inverse_frequencies: frequencies.clone(), scale: 1.0 };
        let turned = |device: &Device| {
            let turns = rope.turns(&[4095, 0, 77], device).expect("memory");
            turns.apply(&tensor(&[3, 2, 96], 6, device)).expect("it fits")
        };
        let (y, here) = (turned(&gpu), turned(&cpu));
        close("rope", &y, &here, 1e-5);
    }
}

#[test]
fn experts() {
    let expert = |e: u64, device: &Device| {
        let w = |rows, cols, seed| weight(rows, cols, Dtype::BF16, seed, device);
        ExpertWeights::new(w(96, 128, 3 * e), w(96, 128, 3 * e + 1), w(128, 96, 3 * e + 2))
            .expect("a network")
    };
    let on = |device: &Device| -> Vec<ExpertWeights> { (0..8).map(|e| expert(e, device)).collect() };
    let choices = Choices {
        experts_per_token: 3,
        experts: (0..30).map(|i| (i * 5 % 7) as u16).collect(),
        weights: numbers(30, 9),
    };
    let (cpu, gpu) = (Device::Cpu, device());
    let y =
        moe(&tensor(&[10, 128], 1, &gpu), &choices, &on(&gpu), &Prompts::none(), &NEVER).expect("it fits");
    close(
        "moe",
        &y,
        &moe(&tensor(&[10, 128], 1, &cpu), &choices, &on(&cpu), &Prompts::none(), &NEVER).expect("it fits"),
        1e-4,
    );
}

#[test]
fn latent_attention_over_every_cache() {
    let sizes = LatentSizes { heads: 16, latent: 512, nope: 128, rope: 64, value: 128, scale: 0.1 };
    let kind = CacheKind::Latent { latent: 512, rope: 64 };
    let pages: Vec<u32> = vec![7, 2, 9, 0, 4, 1];
    let run = |dtype, device: &Device, tokens: usize, past: usize| {
        let mut kv = KvPages::new(CacheShape { kind, layers: 2 }, 10, dtype, device).expect("memory");
        kv.self_check().expect("a sound cache");
        let rows = (tensor(&[past + tokens, 576], 1, device) * 6.0).expect("numbers");
        kv.write_latent(&pages, 1, 0, &rows).expect("it fits");
        kv.copy_page(pages[0], 3).expect("both exist");
        let page = kv.read_page(3).expect("it exists");
        let kv_b = weight(16 * 256, 512, Dtype::BF16, 2, device);
        let q = tensor(&[tokens, 16, 192], 3, device);
        let context = Context { kv: &kv, pages: &pages, layer: 1, past, prompt: false, cancellation: &NEVER };
        (latent(&sizes, &kv_b, &q, &context).expect("it fits"), page)
    };
    for dtype in DTYPES {
        for (tokens, past) in [(1, 0), (1, 330), (5, 200), (200, 0), (64, 300)] {
            let (there, page) = run(dtype, &device(), tokens, past);
            let (here, same) = run(dtype, &Device::Cpu, tokens, past);
            close(&format!("{dtype:?} {tokens} after {past}"), &there, &here, 1e-4);
            assert!(page == same, "{dtype:?}: a page is the same bytes on every device");
        }
    }
}

#[test]
fn grouped_attention_over_every_cache() {
    let sizes = GqaSizes { heads: 12, kv_heads: 2, head_dim: 128, scale: 0.1 };
    let kind = CacheKind::Gqa { kv_heads: 2, head_dim: 128 };
    let pages: Vec<u32> = vec![7, 2, 9, 0, 4, 1];
    let run = |dtype, device: &Device, tokens: usize, past: usize| {
        let mut kv = KvPages::new(CacheShape { kind, layers: 2 }, 10, dtype, device).expect("memory");
        kv.self_check().expect("a sound cache");
        let k = (tensor(&[past + tokens, 2, 128], 1, device) * 6.0).expect("numbers");
        kv.write_gqa(&pages, 1, 0, &k, &tensor(&[past + tokens, 2, 128], 2, device)).expect("it fits");
        let saved = kv.read_page(pages[0]).expect("it exists");
        kv.restore_page(3, &saved).expect("the length is right");
        assert!(kv.read_page(3).expect("it exists") == saved);
        let q = tensor(&[tokens, 12, 128], 3, device);
        let context = Context { kv: &kv, pages: &pages, layer: 1, past, prompt: false, cancellation: &NEVER };
        (gqa(&sizes, &q, &context).expect("it fits"), saved)
    };
    for dtype in DTYPES {
        for (tokens, past) in [(1, 0), (1, 330), (5, 200), (200, 0), (64, 300)] {
            let (there, page) = run(dtype, &device(), tokens, past);
            let (here, same) = run(dtype, &Device::Cpu, tokens, past);
            close(&format!("{dtype:?} {tokens} after {past}"), &there, &here, 1e-4);
            assert!(page == same, "{dtype:?}: a page is the same bytes on every device");
        }
    }
}

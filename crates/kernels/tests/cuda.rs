//! Every operation on an NVIDIA GPU against its fused form on the CPU. Needs the `cuda` feature and a GPU:
//! `cargo test -p kernels --features cuda --test cuda`.
#![cfg(feature = "cuda")]

use std::sync::Arc;

use candle_core::{Device, Tensor};
use formats::Dtype;
use kernels::attention::{Context, GqaSizes, MlaSizes, gqa, mla};
use kernels::cache::{CacheDtype, CacheKind, CacheShape, KvPages};
use kernels::moe::{Mlp, TopK, moe};
use kernels::rms_norm::RmsNorm;
use kernels::rope::{Rope, RopeStyle};
use kernels::{Cancellation, Linear, PrefillRows, Weight};

static NEVER: Cancellation = Cancellation::never();
const DTYPES: [CacheDtype; 3] = [CacheDtype::F32, CacheDtype::Bf16, CacheDtype::Fp8];

fn device() -> Device {
    Device::new_cuda(0).expect("a device")
}

fn uniform(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next()).collect()
}

fn tensor(dims: &[usize], seed: u64, device: &Device) -> Tensor {
    Tensor::from_vec(uniform(dims.iter().product(), seed), dims, device).expect("memory")
}

fn weight(rows: usize, cols: usize, dtype: Dtype, seed: u64, device: &Device) -> Weight {
    let mut bytes = Vec::new();
    formats::encode(dtype, &uniform(rows * cols, seed), &mut bytes);
    let scales = (dtype == Dtype::F8E4M3).then(|| vec![0.5; rows.div_ceil(128) * cols.div_ceil(128)].into());
    Weight::new(rows, cols, dtype, Arc::new(bytes), scales, device).expect("the sizes match")
}

fn values(y: &Tensor) -> Vec<f32> {
    y.flatten_all().expect("a tensor").to_vec1().expect("values")
}

/// Both within `tolerance`, relative to the largest value.
fn close(name: &str, gpu: &Tensor, cpu: &Tensor, tolerance: f32) {
    assert_eq!(gpu.dims(), cpu.dims(), "{name}");
    let (gpu, cpu) = (values(gpu), values(cpu));
    let largest = cpu.iter().fold(1e-3f32, |largest, x| largest.max(x.abs()));
    let error = gpu
        .iter()
        .zip(&cpu)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0f32, |a, b| if b.is_nan() { b } else { a.max(b) });
    assert!(error <= tolerance * largest, "{name}: error {error}, largest value {largest}");
}

#[test]
fn weights_norms_and_positions() {
    let (cpu, gpu) = (Device::Cpu, device());
    for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::F8E4M3, Dtype::Q8_0, Dtype::Q6K, Dtype::Q4K] {
        let make = |device| {
            Linear::new(weight(300, 512, dtype, 1, device), Some(uniform(300, 2))).expect("the sizes match")
        };
        let (on_gpu, on_cpu) = (make(&gpu), make(&cpu));
        let bound = if matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16) { 1e-5 } else { 5e-3 };
        let y = on_gpu.forward(&tensor(&[5, 512], 3, &gpu), &PrefillRows::none()).expect("it fits");
        close(
            dtype.name(),
            &y,
            &on_cpu.forward(&tensor(&[5, 512], 3, &cpu), &PrefillRows::none()).expect("it fits"),
            bound,
        );
        let ids = [299, 0, 7];
        let rows = on_gpu.weight().index_select(&ids).expect("rows");
        close(dtype.name(), &rows, &on_cpu.weight().index_select(&ids).expect("rows"), 4e-3);
    }
    let norm = |device| RmsNorm::new(uniform(512, 4), 1e-6, device).expect("memory");
    let y = norm(&gpu).forward(&tensor(&[3, 4, 512], 5, &gpu)).expect("it fits");
    close("norm", &y, &norm(&cpu).forward(&tensor(&[3, 4, 512], 5, &cpu)).expect("it fits"), 1e-5);
    let frequencies: Vec<f64> = (0..32).map(|i| 10_000f64.powf(-f64::from(i) / 32.0)).collect();
    for style in [RopeStyle::Interleaved, RopeStyle::Neox] {
        let rope = Rope { style, inv_freq: frequencies.clone(), scale: 1.0 };
        let rotated = |device: &Device| {
            let table = rope.table(&[4095, 0, 77], device).expect("memory");
            table.apply(&tensor(&[3, 2, 96], 6, device)).expect("it fits")
        };
        let (y, on_cpu) = (rotated(&gpu), rotated(&cpu));
        close("rope", &y, &on_cpu, 1e-5);
    }
}

#[test]
fn experts() {
    let expert = |e: u64, device: &Device| {
        let w = |rows, cols, seed| weight(rows, cols, Dtype::BF16, seed, device);
        Mlp::new(w(96, 128, 3 * e), w(96, 128, 3 * e + 1), w(128, 96, 3 * e + 2)).expect("the shapes match")
    };
    let on = |device: &Device| -> Vec<Mlp> { (0..8).map(|e| expert(e, device)).collect() };
    let routed =
        TopK { top_k: 3, experts: (0..30).map(|i| (i * 5 % 7) as u16).collect(), weights: uniform(30, 9) };
    let (cpu, gpu) = (Device::Cpu, device());
    let y =
        moe(&tensor(&[10, 128], 1, &gpu), &top_k, &on(&gpu), &PrefillRows::none(), &NEVER).expect("it fits");
    close(
        "moe",
        &y,
        &moe(&tensor(&[10, 128], 1, &cpu), &top_k, &on(&cpu), &PrefillRows::none(), &NEVER).expect("it fits"),
        1e-4,
    );
}

#[test]
fn latent_attention_over_every_cache() {
    let sizes = MlaSizes { heads: 16, latent: 512, nope: 128, rope: 64, value: 128, scale: 0.1 };
    let kind = CacheKind::Latent { latent: 512, rope: 64 };
    let pages: Vec<u32> = vec![7, 2, 9, 0, 4, 1];
    let run = |dtype, device: &Device, tokens: usize, past: usize| {
        let mut kv = KvPages::new(CacheShape { kind, layers: 2 }, 10, dtype, device).expect("memory");
        kv.self_check().expect("a sound cache");
        let rows = (tensor(&[past + tokens, 576], 1, device) * 6.0).expect("values");
        kv.write_latent(&pages, 1, 0, &rows).expect("it fits");
        kv.copy_page(pages[0], 3).expect("both exist");
        let page = kv.read_page(3).expect("it exists");
        let kv_b = weight(16 * 256, 512, Dtype::BF16, 2, device);
        let q = tensor(&[tokens, 16, 192], 3, device);
        let context =
            Context { kv: &kv, pages: &pages, layer: 1, past, prefill: false, cancellation: &NEVER };
        (mla(&sizes, &kv_b, &q, &context).expect("it fits"), page)
    };
    for dtype in DTYPES {
        for (tokens, past) in [(1, 0), (1, 330), (5, 200), (200, 0), (64, 300)] {
            let (on_gpu, page) = run(dtype, &device(), tokens, past);
            let (on_cpu, same) = run(dtype, &Device::Cpu, tokens, past);
            close(&format!("{dtype:?} {tokens} after {past}"), &on_gpu, &on_cpu, 1e-4);
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
        let k = (tensor(&[past + tokens, 2, 128], 1, device) * 6.0).expect("values");
        kv.write_gqa(&pages, 1, 0, &k, &tensor(&[past + tokens, 2, 128], 2, device)).expect("it fits");
        let saved = kv.read_page(pages[0]).expect("it exists");
        kv.restore_page(3, &saved).expect("the length is right");
        assert!(kv.read_page(3).expect("it exists") == saved);
        let q = tensor(&[tokens, 12, 128], 3, device);
        let context =
            Context { kv: &kv, pages: &pages, layer: 1, past, prefill: false, cancellation: &NEVER };
        (gqa(&sizes, &q, &context).expect("it fits"), saved)
    };
    for dtype in DTYPES {
        for (tokens, past) in [(1, 0), (1, 330), (5, 200), (200, 0), (64, 300)] {
            let (on_gpu, page) = run(dtype, &device(), tokens, past);
            let (on_cpu, same) = run(dtype, &Device::Cpu, tokens, past);
            close(&format!("{dtype:?} {tokens} after {past}"), &on_gpu, &on_cpu, 1e-4);
            assert!(page == same, "{dtype:?}: a page is the same bytes on every device");
        }
    }
}

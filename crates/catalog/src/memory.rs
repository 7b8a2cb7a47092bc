//! The memory per GPU of a model under tensor, pipeline and DP-attention parallelism, and the KV cache tokens
//! that fit. Weights and cache are exact; the memory fraction and the overhead are estimates, the same as in
//! `fit`.
use crate::{GpuSpec, KvCache, KvDtype, ModelFacts, Shape, Variant};

const GIB: u64 = 1 << 30;
/// Overhead per GPU: driver context, CUDA graphs and communication buffers.
pub const OVERHEAD_PER_GPU: u64 = GIB * 3 / 2;
/// GPU memory utilization: the percentage of the memory that an engine may use.
pub const BUDGET_PERCENT: u64 = 90;
/// The smallest useful KV cache, in tokens.
pub const SHORTEST_POOL: u64 = 2048;
/// Side of the scaled blocks of FP8 checkpoints; a shard must consist of full blocks.
const FP8_BLOCK: u32 = 128;

/// The parallelism of a server: TP, PP and DP attention. It uses `tensor * pipeline` GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parallelism {
    /// Tensor-parallel size.
    pub tensor: u32,
    /// Pipeline-parallel size.
    pub pipeline: u32,
    /// DP-attention size: groups of tensor ranks with a separate KV cache; 1 for none.
    pub attention_data: u32,
}

/// Bytes on the GPU with the most layers, and the KV cache that fits in its remaining memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub gpus: u32,
    pub weights: u64,
    pub overhead: u64,
    /// Memory that the engine may use.
    pub budget: u64,
    /// KV cache bytes per token on one GPU.
    pub token: u64,
    /// Total KV cache tokens of the server.
    pub tokens: u64,
}

/// A data type that a GPU does not support natively.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingDtype {
    Fp8,
    Fp4,
    Bf16,
}

/// The data type of the variant if the GPU does not support it natively. GGUF is dequantised by the engine
/// and needs no support.
pub fn missing_dtype(gpu: &GpuSpec, variant: &Variant) -> Option<MissingDtype> {
    match variant.precision.as_str() {
        // FP4 experts beside FP8 are multiplied in FP8 where there are no FP4 units.
        "FP8" | "FP8+FP4" if !gpu.fp8 => Some(MissingDtype::Fp8),
        "FP4" | "NVFP4" if !gpu.fp4 => Some(MissingDtype::Fp4),
        "BF16" if gpu.capability().is_some_and(|capability| capability < 8.0) => Some(MissingDtype::Bf16),
        _ => None,
    }
}

/// Whether vLLM runs FP8 weights on this GPU without FP8 units: on NVIDIA GPUs from Ampere on it uses W8A16
/// Marlin kernels (docs.vllm.ai, features/quantization/fp8).
pub fn has_marlin_fp8(gpu: &GpuSpec) -> bool {
    let ampere = gpu.capability().is_some_and(|capability| capability >= 8.0);
    gpu.vendor == crate::Vendor::Nvidia && !gpu.fp8 && ampere
}

/// As [`missing_dtype`], except for types that an engine supports in software.
pub fn unsupported_dtype(gpu: &GpuSpec, variant: &Variant) -> Option<MissingDtype> {
    missing_dtype(gpu, variant)
        .filter(|missing_dtype| *missing_dtype != MissingDtype::Fp8 || !has_marlin_fp8(gpu))
}

impl Parallelism {
    pub const ONE: Self = Self { tensor: 1, pipeline: 1, attention_data: 1 };

    pub fn gpus(self) -> u32 {
        self.tensor * self.pipeline
    }

    /// Pipeline parallelism only (llama.cpp's split mode `layer`).
    pub fn pipeline_only(gpus: u32) -> Self {
        Self { tensor: 1, pipeline: gpus, attention_data: 1 }
    }

    /// The largest tensor-parallel size that divides heads and widths; pipeline parallelism for the rest.
    pub fn of(shape: &Shape, cache: &KvCache, variant: &Variant, gpus: u32) -> Option<Self> {
        (1..=gpus)
            .rev()
            .filter(|tensor| gpus.is_multiple_of(*tensor) && divides(shape, cache, variant, *tensor))
            .map(|tensor| Self { tensor, pipeline: gpus / tensor, attention_data: 1 })
            .find(|parallelism| u64::from(parallelism.pipeline) <= cache.layers())
    }
}

/// Whether a tensor-parallel size of `tensor` is possible.
pub fn divides(shape: &Shape, cache: &KvCache, variant: &Variant, tensor: u32) -> bool {
    let step = if variant.precision.starts_with("FP8") { FP8_BLOCK } else { 1 };
    let heads = shape.heads.is_multiple_of(tensor)
        && match *cache {
            KvCache::Mla { .. } | KvCache::Sparse { .. } => true,
            KvCache::Gqa { kv_heads, .. } => {
                kv_heads.is_multiple_of(u64::from(tensor)) || u64::from(tensor).is_multiple_of(kv_heads)
            }
        };
    heads
        && shape
            .widths
            .iter()
            .all(|width| width.is_multiple_of(tensor) && (width / tensor).is_multiple_of(step))
}

/// The memory of the GPU with the most layers. `extra` is the number of additional cached layers for drafting
/// (MTP).
pub fn memory(
    model: &ModelFacts,
    variant: &Variant,
    gpu_memory: u64,
    parallelism: Parallelism,
    kv: KvDtype,
    extra: u64,
) -> Memory {
    let (tensor, pipeline) = (u64::from(parallelism.tensor), u64::from(parallelism.pipeline));
    let layers = model.cache.layers();
    // The pipeline stage with the most layers.
    let stage = layers.div_ceil(pipeline);
    let of_stage = |bytes: u64| (u128::from(bytes) * u128::from(stage) / u128::from(layers)) as u64;
    let mut weights = of_stage(variant.size).div_ceil(tensor);
    if let (Some(shape), data @ 2..) = (&model.shape, u64::from(parallelism.attention_data)) {
        // Under DP attention each group holds all attention weights: a rank has `data` times its TP shard.
        let bytes =
            u128::from(shape.attention_params) * u128::from(variant.size) / u128::from(model.params_total);
        weights += of_stage(bytes as u64) / tensor * (data - 1);
    }
    let overhead = OVERHEAD_PER_GPU + weights / 50;
    let budget = gpu_memory / 100 * BUDGET_PERCENT;
    let per_layer = model.cache.bytes_per_token(kv) / layers;
    let whole = per_layer * (stage + extra);
    let token = match model.cache {
        // The MLA latent is replicated on every rank.
        KvCache::Mla { .. } | KvCache::Sparse { .. } => whole,
        KvCache::Gqa { kv_heads, .. } => whole.div_ceil(tensor.min(kv_heads)),
    };
    let rest = budget.saturating_sub(weights + overhead);
    let tokens = rest / token.max(1) * u64::from(parallelism.attention_data);
    Memory { gpus: parallelism.gpus(), weights, overhead, budget, token, tokens }
}

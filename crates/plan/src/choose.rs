//! Chooses the variant, the number of GPUs, the parallelism and the dtype of the KV cache: the first
//! candidate, in the order of its cost in quality and speed, whose cache holds the requested sequences; else
//! the one with the largest cache.
use catalog::{
    KvDtype, Memory, MissingDtype, ModelFacts, Parallelism, SHORTEST_POOL, Shape, Variant, Vendor,
    has_marlin_fp8, memory, missing_dtype,
};

use crate::engine::Engine;
use crate::inventory::Inventory;
use crate::ollama_source::ollama_source;
use crate::reason::{Reason, ReasonCode};
use crate::request::DeployRequest;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Choice<'a> {
    pub variant: &'a Variant,
    pub shape: &'a Shape,
    pub hosts: u32,
    pub parallelism: Parallelism,
    /// Data-parallel replicas on one host.
    pub replicas: u32,
    pub kv: KvDtype,
    /// Speculative decoding with the model's own MTP layers.
    pub use_mtp: bool,
    pub memory: Memory,
    pub context: u32,
    pub sequences: u32,
    /// The cache holds the requested context and sequences.
    pub fits: bool,
    /// Cache capacity in tokens with a bf16 cache and no DP attention, to report what these gain.
    pub bf16_tokens: u64,
}

/// Why one variant cannot be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub precision: String,
    pub reason: Reason,
}

pub(crate) fn choose<'a>(
    request: &DeployRequest<'a>,
    inventory: &Inventory,
) -> Result<Choice<'a>, Vec<Rejection>> {
    let Some(shape) =
        request.model.shape.as_ref().filter(|_| request.model.family != catalog::FamilyKind::Guide)
    else {
        return Err(vec![rejection(
            "",
            Reason::new(ReasonCode::BuiltInOnly).with("model", &request.model.name),
        )]);
    };
    let variants =
        request.model.variants.iter().filter(|it| request.variant.as_ref().is_none_or(|id| *id == it.id));
    let (mut short_context, mut rejections) = (None, Vec::new());
    for variant in variants {
        match choose_variant(request, shape, variant, inventory) {
            Ok(choice) if choice.fits => return Ok(choice),
            Ok(choice) => short_context = short_context.or(Some(choice)),
            Err(reason) => rejections.push(rejection(&variant.precision, reason)),
        }
    }
    short_context.ok_or(rejections)
}

fn rejection(precision: &str, reason: Reason) -> Rejection {
    Rejection { precision: precision.to_owned(), reason }
}

fn choose_variant<'a>(
    request: &DeployRequest<'a>,
    shape: &'a Shape,
    variant: &'a Variant,
    inventory: &Inventory,
) -> Result<Choice<'a>, Reason> {
    check_supported(request, variant, inventory)?;
    let layouts = candidates(request, shape, variant, inventory);
    let dtypes = cache_dtypes(request, inventory);
    let memory_of =
        |parallelism, kv| memory(request.model, variant, inventory.gpu.memory(), parallelism, kv, 0);
    let needed_tokens =
        u64::from(request.context.min(request.model.context_max)) * u64::from(request.sequences);
    let mut sizes = Vec::new();
    for dp_attention in [false, true] {
        for kv in dtypes {
            for (hosts, parallelism) in &layouts {
                let groups =
                    if dp_attention { attention_groups(request, *hosts, *parallelism) } else { Some(1) };
                let Some(attention_data) = groups else { continue };
                let parallelism = Parallelism { attention_data, ..*parallelism };
                sizes.push((*hosts, parallelism, *kv, memory_of(parallelism, *kv)));
            }
        }
    }
    let best = sizes
        .iter()
        .find(|(.., memory)| memory.tokens >= needed_tokens)
        .or_else(|| sizes.iter().rev().max_by_key(|(.., memory)| memory.tokens))
        .ok_or_else(|| {
            Reason::new(ReasonCode::NoDivision).with("heads", shape.heads).with("machines", inventory.label())
        })?;
    let (hosts, parallelism, kv, memory) = *best;
    if memory.tokens < SHORTEST_POOL {
        return Err(out_of_memory(request.model, variant, inventory, &memory));
    }
    let plain = Parallelism { attention_data: 1, ..parallelism };
    let bf16_tokens = memory_of(plain, KvDtype::Bf16).tokens;
    let fits = memory.tokens >= needed_tokens;
    let replicas =
        if hosts == 1 && shape.experts == 0 && !request.engine.reads_gguf() && parallelism.pipeline == 1 {
            inventory.gpus_per_host / parallelism.gpus()
        } else {
            1
        };
    let (context, sequences) = sized(request, memory);
    let without_mtp = Choice {
        variant,
        shape,
        hosts,
        parallelism,
        replicas,
        kv,
        use_mtp: false,
        memory,
        context,
        sequences,
        fits,
        bf16_tokens,
    };
    Ok(with_mtp(request, inventory, without_mtp, needed_tokens))
}

/// Rejects GPUs that the engine does not support and file formats that it does not read.
fn check_supported(request: &DeployRequest, variant: &Variant, inventory: &Inventory) -> Result<(), Reason> {
    let gpu = &inventory.gpu;
    let engine = request.engine.name();
    let runs = |name: &String| name == engine;
    if !request.model.engines.is_empty() && !request.model.engines.iter().any(runs) {
        return Err(Reason::new(ReasonCode::ModelUnknownToEngine)
            .with("engine", engine)
            .with("model", &request.model.name)
            .with("engines", request.model.engines.join(", ")));
    }
    let readable = variant.shrink.is_none() && variant.is_gguf() == request.engine.reads_gguf();
    if variant.repo_hugging_face.is_none() || !readable {
        return Err(Reason::new(ReasonCode::NoFiles)
            .with("engine", engine)
            .with("precision", &variant.precision));
    }
    if request.engine == Engine::Ollama && ollama_source(request.model, variant).is_none() {
        return Err(Reason::new(ReasonCode::FilesInParts).with_bytes("size", variant.size));
    }
    let lacks = |code| {
        let capability = gpu.compute_capability.as_deref().unwrap_or("-");
        let reason = Reason::new(code).with("card", gpu.label()).with("capability", capability);
        Err(reason.with("engine", engine))
    };
    match missing_dtype(gpu, variant) {
        Some(MissingDtype::Fp8) if request.engine == Engine::Vllm && has_marlin_fp8(gpu) => {}
        Some(MissingDtype::Fp8) => return lacks(ReasonCode::NoFp8),
        Some(MissingDtype::Fp4) => return lacks(ReasonCode::NoFp4),
        Some(MissingDtype::Bf16) => return lacks(ReasonCode::NoBf16),
        None => {}
    }
    // vLLM has the kernels of sparse attention for Hopper and for Blackwell's data-centre cards only
    // (vllm#31936, #40802, #40851).
    let sparse = matches!(request.model.cache, catalog::KvCache::Sparse { .. });
    let has_kernels = gpu.capability().is_none_or(|capability| (9.0..12.0).contains(&capability));
    if sparse && request.engine == Engine::Vllm && !has_kernels {
        return lacks(ReasonCode::NoSparseAttention);
    }
    // SGLang's and vLLM's builds for AMD support data-centre GPUs only, and they have none for Apple's.
    let supported = gpu.vendor == Vendor::Nvidia || gpu.is_instinct();
    if !supported && !request.engine.reads_gguf() {
        return Err(Reason::new(ReasonCode::CardUnknownToEngine)
            .with("engine", engine)
            .with("card", gpu.label()));
    }
    Ok(())
}

/// Pairs of host count and parallelism, the cheapest first.
fn candidates(
    request: &DeployRequest,
    shape: &Shape,
    variant: &Variant,
    inventory: &Inventory,
) -> Vec<(u32, Parallelism)> {
    if request.engine.reads_gguf() {
        return vec![(1, Parallelism::pipeline_only(inventory.gpus_per_host))];
    }
    let of = |gpus_per_host| Parallelism::of(shape, &request.model.cache, variant, gpus_per_host);
    let mut single: Vec<(u32, Parallelism)> = (1..=inventory.gpus_per_host)
        .filter_map(of)
        .filter(|it| it.pipeline == 1)
        .map(|it| (1, it))
        .collect();
    if shape.experts > 0 {
        // Experts are many and small: with all GPUs of the host each GPU reads fewer of them per token.
        single = single.pop().into_iter().collect();
    }
    single.extend(of(inventory.gpus_per_host).filter(|it| it.pipeline > 1).map(|it| (1, it)));
    let several = (2..=inventory.hosts).filter_map(|hosts| {
        let all = hosts * inventory.gpus_per_host;
        let parallelism = match request.engine {
            Engine::Vllm => {
                // The fast links are inside a host: tensor parallel within it, pipeline parallel between
                // hosts.
                let inside = of(inventory.gpus_per_host)?;
                Parallelism { pipeline: inside.pipeline * hosts, ..inside }
            }
            _ => of(all)?,
        };
        (u64::from(parallelism.pipeline) <= request.model.cache.layers()).then_some((hosts, parallelism))
    });
    single.into_iter().chain(several).collect()
}

/// The dtypes that the KV cache may have, the most precise first.
fn cache_dtypes(request: &DeployRequest, inventory: &Inventory) -> &'static [KvDtype] {
    match request.engine {
        // The engine has one format for what sparse attention reads.
        _ if matches!(request.model.cache, catalog::KvCache::Sparse { .. }) => &[KvDtype::Bf16],
        Engine::Ollama | Engine::LlamaServer => &[KvDtype::Bf16, KvDtype::Q8],
        Engine::Sglang | Engine::Vllm if inventory.gpu.fp8 => &[KvDtype::Bf16, KvDtype::Fp8],
        Engine::Sglang | Engine::Vllm => &[KvDtype::Bf16],
    }
}

/// Number of DP attention groups. Only a latent (MLA) cache gains: tensor parallelism replicates it on every
/// GPU.
fn attention_groups(request: &DeployRequest, hosts: u32, parallelism: Parallelism) -> Option<u32> {
    let latent = matches!(request.model.cache, catalog::KvCache::Mla { .. });
    let possible = match request.engine {
        Engine::Sglang => parallelism.pipeline == 1,
        Engine::Vllm => hosts == 1 && parallelism.pipeline == 1,
        Engine::Ollama | Engine::LlamaServer => false,
    };
    (latent && possible && parallelism.tensor > 1).then_some(parallelism.tensor)
}

/// The context and number of sequences that fit: the requested ones, or less where the cache is too small.
fn sized(request: &DeployRequest, memory: Memory) -> (u32, u32) {
    let context = request.context.min(request.model.context_max);
    let capacity = u32::try_from(memory.tokens).unwrap_or(u32::MAX);
    let context = if capacity >= context { context } else { capacity / 1024 * 1024 };
    (context, request.sequences.min((capacity / context.max(1)).max(1)))
}

/// Enables MTP where the request still fits: it costs the KV cache of the MTP layers.
fn with_mtp<'a>(
    request: &DeployRequest,
    inventory: &Inventory,
    choice: Choice<'a>,
    needed_tokens: u64,
) -> Choice<'a> {
    const MAX_SEQUENCES: u32 = 32;
    let native_fp8 = choice.variant.precision == "FP8" && inventory.gpu.fp8 && choice.shape.mtp_layers > 0;
    let tensor_only = choice.parallelism.pipeline == 1 && choice.parallelism.attention_data == 1;
    if !(choice.fits
        && native_fp8
        && tensor_only
        && !request.engine.reads_gguf()
        && choice.sequences <= MAX_SEQUENCES)
    {
        return choice;
    }
    let extra = u64::from(choice.shape.mtp_layers);
    let memory =
        memory(request.model, choice.variant, inventory.gpu.memory(), choice.parallelism, choice.kv, extra);
    if memory.tokens >= needed_tokens { Choice { use_mtp: true, memory, ..choice } } else { choice }
}

fn out_of_memory(model: &ModelFacts, variant: &Variant, inventory: &Inventory, memory: &Memory) -> Reason {
    // llama.cpp's engines use one host, however many there are.
    let hosts = if variant.is_gguf() { 1 } else { inventory.hosts };
    let gpus_per_host = u64::from(hosts * inventory.gpus_per_host);
    let all = gpus_per_host * inventory.gpu.memory();
    let code = if all < variant.size { ReasonCode::WeightsExceedMemory } else { ReasonCode::TooLittleLeft };
    Reason::new(code)
        .with("model", &model.name)
        .with("precision", &variant.precision)
        .with_bytes("files", variant.size)
        .with_bytes("memory", all)
        .with("cards", gpus_per_host)
        .with("card", inventory.gpu.label())
        .with("used", memory.gpus)
        .with_bytes("weights", memory.weights)
        .with_bytes("overhead", memory.overhead)
        .with_bytes("budget", memory.budget)
        .with("tokens", memory.tokens)
        .with("needed", SHORTEST_POOL)
}

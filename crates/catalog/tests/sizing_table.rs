//! Which GPUs hold which model: MLA cache sizes, supported data types, parallelism, and published tables.
//! Expected numbers are those of the vendors or follow from the model's published configuration.
use catalog::{
    Catalog, Defect, Demand, GpuSpec, KvCache, KvDtype, MissingDtype, ModelFacts, Parallelism, RowVerdict,
    Variant, csv, flagged_claims, memory, missing_dtype, table,
};

const GIB: f64 = (1u64 << 30) as f64;

fn model(id: &str) -> &'static ModelFacts {
    Catalog::builtin().model(id).unwrap()
}

fn variant<'a>(model: &'a ModelFacts, id: &str) -> &'a Variant {
    model.variants.iter().find(|variant| variant.id == id).unwrap()
}

fn gpu(label: &str) -> &'static GpuSpec {
    Catalog::builtin().gpu(label).unwrap_or_else(|| panic!("no card {label}"))
}

#[test]
fn the_latent_cache_is_seventy_times_smaller_than_keys_and_values() {
    let cache =
        |id: &str, tokens: u64| (model(id).cache.bytes_per_token(KvDtype::Bf16) * tokens) as f64 / GIB;
    assert!((cache("deepseek-v3", 163_840) - 10.72).abs() < 0.005);
    assert!((cache("deepseek-coder-v2-lite-instruct", 32_768) - 0.95).abs() < 0.005);
    // Engines that expand the latent would need 128 heads of 192 + 128 values; this is not counted here.
    let expanded = 61.0 * 128.0 * (192.0 + 128.0) * 2.0 * 163_840.0 / GIB;
    assert!((expanded - 762.5).abs() < 0.05, "{expanded}");
}

#[test]
fn every_gpu_is_found_by_its_names_and_has_its_capabilities() {
    let gpus = Catalog::builtin().gpus();
    assert!(gpus.len() >= 20);
    for known in gpus {
        assert_eq!(gpu(&known.label()), known);
        let capability = known.capability();
        assert_eq!(
            known.fp8,
            capability.map_or(known.is_instinct(), |number| number >= 8.9),
            "{}",
            known.name
        );
        let fp4 =
            capability.map_or(known.architecture == catalog::Architecture::Cdna4, |number| number >= 10.0);
        assert_eq!(known.fp4, fp4, "{}", known.name);
        // The reported size is near the nominal size.
        let share = known.memory() as f64 / (known.vram_gb as f64 * GIB);
        let lowest = if known.unified { 0.75 } else { 0.92 };
        assert!((lowest..=1.001).contains(&share), "{}: {share}", known.name);
        assert!(known.bandwidth_gbs > 100.0);
        // A computer has one card of unified memory, and so nothing that would link it to another.
        assert_eq!((known.link.is_none(), known.link_gbs == 0.0), (known.unified, known.unified));
    }
    for (text, label) in [
        ("H100-80G", "H100-80G"),
        ("h100", "H100-80G"),
        ("A100-40GB", "A100-40G"),
        ("A100-80G", "A100-80G"),
        ("H20-96G", "H20-96G"),
        ("NVIDIA RTX 4090", "RTX-4090-24G"),
        ("mi300x", "MI300X-192G"),
        ("T4", "T4-16G"),
        ("GB10", "GB10-128G"),
        ("DGX Spark", "GB10-128G"),
        ("Ryzen AI Max+ 395", "Radeon-8060S-128G"),
        ("NVIDIA B300", "B300-288G"),
        ("Apple M5 Max", "Apple-M5-Max-128G"),
        ("RTX PRO 5000", "RTX-PRO-5000-48G"),
        ("RTX PRO 5000 72GB", "RTX-PRO-5000-72G"),
    ] {
        assert_eq!(gpu(text).label(), label);
    }
    assert!(Catalog::builtin().gpu("H100-81G").is_none());
}

#[test]
fn fp8_asks_for_ada_or_instinct() {
    let fp8 = variant(model("deepseek-r1"), "fp8");
    assert_eq!(missing_dtype(gpu("A100-80G"), fp8), Some(MissingDtype::Fp8));
    for able in ["L40S", "H100", "MI300X", "B200"] {
        assert_eq!(missing_dtype(gpu(able), fp8), None);
    }
    // vLLM's Marlin kernels need Ampere, because older NVIDIA GPUs have no BF16.
    for (name, widened) in [
        ("A100-80G", true),
        ("RTX-3090", true),
        ("T4", false),
        ("V100", false),
        ("H100", false),
        ("RX-7900-XTX", false),
    ] {
        assert_eq!(catalog::has_marlin_fp8(gpu(name)), widened, "{name}");
    }
    assert_eq!(catalog::unsupported_dtype(gpu("A100-80G"), fp8), None);
    assert_eq!(catalog::unsupported_dtype(gpu("T4"), fp8), Some(MissingDtype::Fp8));
    assert_eq!(missing_dtype(gpu("T4"), variant(model("deepseek-r1"), "bf16")), Some(MissingDtype::Bf16));
    assert_eq!(missing_dtype(gpu("T4"), variant(model("deepseek-r1"), "q4_k_m")), None);
}

#[test]
fn eight_h20_leave_as_many_tokens_as_a_vendor_publishes_within_a_third() {
    let r1 = model("deepseek-r1");
    let all = Parallelism { tensor: 8, pipeline: 1, attention_data: 1 };
    let of = |parallelism, kv| memory(r1, variant(r1, "fp8"), gpu("H20").memory(), parallelism, kv, 0);
    let bf16 = of(all, KvDtype::Bf16);
    assert!((38_000..56_000).contains(&bf16.tokens), "{bf16:?}");
    // The latent is replicated: eight GPUs hold as many tokens as one.
    assert_eq!(bf16.token, r1.cache.bytes_per_token(KvDtype::Bf16));
    assert!(of(all, KvDtype::Fp8).tokens.abs_diff(bf16.tokens * 2) <= 1);
    // With DP attention each GPU holds all attention weights.
    let data = of(Parallelism { attention_data: 8, ..all }, KvDtype::Bf16);
    assert!(data.weights - bf16.weights > 10_000_000_000, "{data:?}");
    assert_eq!(data.tokens, 0);
    let roomy = |data| {
        let parallelism = Parallelism { attention_data: data, ..all };
        memory(r1, variant(r1, "fp8"), gpu("H200").memory(), parallelism, KvDtype::Bf16, 0).tokens
    };
    assert!(roomy(8) > roomy(1) * 5);
}

#[test]
fn parallelism_divides_heads_and_widths() {
    for model in Catalog::builtin().models() {
        let shape = model.shape.as_ref().unwrap();
        let attention = match model.cache {
            KvCache::Mla { .. } => true,
            // Not planned with DP attention, which would need the count.
            KvCache::Sparse { .. } => shape.attention_params == 0,
            KvCache::Gqa { layers, kv_heads, head_dim } => {
                // Query and output projections have all heads, key and value projections the KV heads.
                let inner = u64::from(shape.heads) * head_dim;
                let hidden = shape.attention_params / layers / (2 * inner + 2 * kv_heads * head_dim);
                shape.attention_params == layers * hidden * (2 * inner + 2 * kv_heads * head_dim)
            }
        };
        assert!(attention, "{}", model.id);
        for variant in &model.variants {
            for gpus in [1, 2, 4, 8, 16, 32] {
                if let Some(parallelism) = Parallelism::of(shape, &model.cache, variant, gpus) {
                    assert_eq!(
                        (parallelism.gpus(), shape.heads % parallelism.tensor),
                        (gpus, 0),
                        "{}",
                        model.id
                    );
                }
            }
        }
    }
    let of = |id: &str, part: &str, gpus| {
        let model = model(id);
        Parallelism::of(model.shape.as_ref().unwrap(), &model.cache, variant(model, part), gpus).unwrap()
    };
    assert_eq!(of("deepseek-r1", "fp8", 16).tensor, 16);
    // 1/32 of an expert is half a scaled block.
    assert_eq!((of("deepseek-r1", "fp8", 32).tensor, of("deepseek-r1", "bf16", 32).tensor), (16, 32));
    assert_eq!(
        of("deepseek-r1-distill-qwen-7b", "bf16", 8),
        Parallelism { tensor: 4, pipeline: 2, attention_data: 1 }
    );
}

#[test]
fn the_table_has_the_smallest_count_of_each_gpu() {
    let demand = Demand { context: 8192, sequences: 1, kv: KvDtype::Bf16 };
    let r1 = model("deepseek-r1");
    let rows = table(Catalog::builtin(), r1, demand);
    assert_eq!(rows.len(), r1.variants.len() * Catalog::builtin().gpus().len());
    let find = |label: &str, part: &str| {
        let row = rows.iter().find(|row| row.gpu.label() == label && row.variant.id == part).unwrap();
        (row.count, row.nodes, row.verdict)
    };
    assert_eq!(find("H100-80G", "fp8"), (16, 2, RowVerdict::Holds));
    assert_eq!(find("H200-141G", "fp8"), (8, 1, RowVerdict::Holds));
    assert_eq!(find("MI300X-192G", "fp8"), (4, 1, RowVerdict::Holds));
    assert_eq!(find("A100-80G", "fp8"), (16, 2, RowVerdict::Holds));
    assert_eq!(find("T4-16G", "fp8").2, RowVerdict::Unsupported(MissingDtype::Fp8));
    assert_eq!(find("A100-80G", "q4_k_m"), (8, 1, RowVerdict::Holds));
    assert_eq!(find("RTX-3050-8G", "bf16").2, RowVerdict::TooSmall);
    let text = csv(r1, &rows);
    assert_eq!(text.lines().count(), rows.len() + 1);
    assert!(text.starts_with("model,precision,weights_bytes,card,"), "{text}");
    assert!(text.contains("DeepSeek-R1,FP8,688600000000,H100-80G,Nvidia,85520809984,16,2,16,1,"), "{text}");
}

#[test]
fn other_peoples_tables_are_flagged_only_where_they_cannot_be_true() {
    let of = |id: &str| flagged_claims(model(id));
    let says = |id: &str, gpu: &str| {
        of(id).into_iter().find(|flag| flag.claim.gpu.as_deref() == Some(gpu)).map(|flag| flag.defect)
    };
    // 8 × 80 GB are less than the 689 GB of files.
    assert!(matches!(says("deepseek-r1", "A100-80G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1", "H100-80G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1-distill-llama-70b", "RTX-4090-24G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1-distill-qwen-32b", "A100-40G"), Some(Defect::TooSmall(_))));
    assert_eq!(of("deepseek-r1").iter().filter(|flag| flag.defect == Defect::LessThanFiles).count(), 2);
    // The pages of SGLang and Alibaba are right.
    assert_eq!(of("deepseek-v3"), []);
    for claim in catalog::Claim::all() {
        let model = model(&claim.model);
        variant(model, &claim.variant);
        claim.gpu.as_deref().map(gpu);
    }
}

#[test]
fn experts_are_whole_and_their_share_agrees_with_the_active_parameters() {
    for model in Catalog::builtin().models() {
        let shape = model.shape.as_ref().unwrap();
        if shape.experts == 0 {
            assert_eq!((shape.expert_params, model.expert_bytes(1 << 40)), (0, 0), "{}", model.id);
            continue;
        }
        // Three matrices per expert in every layer.
        let Some(width) = shape.widths.last().copied().map(u64::from) else {
            assert_eq!((shape.expert_params, model.embedded), (0, false), "{}", model.id);
            continue;
        };
        assert_eq!(shape.expert_params % (3 * width * u64::from(shape.experts)), 0, "{}", model.id);
        if model.family == catalog::FamilyKind::Guide {
            continue;
        }
        // The inactive parameters are those of unselected experts. Published counts are rounded and exclude
        // the embedding from the active parameters.
        let rest = (model.params_total - model.params_active) as f64;
        let chosen = 1.0 - rest / shape.expert_params as f64;
        let count = chosen * f64::from(shape.experts);
        assert!((1.0..10.0).contains(&count), "{}: {count} experts of {} a token", model.id, shape.experts);
    }
    let r1 = model("deepseek-r1");
    let gb = r1.expert_bytes(688_600_000_000) / 1_000_000_000;
    assert!((660..675).contains(&gb), "{gb}");
}

#[test]
fn memory_that_is_shared_is_counted_once() {
    let demand = Demand { context: 8192, sequences: 1, kv: KvDtype::Bf16 };
    let llama = model("deepseek-r1-distill-llama-70b");
    let rows = table(Catalog::builtin(), llama, demand);
    let of = |label: &str, part: &str| {
        let row = rows.iter().find(|row| row.gpu.label() == label && row.variant.id == part).unwrap();
        (row.count, row.nodes, row.verdict)
    };
    assert_eq!(of("GB10-128G", "q8_0"), (1, 1, RowVerdict::Holds));
    // A second computer, because the first has no second card.
    assert_eq!(of("GB10-128G", "bf16"), (2, 2, RowVerdict::Holds));
    // 141.1 GB of files on a computer of 128 GB, of which a GGUF would use one only.
    assert_eq!(of("Radeon-8060S-128G", "q4_k_m"), (1, 1, RowVerdict::Holds));
    for card in Catalog::builtin().gpus().iter().filter(|gpu| gpu.unified) {
        assert!(card.memory() < card.vram_gb << 30, "{}: its computer keeps a part", card.name);
        assert_eq!(card.most_per_host(), 1);
    }
}

#[test]
fn a_given_count_of_gpus_holds_what_it_holds() {
    let r1 = model("deepseek-r1");
    let demand = Demand { context: 8192, sequences: 1, kv: KvDtype::Bf16 };
    let of = |part: &str, label: &str, nodes, count| {
        catalog::row_for(r1, variant(r1, part), gpu(label), (nodes, count), demand).map(|row| row.verdict)
    };
    assert_eq!(of("fp8", "H100-80G", 1, 8), Some(RowVerdict::TooSmall));
    assert_eq!(of("fp8", "H100-80G", 2, 16), Some(RowVerdict::Holds));
    assert_eq!(of("fp8", "A100-80G", 2, 16), Some(RowVerdict::Holds));
    assert_eq!(of("fp8", "V100-32G", 4, 32), Some(RowVerdict::Unsupported(MissingDtype::Fp8)));
    assert_eq!(of("q4_k_m", "H100-80G", 1, 6), Some(RowVerdict::Holds));
    // GGUF files use one host, and every GPU needs at least one layer.
    assert_eq!(of("q4_k_m", "H100-80G", 2, 16), None);
    assert_eq!(of("q4_k_m", "H200-141G", 1, 62), None);
}

#[test]
fn several_conversations_take_several_caches() {
    use hardware::{Cpu, Disk, Snapshot};
    let snapshot = Snapshot {
        os: "Linux".into(),
        cpu: Cpu::default(),
        ram_total: 64 << 30,
        ram_available: 64 << 30,
        gpus: Vec::new(),
        gpu_problem: None,
        disk: Disk { models_dir: "/".into(), total: 0, free: 0 },
        memory_bandwidth: None,
    };
    let qwen = model("deepseek-r1-distill-qwen-14b");
    let of = |sequences| {
        let spec = catalog::Spec { variant: "q4_k_m".into(), context: 16_384, sequences, kv: KvDtype::Bf16 };
        catalog::fit(&snapshot, catalog::Devices::AUTO, qwen, &spec)
    };
    let (one, four, many) = (of(1), of(4), of(64));
    assert_eq!((one.context, four.context), (16_384, 16_384));
    assert_eq!(four.kv, one.kv * 4);
    assert!(many.context < 16_384 && many.kv <= many.available, "{many:?}");
}

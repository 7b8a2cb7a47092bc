//! Which cards hold which model: the arithmetic of latent caches, gates, divisions and other people's tables.
use catalog::{
    Cache, Card, Catalog, Defect, Demand, Division, Gate, KvDtype, ModelFacts, RowVerdict, Variant, csv,
    flagged, gate, memory, table,
};

const GIB: f64 = (1u64 << 30) as f64;

fn model(id: &str) -> &'static ModelFacts {
    Catalog::builtin().model(id).unwrap()
}

fn variant<'a>(model: &'a ModelFacts, id: &str) -> &'a Variant {
    model.variants.iter().find(|variant| variant.id == id).unwrap()
}

fn card(label: &str) -> &'static Card {
    Catalog::builtin().card(label).unwrap_or_else(|| panic!("no card {label}"))
}

#[test]
fn the_latent_cache_is_seventy_times_smaller_than_keys_and_values() {
    let cache =
        |id: &str, tokens: u64| (model(id).cache.bytes_per_token(KvDtype::Bf16) * tokens) as f64 / GIB;
    assert!((cache("deepseek-v3", 163_840) - 10.72).abs() < 0.005);
    assert!((cache("deepseek-coder-v2-lite-instruct", 32_768) - 0.95).abs() < 0.005);
    // What engines that expand the latent would need: 128 heads of 192 + 128 numbers, which is not what we count.
    let expanded = 61.0 * 128.0 * (192.0 + 128.0) * 2.0 * 163_840.0 / GIB;
    assert!((expanded - 762.5).abs() < 0.05, "{expanded}");
}

#[test]
fn every_card_is_found_by_what_people_call_it_and_has_its_abilities() {
    let cards = Catalog::builtin().cards();
    assert!(cards.len() >= 20);
    for known in cards {
        assert_eq!(card(&known.label()), known);
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
        // What the driver reports stays near the name.
        let share = known.memory() as f64 / (known.vram_gb as f64 * GIB);
        assert!((0.92..=1.001).contains(&share), "{}: {share}", known.name);
        assert!(known.bandwidth_gbs > 100.0 && known.link_gbs > 0.0);
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
    ] {
        assert_eq!(card(text).label(), label);
    }
    assert!(Catalog::builtin().card("H100-81G").is_none());
}

#[test]
fn fp8_asks_for_ada_or_instinct() {
    let fp8 = variant(model("deepseek-r1"), "fp8");
    assert_eq!(gate(card("A100-80G"), fp8), Some(Gate::Fp8));
    for able in ["L40S", "H100", "MI300X", "B200"] {
        assert_eq!(gate(card(able), fp8), None);
    }
    // By vLLM, which widens them: a fact of an engine on a card. NVIDIA's cards before Ampere have no BF16 to widen to.
    for (name, widened) in [
        ("A100-80G", true),
        ("RTX-3090", true),
        ("T4", false),
        ("V100", false),
        ("H100", false),
        ("RX-7900-XTX", false),
    ] {
        assert_eq!(catalog::widens_fp8(card(name)), widened, "{name}");
    }
    assert_eq!(catalog::lacks(card("A100-80G"), fp8), None);
    assert_eq!(catalog::lacks(card("T4"), fp8), Some(Gate::Fp8));
    assert_eq!(gate(card("T4"), variant(model("deepseek-r1"), "bf16")), Some(Gate::Bf16));
    assert_eq!(gate(card("T4"), variant(model("deepseek-r1"), "q4_k_m")), None);
}

#[test]
fn eight_h20_leave_as_many_tokens_as_a_vendor_publishes_within_a_third() {
    let r1 = model("deepseek-r1");
    let all = Division { tensor: 8, pipeline: 1, attention_data: 1 };
    let of = |division, kv| memory(r1, variant(r1, "fp8"), card("H20").memory(), division, kv, 0);
    let bf16 = of(all, KvDtype::Bf16);
    assert!((38_000..56_000).contains(&bf16.tokens), "{bf16:?}");
    // Replicated: eight cards hold as many tokens as one would.
    assert_eq!(bf16.token, r1.cache.bytes_per_token(KvDtype::Bf16));
    assert!(of(all, KvDtype::Fp8).tokens.abs_diff(bf16.tokens * 2) <= 1);
    // Caches of their own cost each card the attention weights it did not hold before.
    let data = of(Division { attention_data: 8, ..all }, KvDtype::Bf16);
    assert!(data.weights - bf16.weights > 10_000_000_000, "{data:?}");
    assert_eq!(data.tokens, 0);
    let roomy = |data| {
        let division = Division { attention_data: data, ..all };
        memory(r1, variant(r1, "fp8"), card("H200").memory(), division, KvDtype::Bf16, 0).tokens
    };
    assert!(roomy(8) > roomy(1) * 5);
}

#[test]
fn divisions_divide() {
    for model in Catalog::builtin().models() {
        let shape = model.shape.as_ref().unwrap();
        let attention = match model.cache {
            Cache::Latent { .. } => true,
            Cache::Heads { layers, kv_heads, head_dim } => {
                // Query and output at full width, keys and values as they are cached.
                let inner = u64::from(shape.heads) * head_dim;
                let hidden = shape.attention_params / layers / (2 * inner + 2 * kv_heads * head_dim);
                shape.attention_params == layers * hidden * (2 * inner + 2 * kv_heads * head_dim)
            }
        };
        assert!(attention, "{}", model.id);
        for variant in &model.variants {
            for cards in [1, 2, 4, 8, 16, 32] {
                if let Some(division) = Division::of(shape, &model.cache, variant, cards) {
                    assert_eq!((division.cards(), shape.heads % division.tensor), (cards, 0), "{}", model.id);
                }
            }
        }
    }
    let of = |id: &str, part: &str, cards| {
        let model = model(id);
        Division::of(model.shape.as_ref().unwrap(), &model.cache, variant(model, part), cards).unwrap()
    };
    assert_eq!(of("deepseek-r1", "fp8", 16).tensor, 16);
    // A thirty-second of an expert is half a block of scales.
    assert_eq!((of("deepseek-r1", "fp8", 32).tensor, of("deepseek-r1", "bf16", 32).tensor), (16, 32));
    assert_eq!(
        of("deepseek-r1-distill-qwen-7b", "bf16", 8),
        Division { tensor: 4, pipeline: 2, attention_data: 1 }
    );
}

#[test]
fn the_table_tells_the_smallest_count_of_each_card() {
    let demand = Demand { context: 8192, sequences: 1, kv: KvDtype::Bf16 };
    let r1 = model("deepseek-r1");
    let rows = table(Catalog::builtin(), r1, demand);
    assert_eq!(rows.len(), r1.variants.len() * Catalog::builtin().cards().len());
    let find = |label: &str, part: &str| {
        let row = rows.iter().find(|row| row.card.label() == label && row.variant.id == part).unwrap();
        (row.count, row.nodes, row.verdict)
    };
    assert_eq!(find("H100-80G", "fp8"), (16, 2, RowVerdict::Holds));
    assert_eq!(find("H200-141G", "fp8"), (8, 1, RowVerdict::Holds));
    assert_eq!(find("MI300X-192G", "fp8"), (4, 1, RowVerdict::Holds));
    assert_eq!(find("A100-80G", "fp8"), (16, 2, RowVerdict::Holds));
    assert_eq!(find("T4-16G", "fp8").2, RowVerdict::Lacks(Gate::Fp8));
    assert_eq!(find("A100-80G", "q4_k_m"), (8, 1, RowVerdict::Holds));
    assert_eq!(find("RTX-3050-8G", "bf16").2, RowVerdict::TooSmall);
    let text = csv(r1, &rows);
    assert_eq!(text.lines().count(), rows.len() + 1);
    assert!(text.starts_with("model,precision,weights_bytes,card,"), "{text}");
    assert!(text.contains("DeepSeek-R1,FP8,688600000000,H100-80G,Nvidia,85520809984,16,2,16,1,"), "{text}");
}

#[test]
fn other_peoples_tables_are_flagged_only_where_they_cannot_be_true() {
    let of = |id: &str| flagged(model(id));
    let says = |id: &str, card: &str| {
        of(id).into_iter().find(|flag| flag.claim.card.as_deref() == Some(card)).map(|flag| flag.defect)
    };
    // 8 × 80 GB are less than 689 GB of files, whatever computes them.
    assert!(matches!(says("deepseek-r1", "A100-80G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1", "H100-80G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1-distill-llama-70b", "RTX-4090-24G"), Some(Defect::TooSmall(_))));
    assert!(matches!(says("deepseek-r1-distill-qwen-32b", "A100-40G"), Some(Defect::TooSmall(_))));
    assert_eq!(of("deepseek-r1").iter().filter(|flag| flag.defect == Defect::LessThanFiles).count(), 2);
    // SGLang's own page and Alibaba's are right.
    assert_eq!(of("deepseek-v3"), []);
    for claim in catalog::Claim::all() {
        let model = model(&claim.model);
        variant(model, &claim.variant);
        claim.card.as_deref().map(card);
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
        // Three matrices of an expert's width, in every expert of every layer.
        let width = u64::from(*shape.widths.last().unwrap());
        assert_eq!(shape.expert_params % (3 * width * u64::from(shape.experts)), 0, "{}", model.id);
        if model.family == catalog::FamilyKind::Guide {
            continue;
        }
        // What rests while a token is computed is what the experts that were not chosen hold; makers round, and leave
        // the table of words out of what is active.
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
fn exactly_so_many_cards_hold_what_they_hold() {
    let r1 = model("deepseek-r1");
    let demand = Demand { context: 8192, sequences: 1, kv: KvDtype::Bf16 };
    let of = |part: &str, label: &str, nodes, count| {
        catalog::held(r1, variant(r1, part), card(label), (nodes, count), demand).map(|row| row.verdict)
    };
    assert_eq!(of("fp8", "H100-80G", 1, 8), Some(RowVerdict::TooSmall));
    assert_eq!(of("fp8", "H100-80G", 2, 16), Some(RowVerdict::Holds));
    assert_eq!(of("fp8", "A100-80G", 2, 16), Some(RowVerdict::Holds));
    assert_eq!(of("fp8", "V100-32G", 4, 32), Some(RowVerdict::Lacks(Gate::Fp8)));
    assert_eq!(of("q4_k_m", "H100-80G", 1, 6), Some(RowVerdict::Holds));
    // llama.cpp's files stay in one machine, and every card gets a layer.
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
        catalog::fit(&snapshot, catalog::Devices::ALL, qwen, &spec)
    };
    let (one, four, many) = (of(1), of(4), of(64));
    assert_eq!((one.context, four.context), (16_384, 16_384));
    assert_eq!(four.kv, one.kv * 4);
    assert!(many.context < 16_384 && many.kv <= many.available, "{many:?}");
}

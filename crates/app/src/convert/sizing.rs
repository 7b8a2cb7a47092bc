//! Rows of the GPU table, and published claims about hardware needs, as views of the contract.
//! Memory is in bytes of one GPU; the routed experts are shown apart from the other weights.
use catalog::{Catalog, Defect, Demand, FlaggedClaim, MissingDtype, ModelFacts, Row, RowVerdict};
use contract::{CardsVerdict, CardsView, ClaimDefect, ClaimView};
use plan::{Engine, Inventory};

pub(crate) fn cards_view(model: &ModelFacts, row: &Row, demand: Demand) -> CardsView {
    let inventory =
        Inventory { hosts: row.nodes, gpus_per_host: row.count.div_ceil(row.nodes), gpu: row.gpu.clone() };
    let experts = model.expert_bytes(row.memory.weights);
    CardsView {
        machines: inventory.label(),
        card: row.gpu.label(),
        vendor: match row.gpu.vendor {
            catalog::Vendor::Nvidia => "NVIDIA",
            catalog::Vendor::Amd => "AMD",
            catalog::Vendor::Apple => "Apple",
        }
        .to_owned(),
        count: row.count,
        nodes: row.nodes,
        tensor: row.parallelism.tensor,
        pipeline: row.parallelism.pipeline,
        verdict: match row.verdict {
            RowVerdict::Holds => CardsVerdict::Holds,
            RowVerdict::ShortContext => CardsVerdict::ShortContext,
            RowVerdict::TooSmall => CardsVerdict::TooSmall,
            RowVerdict::Unsupported(MissingDtype::Fp8) => CardsVerdict::NoFp8,
            RowVerdict::Unsupported(MissingDtype::Fp4) => CardsVerdict::NoFp4,
            RowVerdict::Unsupported(MissingDtype::Bf16) => CardsVerdict::NoBf16,
        },
        only: catalog::missing_dtype(row.gpu, row.variant)
            .filter(|gate| *gate == MissingDtype::Fp8 && catalog::has_marlin_fp8(row.gpu))
            .map(|_| Engine::Vllm.name().to_owned()),
        memory: row.gpu.memory() as f64,
        budget: row.memory.budget as f64,
        weights: (row.memory.weights - experts) as f64,
        experts: experts as f64,
        overhead: row.memory.overhead as f64,
        kv: (row.memory.token * demand.tokens(model)) as f64,
        tokens: row.memory.tokens as f64,
    }
}

pub(crate) fn claim_view(model: &ModelFacts, flag: &FlaggedClaim) -> ClaimView {
    let claim = flag.claim;
    let variant = model.variants.iter().find(|variant| variant.id == claim.variant);
    let card = claim.gpu.as_deref().and_then(|card| Catalog::builtin().gpu(card));
    let all = card.map_or(0, |card| card.memory() * u64::from(claim.count));
    let tokens = match &flag.defect {
        Defect::TooSmall(memory) => memory.tokens,
        _ => 0,
    };
    ClaimView {
        source: claim.source.clone(),
        precision: variant.map(|variant| variant.precision.clone()).unwrap_or_default(),
        size: variant.map_or(0, |variant| variant.size) as f64,
        machines: card.map(|card| format!("{}x{}", claim.count, card.label())),
        claimed: claim.gb.map_or(all, |gb| gb * 1_000_000_000) as f64,
        defect: match flag.defect {
            Defect::Unsupported(MissingDtype::Fp8) => ClaimDefect::NoFp8,
            Defect::Unsupported(MissingDtype::Fp4) => ClaimDefect::NoFp4,
            Defect::Unsupported(MissingDtype::Bf16) => ClaimDefect::NoBf16,
            Defect::TooSmall(_) => ClaimDefect::TooSmall,
            Defect::LessThanFiles => ClaimDefect::LessThanFiles,
        },
        tokens: tokens as f64,
    }
}

//! Rows of the GPU table, and published claims about hardware needs, as views of the contract.
use catalog::{Catalog, Defect, Demand, Flagged, Gate, ModelFacts, Row, RowVerdict};
use contract::{CardsVerdict, CardsView, ClaimDefect, ClaimView};
use deploy::plan::{Engine, Inventory};

pub(crate) fn cards_view(model: &ModelFacts, row: &Row, demand: Demand) -> CardsView {
    let inventory =
        Inventory { hosts: row.nodes, gpus_per_host: row.count.div_ceil(row.nodes), gpu: row.card.clone() };
    let experts = model.expert_bytes(row.memory.weights);
    CardsView {
        machines: inventory.label(),
        card: row.card.label(),
        vendor: match row.card.vendor {
            catalog::Vendor::Nvidia => "NVIDIA",
            catalog::Vendor::Amd => "AMD",
        }
        .to_owned(),
        count: row.count,
        nodes: row.nodes,
        tensor: row.division.tensor,
        pipeline: row.division.pipeline,
        verdict: match row.verdict {
            RowVerdict::Holds => CardsVerdict::Holds,
            RowVerdict::ShortContext => CardsVerdict::ShortContext,
            RowVerdict::TooSmall => CardsVerdict::TooSmall,
            RowVerdict::Lacks(Gate::Fp8) => CardsVerdict::NoFp8,
            RowVerdict::Lacks(Gate::Fp4) => CardsVerdict::NoFp4,
            RowVerdict::Lacks(Gate::Bf16) => CardsVerdict::NoBf16,
        },
        only: catalog::gate(row.card, row.variant)
            .filter(|gate| *gate == Gate::Fp8 && catalog::widens_fp8(row.card))
            .map(|_| Engine::Vllm.name().to_owned()),
        memory: row.card.memory() as f64,
        budget: row.memory.budget as f64,
        weights: (row.memory.weights - experts) as f64,
        experts: experts as f64,
        overhead: row.memory.overhead as f64,
        kv: (row.memory.token * demand.tokens(model)) as f64,
        tokens: row.memory.tokens as f64,
    }
}

pub(crate) fn claim_view(model: &ModelFacts, flag: &Flagged) -> ClaimView {
    let claim = flag.claim;
    let variant = model.variants.iter().find(|variant| variant.id == claim.variant);
    let card = claim.card.as_deref().and_then(|card| Catalog::builtin().card(card));
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
            Defect::Lacks(Gate::Fp8) => ClaimDefect::NoFp8,
            Defect::Lacks(Gate::Fp4) => ClaimDefect::NoFp4,
            Defect::Lacks(Gate::Bf16) => ClaimDefect::NoBf16,
            Defect::TooSmall(_) => ClaimDefect::TooSmall,
            Defect::LessThanFiles => ClaimDefect::LessThanFiles,
        },
        tokens: tokens as f64,
    }
}

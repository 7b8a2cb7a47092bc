//! What tables on the network say a model needs, held against the arithmetic. Only what differs is told.
use std::sync::LazyLock;

use serde::Deserialize;

use crate::memory::{Division, Memory, SHORTEST_POOL, lacks, memory};
use crate::{Catalog, KvDtype, ModelFacts};

/// One cell of somebody's table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Where it is said.
    pub source: String,
    pub model: String,
    /// Id of the variant that the claim speaks of.
    pub variant: String,
    /// "H100-80G"; none when only an amount is claimed.
    pub card: Option<String>,
    #[serde(default)]
    pub count: u32,
    /// Of disk or graphics memory, in GB.
    pub gb: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Defect {
    /// The cards do not compute with these numbers at all.
    Lacks(crate::Gate),
    /// The cards do not hold the weights and the shortest conversation.
    TooSmall(Memory),
    /// The amount is less than the files alone.
    LessThanFiles,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Flagged<'a> {
    pub claim: &'a Claim,
    pub defect: Defect,
}

#[derive(Debug, Deserialize)]
struct Claims {
    claim: Vec<Claim>,
}

static CLAIMS: LazyLock<Vec<Claim>> = LazyLock::new(|| {
    let claims: Claims = toml::from_str(include_str!("../../../assets/catalog/published.toml"))
        .expect("published.toml is part of the program and tested");
    claims.claim
});

/// The claims about a model that cannot be true.
pub fn flagged(model: &ModelFacts) -> Vec<Flagged<'static>> {
    let about = CLAIMS.iter().filter(|claim| claim.model == model.id);
    about.filter_map(|claim| defect(model, claim).map(|defect| Flagged { claim, defect })).collect()
}

impl Claim {
    pub fn all() -> &'static [Self] {
        &CLAIMS
    }
}

fn defect(model: &ModelFacts, claim: &Claim) -> Option<Defect> {
    let variant = model.variants.iter().find(|variant| variant.id == claim.variant)?;
    if claim.gb.is_some_and(|gb| gb * 1_000_000_000 < variant.size) {
        return Some(Defect::LessThanFiles);
    }
    let card = Catalog::builtin().card(claim.card.as_deref()?)?;
    if let Some(lack) = lacks(card, variant) {
        return Some(Defect::Lacks(lack));
    }
    let division = if variant.is_gguf() {
        Division::by_layers(claim.count)
    } else {
        Division::of(model.shape.as_ref()?, &model.cache, variant, claim.count)?
    };
    let memory = memory(model, variant, card.memory(), division, KvDtype::Bf16, 0);
    (memory.tokens < SHORTEST_POOL).then_some(Defect::TooSmall(memory))
}

//! Checks published hardware requirements against the memory computation and reports the wrong ones. The
//! claims are the tables in assets/catalog/published.toml; amounts are in GB of a billion bytes. A claim is
//! flagged only if it cannot be true: a missing data type, too little memory, or less than the files.
use std::sync::LazyLock;

use serde::Deserialize;

use crate::memory::{Memory, Parallelism, SHORTEST_POOL, memory, unsupported_dtype};
use crate::{Catalog, KvDtype, ModelFacts};

/// One cell of a published table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// URL or title of the table.
    pub source: String,
    pub model: String,
    /// Id of the variant.
    pub variant: String,
    /// A GPU such as "H100-80G"; `None` if only an amount is claimed.
    #[serde(rename = "card")]
    pub gpu: Option<String>,
    #[serde(default)]
    pub count: u32,
    /// Disk space or GPU memory, in GB.
    pub gb: Option<u64>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Defect {
    /// The GPUs do not support the data type.
    Unsupported(crate::MissingDtype),
    /// The GPUs cannot hold the weights and the smallest KV cache.
    TooSmall(Memory),
    /// The amount is less than the file size.
    LessThanFiles,
}

#[derive(Debug, Clone, PartialEq)]
pub struct FlaggedClaim<'a> {
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

/// The claims about a model that are wrong.
pub fn flagged_claims(model: &ModelFacts) -> Vec<FlaggedClaim<'static>> {
    let about = CLAIMS.iter().filter(|claim| claim.model == model.id);
    about.filter_map(|claim| defect(model, claim).map(|defect| FlaggedClaim { claim, defect })).collect()
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
    let gpu = Catalog::builtin().gpu(claim.gpu.as_deref()?)?;
    if let Some(lack) = unsupported_dtype(gpu, variant) {
        return Some(Defect::Unsupported(lack));
    }
    let parallelism = if variant.is_gguf() {
        Parallelism::pipeline_only(claim.count)
    } else {
        Parallelism::of(model.shape.as_ref()?, &model.cache, variant, claim.count)?
    };
    let memory = memory(model, variant, gpu.memory(), parallelism, KvDtype::Bf16, 0);
    (memory.tokens < SHORTEST_POOL).then_some(Defect::TooSmall(memory))
}

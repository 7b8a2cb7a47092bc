//! The catalogue of DeepSeek models and GPUs, memory requirements, and what fits a computer.
//! The data come from assets/catalog; the functions are pure. Knows no network and no engine.

mod card_fit;
mod claims;
mod devices;
mod facts;
mod fit;
mod fit_reason;
mod gpu_lookup;
mod gpu_spec;
mod identity;
mod memory;
mod recommend;
mod sizing_table;
mod upgrade;
mod verdict;

pub use card_fit::{CARD_WITHOUT, card_available, padded};
pub use claims::{Claim, Defect, FlaggedClaim, flagged_claims};
pub use devices::{Card, Devices, IdleGpus, IdleReason, OLDEST_CUDA, short_name};
pub use facts::{
    Catalog, FamilyKind, KvCache, KvDtype, ModelFacts, Preset, Sampling, Sentence, Shape, Variant, presets,
};
pub use fit::{DEFAULT_CONTEXT, best_fit, fit};
pub use fit_reason::{FitReason, MemoryKind};
pub use gpu_spec::{Architecture, GpuSpec, Link, Vendor};
pub use memory::{
    BUDGET_PERCENT, Memory, MissingDtype, OVERHEAD_PER_GPU, Parallelism, SHORTEST_POOL, has_marlin_fp8,
    memory, missing_dtype, unsupported_dtype,
};
pub use recommend::{Limit, Location, Recommendation, RecommendationReason, recommend};
pub use sizing_table::{Demand, Row, Verdict as RowVerdict, csv, row_for, table};
pub use upgrade::Upgrade;
pub use verdict::{CardShortage, ComputeDevice, Fit, Spec, Verdict, usable_ram};

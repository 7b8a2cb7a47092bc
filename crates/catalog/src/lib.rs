//! Which DeepSeek models there are, what they need, and what therefore fits a machine.
//! Facts come from assets/catalog; the arithmetic is pure. Knows no network and no engine.

mod cards;
mod devices;
mod facts;
mod fit;
mod memory;
mod published;
mod recommend;
mod table;
pub mod units;
mod upgrade;

pub use cards::{Architecture, Card, Link, Vendor};
pub use devices::Devices;
pub use facts::{
    Cache, Catalog, FamilyKind, KvDtype, ModelFacts, Preset, Sampling, Sentence, Shape, Variant, presets,
};
pub use fit::{Fit, Place, Spec, Verdict, best_fit, fit};
pub use memory::{
    BUDGET_PERCENT, CARD_OVERHEAD, Division, Gate, Memory, SHORTEST_POOL, gate, lacks, memory, widens_fp8,
};
pub use published::{Claim, Defect, Flagged, flagged};
pub use recommend::{DEFAULT_CONTEXT, Recommendation, recommend};
pub use table::{Demand, Row, Verdict as RowVerdict, csv, held, table};

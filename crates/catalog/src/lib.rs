//! Which DeepSeek models there are, what they need, and what therefore fits a machine.
//! Facts come from assets/catalog; the arithmetic is pure. Knows no network and no engine.

mod facts;
mod fit;
mod recommend;

pub use facts::{
    Cache, Card, Catalog, FamilyKind, KvDtype, ModelFacts, Preset, Sampling, Sentence, Variant, presets,
};
pub use fit::{Fit, Place, Spec, Verdict, best_fit, fit};
pub use recommend::{DEFAULT_CONTEXT, Recommendation, recommend};

//! The inference engine: continuous batching over a paged KV cache with prefix caching and speculative
//! decoding, on one thread. A [`Request`] has tokens, and its [`Event`]s have tokens.
//!
//! Knows nothing of text, HTTP or JSON. Stop strings and reasoning belong to `text`.

mod admit;
mod cache;
mod cancel;
mod draft;
mod engine;
mod options;
mod queue;
mod recover;
mod request;
mod routing;
mod runner;
mod sampler;
mod scheduler;
mod sequence;
mod stats;

pub use cache::spill::{Spill, SpillError};
pub use cancel::CancelHandle;
pub use draft::Speculation;
pub use engine::Engine;
pub use options::EngineOptions;
pub use request::{
    Constraint, DistributionRequest, DraftPause, DraftStats, DrafterKind, EmbedSpan, EngineError, Event,
    FinishReason, Metrics, PrefillProgress, Request, Sampling, StartError, SubmitError, Timings,
    TokenLogprob, TokenTrace,
};
pub use routing::{RoutedLayers, Routing, TokenRouting};
pub use sampler::{DraftToken, SampledToken, Sampler};
pub use sequence::Sink;
pub use stats::SequenceUse;

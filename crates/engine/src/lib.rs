//! Tokens in, tokens out. Five nouns on one thread: sequence, schedule (queue and runner), pages, drafts, sampler.
//!
//! Knows nothing of text, of HTTP, or of JSON. Stop strings and reasoning belong to `text`.

mod cache;
mod draft;
mod engine;
mod queue;
mod request;
mod routing;
mod runner;
mod sampler;
mod sequence;

pub use cache::spill::{Spill, SpillError};
pub use draft::Speculation;
pub use engine::{Engine, EngineOptions};
pub use queue::Cancelled;
pub use request::{
    Constraint, DrafterKind, Drafts, EngineError, Event, FinishReason, Metrics, Request, Sampling, Span,
    StartError, SubmitError, Timings, TokenLogprob,
};
pub use routing::{Routing, TokenRouting};
pub use sequence::Sink;

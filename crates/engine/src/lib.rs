//! Tokens in, tokens out. Five nouns on one thread: sequence, scheduler, pages, drafts, sampler.
//!
//! Knows nothing of text, of HTTP, or of JSON. Stop strings and reasoning belong to `text`.

mod admit;
mod cache;
mod cancel;
mod draft;
mod engine;
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
pub use engine::{Engine, EngineOptions};
pub use request::{
    Constraint, DrafterKind, Drafts, EngineError, Event, FinishReason, Metrics, Request, Sampling, Span,
    StartError, SubmitError, Timings, TokenLogprob,
};
pub use routing::{Routing, TokenRouting};
pub use sequence::Sink;

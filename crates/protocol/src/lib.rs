//! What the app and its worker process exchange, declared once for both sides: flags, JSON lines, HTTP
//! bodies, shared files and error codes. A field that changes on one side fails to compile on the other.
//!
//! Holds types and their serialised form only. Knows nothing of HTTP, processes, models or the user
//! interface.

mod access_log;
pub mod anthropic;
mod api_error_code;
mod api_keys;
mod document;
mod error_code;
mod explain_api;
mod extension;
pub mod extract_limits;
pub mod metric;
mod model_ref;
pub mod openai;
mod place;
pub mod responses;
mod text_or_list;
mod units;
mod worker_api;
mod worker_args;
mod worker_failure;
mod worker_line;

pub use access_log::AccessLogEntry;
pub use api_error_code::ApiErrorCode;
pub use api_keys::{ApiKey, ApiKeyFile};
pub use document::{DocumentKind, DocumentPage, ExtractedDocument};
pub use error_code::ErrorCode;
pub use explain_api::{
    AllExpertsReport, AllExpertsRequest, Fp8Report, MeasuredAnswer, NextTokenReport, NextTokenRequest,
    ParameterCount, PromptRoutingReport, PromptRoutingRequest, TokenProbability,
};
pub use extension::{
    AnswerExtension, DraftPause, DraftStats, Drafter, ExpertLayers, Grounding, PromptSize, Timings,
    TokenTrace, Unfinished, VisionProgress,
};
pub use model_ref::ModelRef;
pub use place::{CardRefusal, PlaceChoice, WorkerPlace};
pub use text_or_list::TextOrList;
pub use units::{Bytes, Tokens};
pub use worker_api::{
    BuffersMemory, CacheMemory, HealthStatus, LayerRouting, MemoryReport, PlannedMemory, ProcessMemory,
    RoutingReport, SequenceMemory, TokenRouting, TokenizeResponse, WeightMemory,
};
pub use worker_args::{
    ActivationDtype, CacheDtype, DEFAULT_HOST, DEFAULT_SEQUENCES, ExtractArgs, InspectArgs, SpeculationMode,
    WeightDtype, WorkerArgs,
};
pub use worker_failure::{ReportedCode, WorkerFailure};
pub use worker_line::WorkerLine;

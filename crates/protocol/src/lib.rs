//! What the app and its worker process exchange, declared once for both sides: flags, JSON lines, HTTP bodies, shared files
//! and error codes. A field that changes on one side fails to compile on the other.
//!
//! Holds types and their serialised form only. Knows nothing of HTTP, processes, models or the user interface.

mod api_error_code;
mod error_code;
mod worker_args;
mod worker_line;

pub use api_error_code::ApiErrorCode;
pub use error_code::ErrorCode;
pub use worker_args::{CacheDtype, DEFAULT_HOST, InspectArgs, SpeculationMode, WeightDtype, WorkerArgs};
pub use worker_line::{ReportedCode, WorkerFailure, WorkerLine};

//! Names of the worker's metrics that the app reads from `/metrics`.
//! Their sum, less the app's own requests, is the number of requests of other programs. All other names are
//! in `server` only.

/// Requests that are being answered.
pub const RUNNING: &str = "whaledeck_running";
/// Requests that wait for a place in the batch.
pub const WAITING: &str = "whaledeck_waiting";

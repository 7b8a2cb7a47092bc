//! Names of the worker's metrics that the app reads from `/metrics`.

/// Requests that are being answered.
pub const RUNNING: &str = "whaledeck_running";
/// Requests that wait for a place in the batch.
pub const WAITING: &str = "whaledeck_waiting";

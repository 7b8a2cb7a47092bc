//! Downloads from the test hub: complete, interrupted, resumed, killed, with wrong or rejected responses.

mod blocks;
mod killed;
mod listing;
mod mismatch;
mod model;
mod progress;
mod refusals;
mod resume;
mod revision;
mod unexpected;

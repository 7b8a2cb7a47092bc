//! Downloads from the test hub: complete, interrupted, resumed, killed, with wrong or rejected responses.
//! Both sources are the hub of `testkit` on loopback; no test connects to the internet.

mod blocks;
mod browse;
mod killed;
mod listing;
mod local;
mod mismatch;
mod model;
mod progress;
mod refusals;
mod resume;
mod revision;
mod unexpected;

//! Downloads against the test hub: whole, cut, resumed, killed, lied to, refused.

mod blocks;
mod foreign;
mod killed;
mod listing;
mod model;
mod progress;
mod refusals;
mod resume;
mod revision;
mod wrong;

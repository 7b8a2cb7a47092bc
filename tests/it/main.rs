//! Whole flows and the rules of the house, in one test binary.

mod bindings;
mod boundaries;
mod first_run;
mod host;
mod worker_dies;

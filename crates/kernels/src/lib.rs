//! Fused operations of the engine. Each has a plain scalar reference beside it that the tests hold it to.
//!
//! Knows nothing of models, tokens or files: a weight is bytes in a layout.

pub mod attention;
pub mod linear;
pub mod norm;
pub mod rope;
pub mod router;

pub use linear::{Linear, Stored, Weight};

//! An NVIDIA card through its driver alone: which cards there are, memory, weights as kernels read them,
//! launches, graphs. The kernels in `kernels/` are compiled when the program is built and embedded; no CUDA
//! toolkit is needed where it runs, and without a driver nothing here fails but says why.
//!
//! Knows no models, tokens or files. `Card` is cheap to share; all of it may be used from any thread.
mod card;
mod context;
mod driver;
mod error;
mod event;
mod graph;
mod images;
mod launch;
mod matrix;
mod memory;
pub mod ops;
mod pinned;
mod pool;
mod probe;
mod slabs;
mod staging;

pub use bytemuck::Pod;
pub use card::Card;
pub use context::{Context, Limits};
pub use error::{Capability, DriverVersion, Error, NoCard, Result};
pub use event::Event;
pub use formats::Dtype;
pub use graph::Graph;
pub use launch::{Launch, Params};
pub use matrix::{Mat, Matrix};
pub use memory::{Buffer, Ptr};
pub use pinned::Pinned;
pub use pool::{Pool, Slot};
pub use probe::{CardInfo, places};

/// Whether this build has kernels: see `build.rs`.
pub fn has_kernels() -> bool {
    images::embedded().is_some()
}

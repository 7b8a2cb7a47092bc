//! Architectures: weights in, logits out. One folder per family, read top to bottom.
//!
//! Knows nothing of threads, of text, or of who asks.

pub mod deepseek_v3;
mod kv;
mod model;
mod weights;

use std::path::Path;

use checkpoint::{ModelConfig, Safetensors};

pub use kv::{CacheDtype, CacheShape, KvPages, PAGE_TOKENS, Sequence};
pub use model::{Cancel, ForwardError, LoadError, Model, Output, Want};

/// Loads the model of a folder; `progress` hears (bytes done, bytes in all).
///
/// # Errors
/// An unreadable or unsupported folder, or a tensor that is missing or has another shape than its configuration says.
pub fn load(dir: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Box<dyn Model>, LoadError> {
    let ModelConfig::DeepseekV3(config) = ModelConfig::read(dir)?;
    let source = Safetensors::open(dir)?;
    Ok(Box::new(deepseek_v3::DeepseekV3::load(config, &source, progress)?))
}

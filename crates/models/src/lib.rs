//! Model architectures: tokens in, logits out. One folder per family, read top to bottom, built from shared
//! `layers`. Fields have the names of the checkpoint's tensors.
//!
//! Knows nothing of threads, text, sampling or scheduling.

mod batch;
mod deepseek_moe;
mod deepseek_v2;
mod deepseek_v3;
mod deepseek_vl2;
mod error;
mod layers;
mod ledger;
mod llama;
mod model;
mod qwen2;
mod qwen3;
mod rope;
mod transformer;
mod weights;

use checkpoint::{Checkpoint, Dtype, ModelConfig};

pub use deepseek_vl2::{VisionProgress, VisionTower};
pub use error::{ForwardError, LoadError};
pub use kernels::cache::{CacheDtype, CacheKind, CacheShape, KvPages, PAGE_TOKENS};
pub use kernels::{
    ActivationDtype, CancelCheck, Logits, Place, PoolTimes, TOP_NATS, TopRow, cards, in_thread_pool,
    pool_times,
};
pub use ledger::{Ledger, WeightKind};
pub use model::{InputEmbeds, LayerRouting, Model, Output, OutputRequest, Pass, Step};

/// How a model is loaded.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    pub place: Place,
    /// Quantizes matrices of f32, f16, bf16 and FP8 to Q8_0, Q6_K or Q4_K while they are read. Router gates
    /// and norms stay as they are, the up-projection of latent attention and the vision tower stay at Q8_0,
    /// the head at Q6_K.
    pub requantize: Option<Dtype>,
    /// In what products on the processor take their activations.
    pub activations: ActivationDtype,
    /// Reads the experts that a layer chose from their mapped files at once: for a model that is larger than
    /// the memory.
    pub read_ahead: bool,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            place: Place::Host,
            requantize: None,
            activations: ActivationDtype::default(),
            read_ahead: false,
        }
    }
}

/// Loads a model. `progress` is called with (bytes done, total bytes).
///
/// # Errors
/// When a tensor is missing or its shape contradicts the configuration, or the card has too little memory.
pub fn load(
    checkpoint: &Checkpoint,
    options: &LoadOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Box<dyn Model>, LoadError> {
    let loader = weights::Loader::new(&*checkpoint.weights, options, progress);
    let model = match &checkpoint.config {
        ModelConfig::DeepseekV2(config) => deepseek_v2::load(config, loader),
        ModelConfig::DeepseekV3(config) => deepseek_v3::load(config, loader),
        ModelConfig::Deepseek(config) => deepseek_moe::load(config, loader),
        ModelConfig::Qwen2(config) => qwen2::load(config, loader),
        ModelConfig::Qwen3(config) => qwen3::load(config, loader),
        ModelConfig::Llama(config) => llama::load(config, loader),
        ModelConfig::DeepseekVl2(config) => deepseek_vl2::load(config, loader),
    };
    Ok(Box::new(model?))
}

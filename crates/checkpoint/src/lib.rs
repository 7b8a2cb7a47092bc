//! Reads model files, safetensors and GGUF: the typed configuration, tensors as memory-mapped views under the
//! names of Hugging Face checkpoints, and the source of the tokenizer.
//!
//! Knows nothing of candle, the network, or tensor arithmetic beyond decoding to `f32`.

mod config;
mod failure;
mod file_kind;
mod find;
mod fused_experts;
pub mod gguf;
pub mod memory;
mod open;
mod random_weights;
pub mod safetensors;
mod view;

pub use config::{
    Attention, ConfigError, Decoder, DeepseekConfig, DeepseekV2Config, DeepseekV3Config, DeepseekVl2Config,
    Experts, Fp8Blocks, GroupedAttention, ImageProcessing, LatentAttention, Llama3Config, LlamaConfig,
    ModelConfig, ProjectorConfig, Qwen2Config, Qwen3Config, Rope, RopeScaling, ScoringFunc, TopkMethod,
    VisionConfig, Vl2Attention, YarnConfig,
};
pub use failure::Failure;
pub use file_kind::FileKind;
pub use find::{find, find_all};
pub use formats::{Dtype, E4M3, e4m3_to_f32, f32_to_e4m3};
pub use gguf::GgufTokenizer;
pub use open::{Checkpoint, OpenError, TokenizerSource, open};
pub use random_weights::RandomWeights;
pub use safetensors::Safetensors;
pub use view::{TensorView, WeightError, WeightSource};

//! What a model's files say: `config.json` as a typed configuration, safetensors as memory-mapped views.
//!
//! Knows nothing of candle, of the network, or of arithmetic on tensors beyond turning stored bytes into `f32`.

mod config;
mod fp8;
mod safetensors;
mod view;

pub use config::{ConfigError, DeepseekV3Config, Fp8Blocks, ModelConfig, YarnConfig};
pub use fp8::{E4M3, e4m3_to_f32};
pub use safetensors::Safetensors;
pub use view::{Dtype, TensorView, WeightError, WeightSource};

//! `config.json` as a typed configuration, one file per family, with the published field names. Unsupported
//! settings are rejected here with the field's name, so that no model loads and then gives wrong answers.

mod deepseek;
mod deepseek_v2;
mod deepseek_v3;
mod deepseek_vl2;
mod error;
mod experts;
mod fields;
mod images;
mod llama;
mod qwen2;
mod qwen3;
mod rope;
mod shapes;
mod tensors;
mod vision;

#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value;

pub use deepseek::DeepseekConfig;
pub use deepseek_v2::DeepseekV2Config;
pub use deepseek_v3::DeepseekV3Config;
pub use deepseek_vl2::{DeepseekVl2Config, Vl2Attention};
pub use error::ConfigError;
pub use experts::{Experts, ScoringFunc, TopkMethod};
pub use images::ImageProcessing;
pub use llama::LlamaConfig;
pub use qwen2::Qwen2Config;
pub use qwen3::Qwen3Config;
pub use rope::{Llama3Config, Rope, RopeScaling, YarnConfig};
pub use shapes::{Decoder, Fp8Blocks, GroupedAttention, LatentAttention};
pub use vision::{ProjectorConfig, VisionConfig};

use fields::Fields;

type Result<T> = std::result::Result<T, ConfigError>;

/// A supported configuration.
#[derive(Debug, Clone)]
pub enum ModelConfig {
    DeepseekV2(DeepseekV2Config),
    DeepseekV3(DeepseekV3Config),
    /// DeepSeekMoE-16B.
    Deepseek(DeepseekConfig),
    Qwen2(Qwen2Config),
    Qwen3(Qwen3Config),
    Llama(LlamaConfig),
    DeepseekVl2(Box<DeepseekVl2Config>),
}

/// The attention of a family.
#[derive(Debug, Clone, Copy)]
pub enum Attention<'a> {
    Latent(&'a LatentAttention),
    Grouped(&'a GroupedAttention),
}

const KNOWN: &str = "DeepseekV2ForCausalLM, DeepseekV3ForCausalLM, DeepseekForCausalLM, Qwen2ForCausalLM, \
                     Qwen3ForCausalLM, LlamaForCausalLM, DeepseekVLV2ForCausalLM";

impl ModelConfig {
    /// Reads `config.json` of a model folder.
    ///
    /// # Errors
    /// An unreadable file, an invalid value, or an unsupported field.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join("config.json");
        let text = std::fs::read(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        let value = serde_json::from_slice(&text).map_err(|error| ConfigError::invalid(error.to_string()));
        // The image preprocessing settings are in a separate file.
        let processor = std::fs::read(dir.join("processor_config.json")).ok();
        let processor = processor.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
        let value = value.map(|mut value: Value| {
            if let (Value::Object(map), Some(processor)) = (&mut value, processor) {
                map.insert("processor_config".to_owned(), processor);
            }
            value
        });
        value.and_then(Self::from_json).map_err(|error| match error {
            ConfigError::Invalid { reason, .. } => ConfigError::Invalid { path, reason },
            other => other,
        })
    }

    /// Reads a parsed `config.json`, or GGUF metadata converted to it.
    ///
    /// # Errors
    /// As [`ModelConfig::read`]; the path of an error is empty.
    pub fn from_json(value: Value) -> Result<Self> {
        let Value::Object(map) = &value else { return Err(ConfigError::invalid("it is not an object")) };
        let fields = Fields(map);
        let named = fields.get("architectures").and_then(|names| names.get(0)).and_then(Value::as_str);
        // Published VL2 checkpoints have no `architectures`.
        let named = named.or(match fields.text("model_type")? {
            Some("deepseek_vl_v2") => Some("DeepseekVLV2ForCausalLM"),
            _ => None,
        });
        // Kimi K2 has DeepSeek-V3's architecture and another tokenizer.
        let named = match fields.text("model_type")? {
            Some("kimi_k2") => Some("kimi_k2"),
            _ => named,
        };
        Ok(match named.unwrap_or_default() {
            "DeepseekV2ForCausalLM" => Self::DeepseekV2(DeepseekV2Config::read(&fields)?),
            "DeepseekV3ForCausalLM" => Self::DeepseekV3(DeepseekV3Config::read(&fields)?),
            "DeepseekForCausalLM" => Self::Deepseek(DeepseekConfig::read(&fields)?),
            "Qwen2ForCausalLM" => Self::Qwen2(Qwen2Config::read(&fields)?),
            "Qwen3ForCausalLM" => Self::Qwen3(Qwen3Config::read(&fields)?),
            "LlamaForCausalLM" => Self::Llama(LlamaConfig::read(&fields)?),
            "DeepseekVLV2ForCausalLM" => Self::DeepseekVl2(Box::new(DeepseekVl2Config::read(&fields)?)),
            other => return Err(ConfigError::unsupported("architectures", other, KNOWN)),
        })
    }

    /// The settings that every family has.
    pub fn decoder(&self) -> &Decoder {
        match self {
            Self::DeepseekV2(config) => &config.decoder,
            Self::DeepseekV3(config) => &config.decoder,
            Self::Deepseek(config) => &config.decoder,
            Self::Qwen2(config) => &config.decoder,
            Self::Qwen3(config) => &config.decoder,
            Self::Llama(config) => &config.decoder,
            Self::DeepseekVl2(config) => &config.decoder,
        }
    }

    pub fn attention(&self) -> Attention<'_> {
        match self {
            Self::DeepseekV2(config) => Attention::Latent(&config.attention),
            Self::DeepseekV3(config) => Attention::Latent(&config.attention),
            Self::Deepseek(config) => Attention::Grouped(&config.attention),
            Self::Qwen2(config) => Attention::Grouped(&config.attention),
            Self::Qwen3(config) => Attention::Grouped(&config.attention),
            Self::Llama(config) => Attention::Grouped(&config.attention),
            Self::DeepseekVl2(config) => match &config.attention {
                Vl2Attention::Latent(sizes) => Attention::Latent(sizes),
                Vl2Attention::Grouped(sizes) => Attention::Grouped(sizes),
            },
        }
    }

    /// The mixture of experts; `None` for a dense model.
    pub fn experts(&self) -> Option<&Experts> {
        match self {
            Self::DeepseekV2(config) => config.experts.as_ref(),
            Self::DeepseekV3(config) => config.experts.as_ref(),
            Self::Deepseek(config) => config.experts.as_ref(),
            Self::DeepseekVl2(config) => config.experts.as_ref(),
            Self::Qwen2(_) | Self::Qwen3(_) | Self::Llama(_) => None,
        }
    }

    /// Multi-token prediction (MTP) layers after the last layer.
    pub fn num_nextn_predict_layers(&self) -> usize {
        if let Self::DeepseekV3(config) = self { config.num_nextn_predict_layers } else { 0 }
    }

    /// The image preprocessing settings; `None` for a text-only model.
    pub fn images(&self) -> Option<&ImageProcessing> {
        if let Self::DeepseekVl2(config) = self { Some(&config.images) } else { None }
    }

    /// The published architecture name.
    pub fn architecture(&self) -> &'static str {
        match self {
            Self::DeepseekV2(_) => "DeepseekV2ForCausalLM",
            Self::DeepseekV3(_) => "DeepseekV3ForCausalLM",
            Self::Deepseek(_) => "DeepseekForCausalLM",
            Self::Qwen2(_) => "Qwen2ForCausalLM",
            Self::Qwen3(_) => "Qwen3ForCausalLM",
            Self::Llama(_) => "LlamaForCausalLM",
            Self::DeepseekVl2(_) => "DeepseekVLV2ForCausalLM",
        }
    }
}

//! `config.json` as a typed configuration. Names are the published ones. What this version cannot run is refused
//! here, naming the field, so that no model loads and then answers wrongly.
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A configuration that this version can run.
#[derive(Debug, Clone)]
pub enum ModelConfig {
    DeepseekV3(DeepseekV3Config),
}

/// DeepSeek-V3, V3-0324, V3.1, R1 and the Guide model.
#[derive(Debug, Clone, Deserialize)]
pub struct DeepseekV3Config {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub moe_intermediate_size: usize,
    pub num_hidden_layers: usize,
    #[serde(default)]
    pub num_nextn_predict_layers: usize,
    pub num_attention_heads: usize,
    #[serde(default)]
    pub n_shared_experts: Option<usize>,
    pub n_routed_experts: usize,
    #[serde(default = "one")]
    pub routed_scaling_factor: f32,
    pub kv_lora_rank: usize,
    #[serde(default)]
    pub q_lora_rank: Option<usize>,
    pub qk_nope_head_dim: usize,
    pub qk_rope_head_dim: usize,
    pub v_head_dim: usize,
    pub n_group: usize,
    pub topk_group: usize,
    pub num_experts_per_tok: usize,
    pub first_k_dense_replace: usize,
    #[serde(default = "one_layer")]
    pub moe_layer_freq: usize,
    #[serde(default)]
    pub norm_topk_prob: bool,
    #[serde(default = "sigmoid")]
    pub scoring_func: String,
    #[serde(default = "noaux_tc")]
    pub topk_method: String,
    pub max_position_embeddings: usize,
    #[serde(default = "rms_norm_eps")]
    pub rms_norm_eps: f64,
    #[serde(default = "rope_theta")]
    pub rope_theta: f64,
    /// See [`DeepseekV3Config::yarn`].
    #[serde(default)]
    rope_scaling: Option<RopeScaling>,
    /// Newer files keep the base and the scaling together here; some have `rope_scaling` beside it.
    #[serde(default)]
    rope_parameters: Option<RopeScaling>,
    #[serde(default)]
    rope_interleave: Option<bool>,
    #[serde(default)]
    hidden_act: Option<String>,
    #[serde(default)]
    pub attention_bias: bool,
    #[serde(default)]
    pub tie_word_embeddings: bool,
    #[serde(default)]
    pub quantization_config: Option<Fp8Blocks>,
}

/// The parts of yarn that change numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YarnConfig {
    pub factor: f64,
    pub original: f64,
    pub beta_fast: f64,
    pub beta_slow: f64,
    pub mscale: f64,
    pub mscale_all_dim: f64,
}

/// Weights in e4m3 with one scale for each block.
#[derive(Debug, Clone, Deserialize)]
pub struct Fp8Blocks {
    pub quant_method: String,
    #[serde(default)]
    pub weight_block_size: Option<[usize; 2]>,
}

#[derive(Debug, Clone, Deserialize)]
struct RopeScaling {
    rope_type: Option<String>,
    /// The older name of `rope_type`; files converted in between have both.
    r#type: Option<String>,
    rope_theta: Option<f64>,
    factor: Option<f64>,
    original_max_position_embeddings: Option<f64>,
    beta_fast: Option<f64>,
    beta_slow: Option<f64>,
    mscale: Option<f64>,
    mscale_all_dim: Option<f64>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("understand {path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("run a model whose {field} is {value:?}: this version knows {known}")]
    Unsupported { field: &'static str, value: String, known: &'static str },
}

impl ModelConfig {
    /// Reads `config.json` of a model folder.
    ///
    /// # Errors
    /// An unreadable file, an impossible number, or a field this version does not support.
    pub fn read(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join("config.json");
        let text = std::fs::read(&path).map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        Self::parse(&text).map_err(|error| match error {
            ConfigError::Invalid { reason, .. } => ConfigError::Invalid { path, reason },
            other => other,
        })
    }

    /// Parses the text of a `config.json`.
    ///
    /// # Errors
    /// As [`ModelConfig::read`]; the path of an error is empty.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            architectures: Vec<String>,
        }
        let head: Head = serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        let architecture = head.architectures.first().map_or("", String::as_str);
        if architecture != "DeepseekV3ForCausalLM" {
            return Err(unsupported("architectures", architecture, "DeepseekV3ForCausalLM"));
        }
        let config: DeepseekV3Config =
            serde_json::from_slice(text).map_err(|error| invalid(error.to_string()))?;
        config.check()?;
        Ok(Self::DeepseekV3(config))
    }
}

impl DeepseekV3Config {
    /// Whether a layer routes its tokens to experts.
    pub fn is_moe(&self, layer: usize) -> bool {
        layer >= self.first_k_dense_replace && layer.is_multiple_of(self.moe_layer_freq)
    }

    /// Yarn, when the model stretches its positions.
    pub fn yarn(&self) -> Option<YarnConfig> {
        let scaling = self.rope().filter(|scaling| scaling.kind() == "yarn")?;
        Some(YarnConfig {
            factor: scaling.factor.unwrap_or(1.0),
            original: scaling.original_max_position_embeddings.unwrap_or(4096.0),
            beta_fast: scaling.beta_fast.unwrap_or(32.0),
            beta_slow: scaling.beta_slow.unwrap_or(1.0),
            mscale: scaling.mscale.unwrap_or(1.0),
            mscale_all_dim: scaling.mscale_all_dim.unwrap_or(0.0),
        })
    }

    /// The base of the rotary angles, wherever the file keeps it.
    pub fn rope_base(&self) -> f64 {
        self.rope().and_then(|scaling| scaling.rope_theta).unwrap_or(self.rope_theta)
    }

    fn rope(&self) -> Option<&RopeScaling> {
        self.rope_parameters.as_ref().or(self.rope_scaling.as_ref())
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.scoring_func != "sigmoid" {
            return Err(unsupported("scoring_func", &self.scoring_func, "sigmoid"));
        }
        if self.topk_method != "noaux_tc" {
            return Err(unsupported("topk_method", &self.topk_method, "noaux_tc"));
        }
        let kind = self.rope().map_or("default", RopeScaling::kind);
        if !["yarn", "default"].contains(&kind) {
            return Err(unsupported("rope_scaling.type", kind, "yarn"));
        }
        if self.rope_interleave == Some(false) {
            return Err(unsupported("rope_interleave", "false", "true"));
        }
        if let Some(act) = self.hidden_act.as_deref().filter(|act| *act != "silu") {
            return Err(unsupported("hidden_act", act, "silu"));
        }
        if self.attention_bias {
            return Err(unsupported("attention_bias", "true", "false"));
        }
        if let Some(quantization) = &self.quantization_config {
            let known =
                quantization.quant_method == "fp8" && quantization.weight_block_size == Some([128, 128]);
            if !known {
                let value = format!("{} {:?}", quantization.quant_method, quantization.weight_block_size);
                return Err(unsupported("quantization_config", &value, "fp8 in blocks of 128x128"));
            }
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), ConfigError> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("moe_intermediate_size", self.moe_intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("n_routed_experts", self.n_routed_experts),
            ("kv_lora_rank", self.kv_lora_rank),
            ("qk_nope_head_dim", self.qk_nope_head_dim),
            ("qk_rope_head_dim", self.qk_rope_head_dim),
            ("v_head_dim", self.v_head_dim),
            ("n_group", self.n_group),
            ("topk_group", self.topk_group),
            ("num_experts_per_tok", self.num_experts_per_tok),
            ("moe_layer_freq", self.moe_layer_freq),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        // Far above every published model, far below what overflows.
        if let Some((field, value)) = sizes.into_iter().find(|&(_, value)| value == 0 || value > 1 << 24) {
            return Err(invalid(format!("{field} is {value}")));
        }
        let groups_ok = self.n_routed_experts.is_multiple_of(self.n_group) && self.topk_group <= self.n_group;
        let reachable = self.n_routed_experts / self.n_group * self.topk_group;
        if !groups_ok || self.num_experts_per_tok > reachable {
            return Err(invalid(format!(
                "{} experts in {} groups, {} of them kept, cannot give {} experts a token",
                self.n_routed_experts, self.n_group, self.topk_group, self.num_experts_per_tok
            )));
        }
        // The table of angles has one number for each; R1 needs ten million.
        if self.max_position_embeddings * self.qk_rope_head_dim > 1 << 27 {
            return Err(invalid(format!("max_position_embeddings is {}", self.max_position_embeddings)));
        }
        if !self.qk_rope_head_dim.is_multiple_of(2) {
            return Err(invalid(format!("qk_rope_head_dim is {}, an odd number", self.qk_rope_head_dim)));
        }
        Ok(())
    }
}

impl RopeScaling {
    fn kind(&self) -> &str {
        self.rope_type.as_deref().or(self.r#type.as_deref()).unwrap_or("default")
    }
}

fn unsupported(field: &'static str, value: &str, known: &'static str) -> ConfigError {
    ConfigError::Unsupported { field, value: value.to_owned(), known }
}

fn invalid(reason: String) -> ConfigError {
    ConfigError::Invalid { path: PathBuf::new(), reason }
}

fn one() -> f32 {
    1.0
}

fn one_layer() -> usize {
    1
}

fn sigmoid() -> String {
    "sigmoid".to_owned()
}

fn noaux_tc() -> String {
    "noaux_tc".to_owned()
}

fn rms_norm_eps() -> f64 {
    1e-6
}

fn rope_theta() -> f64 {
    10000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const R1: &str = r#"{"architectures":["DeepseekV3ForCausalLM"],"vocab_size":129280,"hidden_size":7168,
        "intermediate_size":18432,"moe_intermediate_size":2048,"num_hidden_layers":61,"num_nextn_predict_layers":1,
        "num_attention_heads":128,"n_shared_experts":1,"n_routed_experts":256,"routed_scaling_factor":2.5,
        "kv_lora_rank":512,"q_lora_rank":1536,"qk_rope_head_dim":64,"v_head_dim":128,"qk_nope_head_dim":128,
        "n_group":8,"topk_group":4,"num_experts_per_tok":8,"first_k_dense_replace":3,"norm_topk_prob":true,
        "scoring_func":"sigmoid","topk_method":"noaux_tc","max_position_embeddings":163840,
        "rope_scaling":{"type":"yarn","factor":40,"original_max_position_embeddings":4096,"beta_fast":32,"beta_slow":1,
        "mscale":1.0,"mscale_all_dim":1.0},"quantization_config":{"quant_method":"fp8","weight_block_size":[128,128]}}"#;

    #[test]
    fn the_published_r1_is_understood() {
        let ModelConfig::DeepseekV3(config) = ModelConfig::parse(R1.as_bytes()).expect("it is supported");
        assert_eq!(config.yarn().expect("yarn").factor, 40.0);
        assert!(!config.is_moe(2) && config.is_moe(3));
        assert_eq!(config.rope_base(), 10000.0);
    }

    #[test]
    fn every_published_spelling_of_yarn_means_the_same() {
        let ModelConfig::DeepseekV3(published) = ModelConfig::parse(R1.as_bytes()).expect("it is supported");
        for (from, to) in [
            ("\"type\":\"yarn\"", "\"rope_type\":\"yarn\""),
            ("\"type\":\"yarn\"", "\"rope_type\":\"yarn\",\"type\":\"yarn\""),
            ("\"rope_scaling\":{", "\"rope_scaling\":null,\"rope_parameters\":{\"rope_theta\":10000.0,"),
        ] {
            let text = R1.replace(from, to);
            assert_ne!(text, R1);
            let ModelConfig::DeepseekV3(config) = ModelConfig::parse(text.as_bytes()).expect(to);
            assert_eq!((config.yarn(), config.rope_base()), (published.yarn(), 10000.0), "{to}");
        }
    }

    #[test]
    fn what_cannot_run_is_refused_by_the_name_of_its_field() {
        let check = |from: &str, to: &str, expect: &str| {
            let text = R1.replace(from, to);
            assert_ne!(text, R1, "{from} is in the text");
            let error = ModelConfig::parse(text.as_bytes()).expect_err(to).to_string();
            assert!(error.contains(expect), "{to}: {error}");
        };
        check("\"sigmoid\"", "\"tanh\"", "scoring_func");
        check("noaux_tc", "greedy", "topk_method");
        check("DeepseekV3ForCausalLM", "LlamaForCausalLM", "architectures");
        check("\"yarn\"", "\"linear\"", "rope_scaling");
        check("\"n_group\":8", "\"n_group\":7", "groups");
        check("\"hidden_size\":7168", "\"hidden_size\":0", "hidden_size");
        check("\"hidden_size\":7168", "\"hidden_size\":-1", "understand");
        check("[128,128]", "[64,64]", "quantization_config");
        check("163840", "16000000", "max_position_embeddings");
        check("\"n_group\":8", "\"rope_interleave\":false,\"n_group\":8", "rope_interleave");
        check("\"n_group\":8", "\"hidden_act\":\"gelu\",\"n_group\":8", "hidden_act");
    }
}

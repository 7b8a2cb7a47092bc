//! Settings shared by several families under their published names: the decoder, FP8 quantisation, and the
//! two kinds of attention. Sizes are checked when they are read.
use serde_json::Value;

use super::fields::Fields;
use super::{ConfigError, Result, Rope};

/// More layers than any published model.
const MAX_LAYERS: usize = 1024;

/// The settings that every family has.
#[derive(Debug, Clone)]
pub struct Decoder {
    pub vocab_size: usize,
    pub hidden_size: usize,
    /// Width of the dense feed-forward layers.
    pub intermediate_size: usize,
    pub num_hidden_layers: usize,
    pub max_position_embeddings: usize,
    pub rms_norm_eps: f64,
    pub tie_word_embeddings: bool,
    pub rope: Rope,
    pub quantization: Option<Fp8Blocks>,
}

/// Weights in e4m3 with one scale per 128x128 block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fp8Blocks {
    /// Scales are powers of two (V3.1), but stored as f32.
    pub ue8m0: bool,
}

/// Multi-head latent attention (MLA).
#[derive(Debug, Clone, Copy)]
pub struct LatentAttention {
    pub num_attention_heads: usize,
    pub q_lora_rank: Option<usize>,
    pub kv_lora_rank: usize,
    pub qk_nope_head_dim: usize,
    pub qk_rope_head_dim: usize,
    pub v_head_dim: usize,
    /// Biases on q_a, kv_a and o.
    pub attention_bias: bool,
}

/// Grouped-query attention (GQA); equal numbers of heads and KV heads make multi-head attention.
#[derive(Debug, Clone, Copy)]
pub struct GroupedAttention {
    pub num_attention_heads: usize,
    pub num_key_value_heads: usize,
    pub head_dim: usize,
    pub qkv_bias: bool,
    pub o_bias: bool,
    /// A norm per head of queries and keys, before the rotary embedding.
    pub qk_norm: bool,
}

impl Decoder {
    pub(super) fn read(fields: &Fields, max_position_default: Option<usize>) -> Result<Self> {
        let act = fields.text("hidden_act")?.unwrap_or("silu");
        if act != "silu" {
            return Err(ConfigError::unsupported("hidden_act", act, "silu"));
        }
        let positions = match max_position_default {
            Some(default) => fields.size_or("max_position_embeddings", default)?,
            None => fields.size("max_position_embeddings")?,
        };
        let layers = fields.size("num_hidden_layers")?;
        if layers > MAX_LAYERS {
            return Err(ConfigError::invalid(format!("num_hidden_layers is {layers}, above {MAX_LAYERS}")));
        }
        Ok(Self {
            vocab_size: fields.size("vocab_size")?,
            hidden_size: fields.size("hidden_size")?,
            intermediate_size: fields.size("intermediate_size")?,
            num_hidden_layers: layers,
            max_position_embeddings: positions,
            rms_norm_eps: fields.positive_or("rms_norm_eps", 1e-6)?,
            tie_word_embeddings: fields.flag("tie_word_embeddings", false)?,
            rope: Rope::read(fields, positions)?,
            quantization: Fp8Blocks::read(fields)?,
        })
    }
}

/// The rotary dimensions of a head form pairs.
fn check_rotated(field: &str, width: usize) -> Result<()> {
    if !width.is_multiple_of(2) {
        return Err(ConfigError::invalid(format!("{field} is {width}, an odd number")));
    }
    Ok(())
}

impl Fp8Blocks {
    fn read(fields: &Fields) -> Result<Option<Self>> {
        let Some(parts) = fields.object("quantization_config")? else { return Ok(None) };
        let block = parts.get("weight_block_size");
        let method = parts.text("quant_method")?.unwrap_or("none");
        if method != "fp8" || block != Some(&Value::from(vec![128, 128])) {
            let value = format!("{method} {}", block.unwrap_or(&Value::Null));
            return Err(ConfigError::unsupported("quantization_config", value, "fp8 in blocks of 128x128"));
        }
        Ok(Some(Self { ue8m0: parts.text("scale_fmt")? == Some("ue8m0") }))
    }
}

impl LatentAttention {
    pub(super) fn read(fields: &Fields) -> Result<Self> {
        if !fields.flag("rope_interleave", true)? {
            return Err(ConfigError::unsupported("rope_interleave", false, "true"));
        }
        let rope = fields.size("qk_rope_head_dim")?;
        check_rotated("qk_rope_head_dim", rope)?;
        Ok(Self {
            num_attention_heads: fields.size("num_attention_heads")?,
            q_lora_rank: fields.size_opt("q_lora_rank")?,
            kv_lora_rank: fields.size("kv_lora_rank")?,
            qk_nope_head_dim: fields.size("qk_nope_head_dim")?,
            qk_rope_head_dim: rope,
            v_head_dim: fields.size("v_head_dim")?,
            attention_bias: fields.flag("attention_bias", false)?,
        })
    }
}

impl GroupedAttention {
    /// Reads the sizes. The family sets biases and norms.
    pub(super) fn read(fields: &Fields, decoder: &Decoder) -> Result<Self> {
        let heads = fields.size("num_attention_heads")?;
        let kv_heads = fields.size_or("num_key_value_heads", heads)?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(ConfigError::invalid(format!(
                "{heads} heads cannot share {kv_heads} num_key_value_heads"
            )));
        }
        let head_dim = match fields.size_opt("head_dim")? {
            Some(dim) => dim,
            None if decoder.hidden_size.is_multiple_of(heads) => decoder.hidden_size / heads,
            None => {
                let hidden = decoder.hidden_size;
                return Err(ConfigError::invalid(format!(
                    "hidden_size {hidden} is no multiple of {heads} heads"
                )));
            }
        };
        check_rotated("head_dim", head_dim)?;
        let partial = fields.positive_or("partial_rotary_factor", 1.0)?;
        if partial != 1.0 {
            return Err(ConfigError::unsupported("partial_rotary_factor", partial, "1"));
        }
        reject_sliding_window(fields)?;
        Ok(Self {
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            qkv_bias: false,
            o_bias: false,
            qk_norm: false,
        })
    }
}

/// Rejects sliding windows. The distilled models have a `sliding_window` with `use_sliding_window: false`,
/// which is ignored.
fn reject_sliding_window(fields: &Fields) -> Result<()> {
    fields.require_false("use_sliding_window")?;
    let kinds = fields.get("layer_types").and_then(Value::as_array);
    match kinds.into_iter().flatten().find(|kind| kind.as_str() != Some("full_attention")) {
        Some(kind) => Err(ConfigError::unsupported("layer_types", kind, "full_attention")),
        None => Ok(()),
    }
}

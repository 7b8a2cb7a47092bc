//! Converts GGUF metadata to a `config.json` with the published keys, so that one parser checks both. Values
//! that older converters omitted are filled in only here, and only where all published models agree.
use serde_json::{Map, Value as Json, json};

use super::rope_factors::llama3;
use super::value::List;
use super::{Gguf, MetadataError, Value, architecture};

/// Values of `expert_gating_func`.
const SOFTMAX: i128 = 1;
const SIGMOID: i128 = 2;

/// More layers than any published model.
const MAX_LAYERS: usize = 1024;

type Result<T> = std::result::Result<T, MetadataError>;

/// The `config.json` of a GGUF file.
///
/// # Errors
/// An unsupported architecture or setting, with its name.
pub fn config_json(gguf: &Gguf) -> Result<Json> {
    let architecture = architecture(&gguf.metadata)?;
    let metadata = MetadataReader { gguf, architecture };
    let mut config = Map::new();
    common(&metadata, &mut config)?;
    let published = match architecture {
        "qwen2" => "Qwen2ForCausalLM",
        "qwen3" => "Qwen3ForCausalLM",
        "llama" => "LlamaForCausalLM",
        "deepseek" => {
            experts(&metadata, &mut config)?;
            config.insert("scoring_func".to_owned(), json!("softmax"));
            config.insert("topk_method".to_owned(), json!("greedy"));
            "DeepseekForCausalLM"
        }
        "deepseek2" => {
            latent(&metadata, &mut config)?;
            experts(&metadata, &mut config)?;
            gate(&metadata, &mut config)?
        }
        other => return Err(MetadataError::UnsupportedArchitecture(other.to_owned())),
    };
    if architecture != "deepseek2" {
        grouped(&metadata, &mut config)?;
    }
    config.insert("architectures".to_owned(), json!([published]));
    Ok(Json::Object(config))
}

/// The metadata of one architecture, and the tensors of the file.
pub struct MetadataReader<'a> {
    pub gguf: &'a Gguf,
    architecture: &'a str,
}

impl MetadataReader<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        self.gguf.metadata.get(&format!("{}.{key}", self.architecture))
    }

    /// A number, or a per-layer list whose values are all equal.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = match value {
            Value::Integer(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::List(List::Integers(list)) => match list.first() {
                Some(first) if list.iter().all(|number| number == first) => Some(*first as f64),
                _ => None,
            },
            _ => None,
        };
        let field = || format!("{}.{key}", self.architecture);
        number.map(Some).ok_or_else(|| MetadataError::unsupported(field(), "not one number"))
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.value(key) { Some(text) } else { None }
    }

    fn flag(&self, key: &str) -> Option<bool> {
        if let Some(Value::Bool(flag)) = self.value(key) { Some(*flag) } else { None }
    }

    fn has(&self, tensor: &str) -> bool {
        self.gguf.tensors.contains_key(tensor)
    }

    fn has_bias(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.has(&format!("blk.0.{part}.bias")))
    }

    /// Copies numbers to their published names. Missing keys are reported by the config parser.
    fn copy(&self, config: &mut Map<String, Json>, keys: &[(&str, &str)]) -> Result<()> {
        for (published, key) in keys {
            if let Some(number) = self.number(key)? {
                config.insert((*published).to_owned(), integral(number));
            }
        }
        Ok(())
    }
}

/// Integers without a fraction, as `config.json` requires for sizes.
fn integral(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn common(metadata: &MetadataReader, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("hidden_size", "embedding_length"),
        ("intermediate_size", "feed_forward_length"),
        ("num_attention_heads", "attention.head_count"),
        ("max_position_embeddings", "context_length"),
        ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
        ("rope_theta", "rope.freq_base"),
    ];
    metadata.copy(config, &keys)?;
    let (layers, predict) = layers(metadata)?;
    config.insert("num_hidden_layers".to_owned(), json!(layers));
    config.insert("num_nextn_predict_layers".to_owned(), json!(predict));
    // The rows of the embedding count: some vocabularies have fewer tokens.
    let embedding = metadata.gguf.tensors.get("token_embd.weight");
    let rows = embedding.ok_or_else(|| "tensor token_embd.weight is missing".to_owned())?.shape[0];
    config.insert("vocab_size".to_owned(), json!(rows));
    config.insert("tie_word_embeddings".to_owned(), json!(!metadata.has("output.weight")));
    for (published, key) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
        if let Some(Value::Integer(id)) =
            metadata.gguf.metadata.get(&format!("tokenizer.ggml.{key}_token_id"))
        {
            config.insert(published.to_owned(), json!(*id as i64));
        }
    }
    let scaling = rope_scaling(metadata, config)?;
    config.insert("rope_scaling".to_owned(), scaling);
    Ok(())
}

/// The number of layers and of MTP layers after them. Converters disagree on whether `block_count` includes
/// MTP layers, and some drop them silently, so the tensors decide.
fn layers(metadata: &MetadataReader) -> Result<(usize, usize)> {
    let blocks = metadata.number("block_count")?.unwrap_or(0.0) as usize;
    let is_mtp = |layer: &usize| metadata.has(&format!("blk.{layer}.nextn.eh_proj.weight"));
    let first = (0..MAX_LAYERS).find(is_mtp);
    let Some(first) = first else {
        let declared = metadata.number("nextn_predict_layers")?.unwrap_or(0.0) as usize;
        let last = format!("blk.{}.attn_norm.weight", blocks.saturating_sub(1));
        return Ok((if metadata.has(&last) { blocks } else { blocks.saturating_sub(declared) }, 0));
    };
    let count = (first..MAX_LAYERS).take_while(is_mtp).count();
    if first != blocks && first + count != blocks {
        return Err(format!("layer {first} is an MTP layer, and block_count is {blocks}").into());
    }
    Ok((first, count))
}

fn rope_scaling(metadata: &MetadataReader, config: &Map<String, Json>) -> Result<Json> {
    let kind = metadata.text("rope.scaling.type").unwrap_or("none");
    let factor = metadata.number("rope.scaling.factor")?;
    if let Some(factors) = metadata.gguf.tensors.get("rope_freqs.weight") {
        if kind != "none" {
            return Err(MetadataError::unsupported(
                "rope_freqs.weight",
                format!("beside rope.scaling.type {kind}"),
            ));
        }
        let theta = config.get("rope_theta").and_then(Json::as_f64).unwrap_or(10000.0);
        return llama3(&factors.to_f32(), theta);
    }
    match kind {
        "none" => Ok(Json::Null),
        "linear" => Ok(json!({"rope_type": "linear", "factor": factor})),
        "yarn" => {
            let mut scaling = json!({"rope_type": "yarn", "factor": factor});
            let mut add = |published: &str, number: Option<f64>| {
                if let Some(number) = number {
                    scaling[published] = integral(number);
                }
            };
            add("original_max_position_embeddings", metadata.number("rope.scaling.original_context_length")?);
            add("beta_fast", metadata.number("rope.scaling.yarn_beta_fast")?);
            add("beta_slow", metadata.number("rope.scaling.yarn_beta_slow")?);
            if metadata.architecture == "deepseek2" {
                // The value is mscale_all_dim / 10; mscale equals mscale_all_dim in every published model.
                let log = metadata.number("rope.scaling.yarn_log_multiplier")?;
                let mscale = log.map(|log| (log * 1e7).round() / 1e6);
                add("mscale", mscale);
                add("mscale_all_dim", mscale);
            } else {
                // Two converters use two names; both multiply the factor's default temperature.
                let newer = metadata.number("rope.scaling.yarn_attn_factor")?;
                add("attn_factor", newer.or(metadata.number("rope.scaling.attn_factor")?));
            }
            Ok(scaling)
        }
        other => Err(MetadataError::unsupported("rope.scaling.type", other)),
    }
}

fn grouped(metadata: &MetadataReader, config: &mut Map<String, Json>) -> Result<()> {
    metadata.copy(
        config,
        &[("num_key_value_heads", "attention.head_count_kv"), ("head_dim", "attention.key_length")],
    )?;
    if !config.contains_key("head_dim") {
        metadata.copy(config, &[("head_dim", "rope.dimension_count")])?;
    }
    // Qwen2 always has the biases of q, k and v; elsewhere one bias means that all four projections have one.
    let biased =
        metadata.architecture != "qwen2" && metadata.has_bias(&["attn_q", "attn_k", "attn_v", "attn_output"]);
    config.insert("attention_bias".to_owned(), json!(biased));
    let (key, value) = (metadata.number("attention.key_length")?, metadata.number("attention.value_length")?);
    if value.is_some() && key != value {
        let value = format!("{value:?} beside attention.key_length {key:?}");
        return Err(MetadataError::unsupported("attention.value_length", value));
    }
    Ok(())
}

fn latent(metadata: &MetadataReader, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("kv_lora_rank", "attention.kv_lora_rank"),
        ("q_lora_rank", "attention.q_lora_rank"),
        ("qk_rope_head_dim", "rope.dimension_count"),
        ("v_head_dim", "attention.value_length_mla"),
    ];
    metadata.copy(config, &keys)?;
    // Newer files have `*_mla` keys for the head sizes, because the plain keys give the sizes in the
    // compressed cache. In older files the plain keys give the head sizes.
    let key = match metadata.number("attention.key_length_mla")? {
        Some(key) => Some(key),
        None => {
            metadata.copy(config, &[("v_head_dim", "attention.value_length")])?;
            metadata.number("attention.key_length")?
        }
    };
    let biased = metadata.has_bias(&["attn_q_a", "attn_kv_a_mqa", "attn_output"]);
    config.insert("attention_bias".to_owned(), json!(biased));
    let rope = metadata.number("rope.dimension_count")?;
    if let (Some(key), Some(rope)) = (key, rope) {
        config.insert("qk_nope_head_dim".to_owned(), integral(key - rope));
    }
    Ok(())
}

fn experts(metadata: &MetadataReader, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("n_routed_experts", "expert_count"),
        ("n_shared_experts", "expert_shared_count"),
        ("num_experts_per_tok", "expert_used_count"),
        ("moe_intermediate_size", "expert_feed_forward_length"),
        ("first_k_dense_replace", "leading_dense_block_count"),
        ("moe_layer_freq", "moe_every_n_layers"),
        ("routed_scaling_factor", "expert_weights_scale"),
    ];
    metadata.copy(config, &keys)?;
    // 0 means no scale.
    if config.get("routed_scaling_factor").and_then(Json::as_f64) == Some(0.0) {
        config.remove("routed_scaling_factor");
    }
    config.insert("norm_topk_prob".to_owned(), json!(metadata.flag("expert_weights_norm").unwrap_or(false)));
    Ok(())
}

/// The router's settings; they also distinguish V2 from V3.
fn gate(metadata: &MetadataReader, config: &mut Map<String, Json>) -> Result<&'static str> {
    let biased = metadata.gguf.tensors.keys().any(|name| name.contains(".exp_probs_b"));
    let sigmoid = match metadata.value("expert_gating_func") {
        Some(Value::Integer(SIGMOID)) => true,
        Some(Value::Integer(SOFTMAX | 0)) => false,
        // Older files lack the key: only V3 has the bias.
        None => biased,
        Some(other) => {
            return Err(MetadataError::unsupported("deepseek2.expert_gating_func", format!("{other:?}")));
        }
    };
    if biased && !sigmoid {
        return Err(MetadataError::unsupported(
            "exp_probs_b",
            "a bias with a gating function other than sigmoid",
        ));
    }
    let count = metadata.number("expert_count")?.unwrap_or(0.0);
    let written = (metadata.number("expert_group_count")?, metadata.number("expert_group_used_count")?);
    // Older files lack the groups of V2 and V3: without them R1 would choose from all 256 experts.
    let (groups, kept) = match written {
        (Some(groups), Some(kept)) if groups > 0.0 => (groups, kept),
        _ if count == 256.0 && sigmoid => (8.0, 4.0),
        _ if count == 160.0 && !sigmoid => (8.0, 3.0),
        _ => (1.0, 1.0),
    };
    let method = match (sigmoid, groups > 1.0) {
        (true, _) => "noaux_tc",
        (false, true) => "group_limited_greedy",
        (false, false) => "greedy",
    };
    config.insert("scoring_func".to_owned(), json!(if sigmoid { "sigmoid" } else { "softmax" }));
    config.insert("topk_method".to_owned(), json!(method));
    config.insert("n_group".to_owned(), integral(groups));
    config.insert("topk_group".to_owned(), integral(kept));
    if sigmoid && metadata.flag("expert_weights_norm").is_none() {
        // Every published model with sigmoid gating normalises.
        config.insert("norm_topk_prob".to_owned(), json!(true));
    }
    Ok(if sigmoid { "DeepseekV3ForCausalLM" } else { "DeepseekV2ForCausalLM" })
}

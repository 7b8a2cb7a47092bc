//! Metadata as a `config.json`: the same keys, the same meanings, so that one parser checks both. What older converters
//! left out is filled in here where published models leave no doubt, and nowhere else.
use serde_json::{Map, Value as Json, json};

use super::rope_factors::llama3;
use super::value::List;
use super::{Gguf, Refusal, Value, architecture};

/// Gating functions as the format numbers them.
const SOFTMAX: i128 = 1;
const SIGMOID: i128 = 2;

/// Deeper than any published model.
const MOST_BLOCKS: usize = 1024;

type Result<T> = std::result::Result<T, Refusal>;

/// `config.json` of the model in a file.
///
/// # Errors
/// An architecture or a scaling that has no counterpart, naming it.
pub fn config_json(gguf: &Gguf) -> Result<Json> {
    let architecture = architecture(&gguf.metadata)?;
    let facts = Facts { gguf, architecture };
    let mut config = Map::new();
    common(&facts, &mut config)?;
    let published = match architecture {
        "qwen2" => "Qwen2ForCausalLM",
        "qwen3" => "Qwen3ForCausalLM",
        "llama" => "LlamaForCausalLM",
        "deepseek" => {
            experts(&facts, &mut config)?;
            config.insert("scoring_func".to_owned(), json!("softmax"));
            config.insert("topk_method".to_owned(), json!("greedy"));
            "DeepseekForCausalLM"
        }
        "deepseek2" => {
            latent(&facts, &mut config)?;
            experts(&facts, &mut config)?;
            gate(&facts, &mut config)?
        }
        other => return Err(Refusal::NotRun(other.to_owned())),
    };
    if architecture != "deepseek2" {
        grouped(&facts, &mut config)?;
    }
    config.insert("architectures".to_owned(), json!([published]));
    Ok(Json::Object(config))
}

/// Metadata of one architecture, and what tensors there are.
pub struct Facts<'a> {
    pub gguf: &'a Gguf,
    architecture: &'a str,
}

impl Facts<'_> {
    fn value(&self, key: &str) -> Option<&Value> {
        self.gguf.metadata.get(&format!("{}.{key}", self.architecture))
    }

    /// A number; a list of one for each layer counts when all are equal.
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
        number.map(Some).ok_or_else(|| Refusal::unsupported(field(), "not one number"))
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

    fn biased(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.has(&format!("blk.0.{part}.bias")))
    }

    /// Copies numbers under their published names; whoever reads the result complains about what is missing.
    fn copy(&self, config: &mut Map<String, Json>, keys: &[(&str, &str)]) -> Result<()> {
        for (published, key) in keys {
            if let Some(number) = self.number(key)? {
                config.insert((*published).to_owned(), whole(number));
            }
        }
        Ok(())
    }
}

/// Sizes are whole numbers in `config.json`.
fn whole(number: f64) -> Json {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

fn common(facts: &Facts, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("hidden_size", "embedding_length"),
        ("intermediate_size", "feed_forward_length"),
        ("num_attention_heads", "attention.head_count"),
        ("max_position_embeddings", "context_length"),
        ("rms_norm_eps", "attention.layer_norm_rms_epsilon"),
        ("rope_theta", "rope.freq_base"),
    ];
    facts.copy(config, &keys)?;
    let (layers, predict) = layers(facts)?;
    config.insert("num_hidden_layers".to_owned(), json!(layers));
    config.insert("num_nextn_predict_layers".to_owned(), json!(predict));
    // The table of embeddings is what counts: some vocabularies have fewer texts than rows.
    let embedding = facts.gguf.tensors.get("token_embd.weight");
    let rows = embedding.ok_or_else(|| "tensor token_embd.weight is missing".to_owned())?.shape[0];
    config.insert("vocab_size".to_owned(), json!(rows));
    config.insert("tie_word_embeddings".to_owned(), json!(!facts.has("output.weight")));
    for (published, key) in [("bos_token_id", "bos"), ("eos_token_id", "eos"), ("pad_token_id", "padding")] {
        if let Some(Value::Integer(id)) = facts.gguf.metadata.get(&format!("tokenizer.ggml.{key}_token_id")) {
            config.insert(published.to_owned(), json!(*id as i64));
        }
    }
    let scaling = rope_scaling(facts, config)?;
    config.insert("rope_scaling".to_owned(), scaling);
    Ok(())
}

/// Layers, and prediction layers behind them. Converters disagree on whether `block_count` counts the latter, and some
/// drop them without saying so; the tensors know.
fn layers(facts: &Facts) -> Result<(usize, usize)> {
    let blocks = facts.number("block_count")?.unwrap_or(0.0) as usize;
    let predicting = |layer: &usize| facts.has(&format!("blk.{layer}.nextn.eh_proj.weight"));
    let first = (0..MOST_BLOCKS).find(predicting);
    let Some(first) = first else {
        let announced = facts.number("nextn_predict_layers")?.unwrap_or(0.0) as usize;
        let last = format!("blk.{}.attn_norm.weight", blocks.saturating_sub(1));
        return Ok((if facts.has(&last) { blocks } else { blocks.saturating_sub(announced) }, 0));
    };
    let count = (first..MOST_BLOCKS).take_while(predicting).count();
    if first != blocks && first + count != blocks {
        return Err(format!("layer {first} predicts ahead, and block_count is {blocks}").into());
    }
    Ok((first, count))
}

fn rope_scaling(facts: &Facts, config: &Map<String, Json>) -> Result<Json> {
    let kind = facts.text("rope.scaling.type").unwrap_or("none");
    let factor = facts.number("rope.scaling.factor")?;
    if let Some(factors) = facts.gguf.tensors.get("rope_freqs.weight") {
        if kind != "none" {
            return Err(Refusal::unsupported(
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
                    scaling[published] = whole(number);
                }
            };
            add("original_max_position_embeddings", facts.number("rope.scaling.original_context_length")?);
            add("beta_fast", facts.number("rope.scaling.yarn_beta_fast")?);
            add("beta_slow", facts.number("rope.scaling.yarn_beta_slow")?);
            if facts.architecture == "deepseek2" {
                // Holds a tenth of mscale_all_dim; mscale equals it in every published model.
                let log = facts.number("rope.scaling.yarn_log_multiplier")?;
                let mscale = log.map(|log| (log * 1e7).round() / 1e6);
                add("mscale", mscale);
                add("mscale_all_dim", mscale);
            } else {
                // Two converters, two names; both multiply what the factor gives.
                let newer = facts.number("rope.scaling.yarn_attn_factor")?;
                add("attn_factor", newer.or(facts.number("rope.scaling.attn_factor")?));
            }
            Ok(scaling)
        }
        other => Err(Refusal::unsupported("rope.scaling.type", other)),
    }
}

fn grouped(facts: &Facts, config: &mut Map<String, Json>) -> Result<()> {
    facts.copy(
        config,
        &[("num_key_value_heads", "attention.head_count_kv"), ("head_dim", "attention.key_length")],
    )?;
    if !config.contains_key("head_dim") {
        facts.copy(config, &[("head_dim", "rope.dimension_count")])?;
    }
    // Qwen2 has three of these by itself; elsewhere one bias means that all four products have one.
    let biased =
        facts.architecture != "qwen2" && facts.biased(&["attn_q", "attn_k", "attn_v", "attn_output"]);
    config.insert("attention_bias".to_owned(), json!(biased));
    let (key, value) = (facts.number("attention.key_length")?, facts.number("attention.value_length")?);
    if value.is_some() && key != value {
        let value = format!("{value:?} beside attention.key_length {key:?}");
        return Err(Refusal::unsupported("attention.value_length", value));
    }
    Ok(())
}

fn latent(facts: &Facts, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("kv_lora_rank", "attention.kv_lora_rank"),
        ("q_lora_rank", "attention.q_lora_rank"),
        ("qk_rope_head_dim", "rope.dimension_count"),
        ("v_head_dim", "attention.value_length_mla"),
    ];
    facts.copy(config, &keys)?;
    // Newer files keep the sizes of a head under names of their own, because the cache has other ones; older files have
    // only the plain names, which then mean the head.
    let key = match facts.number("attention.key_length_mla")? {
        Some(key) => Some(key),
        None => {
            facts.copy(config, &[("v_head_dim", "attention.value_length")])?;
            facts.number("attention.key_length")?
        }
    };
    let biased = facts.biased(&["attn_q_a", "attn_kv_a_mqa", "attn_output"]);
    config.insert("attention_bias".to_owned(), json!(biased));
    let rope = facts.number("rope.dimension_count")?;
    if let (Some(key), Some(rope)) = (key, rope) {
        config.insert("qk_nope_head_dim".to_owned(), whole(key - rope));
    }
    Ok(())
}

fn experts(facts: &Facts, config: &mut Map<String, Json>) -> Result<()> {
    let keys = [
        ("n_routed_experts", "expert_count"),
        ("n_shared_experts", "expert_shared_count"),
        ("num_experts_per_tok", "expert_used_count"),
        ("moe_intermediate_size", "expert_feed_forward_length"),
        ("first_k_dense_replace", "leading_dense_block_count"),
        ("moe_layer_freq", "moe_every_n_layers"),
        ("routed_scaling_factor", "expert_weights_scale"),
    ];
    facts.copy(config, &keys)?;
    // A scale of 0 is how the format says that there is none.
    if config.get("routed_scaling_factor").and_then(Json::as_f64) == Some(0.0) {
        config.remove("routed_scaling_factor");
    }
    config.insert("norm_topk_prob".to_owned(), json!(facts.flag("expert_weights_norm").unwrap_or(false)));
    Ok(())
}

/// How experts are chosen, and with it which of the two families this is.
fn gate(facts: &Facts, config: &mut Map<String, Json>) -> Result<&'static str> {
    let biased = facts.gguf.tensors.keys().any(|name| name.contains(".exp_probs_b"));
    let sigmoid = match facts.value("expert_gating_func") {
        Some(Value::Integer(SIGMOID)) => true,
        Some(Value::Integer(SOFTMAX | 0)) => false,
        // Files older than the key: only V3 has the bias.
        None => biased,
        Some(other) => {
            return Err(Refusal::unsupported("deepseek2.expert_gating_func", format!("{other:?}")));
        }
    };
    if biased && !sigmoid {
        return Err(Refusal::unsupported("exp_probs_b", "a bias of a gate that is no sigmoid"));
    }
    let count = facts.number("expert_count")?.unwrap_or(0.0);
    let written = (facts.number("expert_group_count")?, facts.number("expert_group_used_count")?);
    // Older files have no groups although the models do: R1 would choose from all of its 256 experts.
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
    config.insert("n_group".to_owned(), whole(groups));
    config.insert("topk_group".to_owned(), whole(kept));
    if sigmoid && facts.flag("expert_weights_norm").is_none() {
        // Every published model with this gate normalises.
        config.insert("norm_topk_prob".to_owned(), json!(true));
    }
    Ok(if sigmoid { "DeepseekV3ForCausalLM" } else { "DeepseekV2ForCausalLM" })
}

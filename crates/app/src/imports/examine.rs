//! What a person's own files say, read before they are taken into the list: family, size, context and the sampling its
//! makers advise. Refuses what the engine would refuse, with the same codes. Runs no model.
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use checkpoint::{Attention, Checkpoint, Dtype, ModelConfig, TokenizerSource, WeightSource};
use contract::{ErrorCode, ErrorView};
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;

/// Kept in the list, so that the page does not open every file at each look.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub name: String,
    /// As the field says it: "DeepSeek-V3".
    pub architecture: String,
    /// Of most of the bytes: "FP8", "BF16".
    pub precision: String,
    /// Numbers in the layers that answer; what only drafts ahead is left out.
    pub params_total: u64,
    /// Of these, how many one token uses.
    pub params_active: u64,
    /// Bytes of weights.
    pub bytes: u64,
    pub context_max: u32,
    pub layers: u64,
    pub cache: Cached,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
}

/// What one token leaves in the cache of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Cached {
    Latent { width: u64 },
    Heads { kv_heads: u64, head_dim: u64 },
}

/// Where the model lies that a choice means: the folder of its safetensors, or its GGUF file, also one a level below.
pub(crate) fn place(chosen: &Path) -> Result<PathBuf, ErrorView> {
    let path =
        std::path::absolute(chosen).map_err(|error| storage_error("find the model", chosen, &error))?;
    checkpoint::find(&path).map_err(|error| refusal(&path, error.failure(), &error))
}

/// Reads the configuration and the head of every weight file.
pub(crate) fn examine(path: &Path) -> Result<Facts, ErrorView> {
    let Checkpoint { config, weights, tokenizer } =
        checkpoint::open(path).map_err(|error| refusal(path, error.failure(), &error))?;
    let tensors = answering(&config);
    complete(path, &*weights, &tensors)?;
    if let TokenizerSource::Folder(folder) = &tokenizer {
        for part in ["tokenizer.json", "tokenizer_config.json"] {
            if !folder.join(part).is_file() {
                let message = format!("add the model: {part} is not beside it");
                let missing = ErrorView::new(ErrorCode::TokenizerUnusable, message);
                return Err(missing.with("path", folder.join(part).display()));
            }
        }
    }
    let (params_total, params_active) = params(&tensors, &config);
    let advice = advice(path);
    Ok(Facts {
        name: name(path),
        architecture: family(&config).to_owned(),
        precision: precision(&*weights, &tensors),
        params_total,
        params_active,
        // As the catalogue counts: the file where there is one, which has a header besides the tensors.
        bytes: file_size(path).unwrap_or_else(|| weights.total_bytes()),
        context_max: u32::try_from(config.decoder().max_position_embeddings).unwrap_or(u32::MAX),
        layers: config.decoder().num_hidden_layers as u64,
        cache: cache(&config),
        temperature: advice.temperature,
        top_p: advice.top_p,
    })
}

/// Of a model in one file.
fn file_size(path: &Path) -> Option<u64> {
    let whole = path.file_name().is_some_and(|name| !name.to_string_lossy().contains("-of-"));
    std::fs::metadata(path).ok().filter(|meta| meta.is_file() && whole).map(|meta| meta.len())
}

/// The name that people know a family by.
fn family(config: &ModelConfig) -> &'static str {
    match config {
        ModelConfig::DeepseekV2(_) => "DeepSeek-V2",
        ModelConfig::DeepseekV3(_) => "DeepSeek-V3",
        ModelConfig::Deepseek(_) => "DeepSeekMoE",
        ModelConfig::Qwen2(_) => "Qwen2",
        ModelConfig::Qwen3(_) => "Qwen3",
        ModelConfig::Llama(_) => "Llama",
        ModelConfig::DeepseekVl2(_) => "DeepSeek-VL2",
    }
}

/// Every tensor that answering takes, with its shape. Layers that only draft ahead are left out.
fn answering(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let layers = config.decoder().num_hidden_layers;
    let drafts = |name: &str| layer_of(name).is_some_and(|layer| layer >= layers);
    config.tensors().into_iter().filter(|(name, _)| !drafts(name)).collect()
}

fn layer_of(tensor: &str) -> Option<usize> {
    tensor.strip_prefix("model.layers.")?.split('.').next()?.parse().ok()
}

fn complete(
    path: &Path,
    weights: &dyn WeightSource,
    tensors: &[(String, Vec<usize>)],
) -> Result<(), ErrorView> {
    let names: HashSet<String> = weights.names().into_iter().collect();
    for (name, shape) in tensors {
        if !names.contains(name) {
            return Err(incomplete(path, &format!("{name} is missing")));
        }
        let (_, actual) = weights.layout(name).map_err(|error| refusal(path, error.failure(), &error))?;
        if actual != *shape {
            let why = format!("{name} has the shape {actual:?} and config.json means {shape:?}");
            return Err(incomplete(path, &why));
        }
    }
    Ok(())
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().map(|&size| size as u64).product()
}

/// One token uses its share of the experts, and of the embeddings one row: nothing, unless they are the head as well.
fn params(tensors: &[(String, Vec<usize>)], config: &ModelConfig) -> (u64, u64) {
    let (mut total, mut routed, mut looked_up) = (0u64, 0u64, 0u64);
    for (name, shape) in tensors {
        let count = count(shape);
        total = total.saturating_add(count);
        if name.contains(".mlp.experts.") {
            routed = routed.saturating_add(count);
        } else if name.ends_with("model.embed_tokens.weight") && !config.decoder().tie_word_embeddings {
            looked_up = count;
        }
    }
    let (used, of) = config
        .experts()
        .map_or((1, 1), |experts| (experts.num_experts_per_tok as u128, experts.n_routed_experts as u128));
    let used = u64::try_from(u128::from(routed) * used / of).unwrap_or(routed);
    (total, total - routed - looked_up + used)
}

fn cache(config: &ModelConfig) -> Cached {
    match config.attention() {
        Attention::Latent(latent) => {
            Cached::Latent { width: (latent.kv_lora_rank + latent.qk_rope_head_dim) as u64 }
        }
        Attention::Grouped(grouped) => {
            Cached::Heads { kv_heads: grouped.num_key_value_heads as u64, head_dim: grouped.head_dim as u64 }
        }
    }
}

/// How most numbers of the feed-forward parts are stored, which are most of any model.
fn precision(weights: &dyn WeightSource, tensors: &[(String, Vec<usize>)]) -> String {
    let mut stored = HashMap::<Dtype, u64>::new();
    for (name, shape) in tensors.iter().filter(|(name, _)| name.contains(".mlp.")) {
        if let Ok((dtype, _)) = weights.layout(name) {
            *stored.entry(dtype).or_default() += count(shape);
        }
    }
    match stored.into_iter().max_by_key(|(_, count)| *count) {
        // As its makers call it on their pages.
        Some((Dtype::F8E4M3, _)) => "FP8".to_owned(),
        Some((dtype, _)) => dtype.name().to_owned(),
        None => String::new(),
    }
}

#[derive(Default, Deserialize)]
struct Advice {
    temperature: Option<f32>,
    top_p: Option<f32>,
}

/// Only advice: a file that is missing, odd or out of range advises nothing.
fn advice(path: &Path) -> Advice {
    let text = std::fs::read(path.join("generation_config.json")).unwrap_or_default();
    let advice: Advice = serde_json::from_slice(&text).unwrap_or_default();
    Advice {
        temperature: advice.temperature.filter(|value| (0.0..=2.0).contains(value)),
        top_p: advice.top_p.filter(|value| (0.0..=1.0).contains(value)),
    }
}

/// The name of the folder; the cache of Hugging Face hides it two folders up, as `models--<maker>--<name>`.
fn name(path: &Path) -> String {
    let snapshots = path.parent().filter(|folder| folder.ends_with("snapshots"));
    let cached =
        snapshots.and_then(Path::parent).and_then(Path::file_name).map(|name| name.to_string_lossy());
    let cached = cached.and_then(|name| Some(name.strip_prefix("models--")?.rsplit_once("--")?.1.to_owned()));
    let folder = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let own = if path.is_dir() { folder() } else { checkpoint::gguf::stem(path) };
    cached.unwrap_or(if own.is_empty() { "model".to_owned() } else { own })
}

fn incomplete(path: &Path, why: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ModelFileInvalid, format!("add the model: {why}")).with("path", path.display())
}

/// The same code as a start would have, but for a path at which there is no model at all.
fn refusal(path: &Path, failure: checkpoint::Failure, error: &dyn std::error::Error) -> ErrorView {
    let code = match failure.code {
        ErrorCode::ModelNotFound => ErrorCode::NotAModel,
        code => code,
    };
    let view = ErrorView::new(code, error.to_string()).with("path", path.display());
    failure.detail.into_iter().fold(view, |view, (name, value)| view.with(name, value))
}

#[cfg(test)]
#[path = "examine_tests.rs"]
mod tests;

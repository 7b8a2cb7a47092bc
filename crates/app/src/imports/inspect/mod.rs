//! Reads the files of a model that the user imports: architecture, size, context length and recommended
//! sampling. Refuses the files that the engine would refuse, with the same codes. Runs no model.
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use checkpoint::gguf::Peek;
use checkpoint::memory::ActivationSizes;
use checkpoint::{Attention, Checkpoint, Dtype, ModelConfig, TokenizerSource, WeightSource};
use contract::{ErrorCode, ErrorView};
use serde::{Deserialize, Serialize};

use crate::convert::storage_error;
use crate::other_programs::label_of_blob;

mod identity;

/// Stored in the list, so that the page does not open every file each time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelFileFacts {
    pub name: String,
    /// The id of the model of the catalogue that the files are.
    #[serde(default)]
    pub known_as: Option<String>,
    /// The usual name, such as "DeepSeek-V3".
    pub architecture: String,
    /// The precision of most of the weights: "FP8", "BF16".
    pub precision: String,
    /// Parameters without the layers for multi-token prediction.
    pub params_total: u64,
    /// The parameters of these that one token uses.
    pub params_active: u64,
    /// Bytes of weights.
    pub bytes: u64,
    pub context_max: u32,
    pub layers: u64,
    pub cache: CacheShape,
    /// What a pass on a graphics card needs; `None` in the list of an earlier version.
    #[serde(default)]
    pub activations: Option<ActivationSizes>,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    /// Whether the template can switch reasoning on and off; `None` where the worker has not said yet.
    #[serde(default)]
    pub switches_reasoning: Option<bool>,
}

/// The cache entry of one token in one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum CacheShape {
    /// `rope` of the `width` are the rotated key.
    Latent {
        width: u64,
        #[serde(default = "published_rope")]
        rope: u64,
    },
    Heads {
        kv_heads: u64,
        head_dim: u64,
    },
}

/// The rotated key of every published DeepSeek model.
fn published_rope() -> u64 {
    64
}

/// The path of the model that was chosen: the folder of its safetensors or its GGUF file, also one level
/// below.
pub(crate) fn locate(chosen: &Path) -> Result<PathBuf, ErrorView> {
    let path =
        std::path::absolute(chosen).map_err(|error| storage_error("find the model", chosen, &error))?;
    checkpoint::find(&path).map_err(|error| refusal(&path, error.failure(), &error))
}

/// Reads the configuration and the header of every weight file.
pub(crate) fn inspect(path: &Path) -> Result<ModelFileFacts, ErrorView> {
    let Checkpoint { config, weights, tokenizer } =
        checkpoint::open(path).map_err(|error| refusal(path, error.failure(), &error))?;
    let tensors = required_tensors(&config);
    check_complete(path, &*weights, &tensors)?;
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
    let recommended = generation_config(path);
    let about = if path.is_dir() { Default::default() } else { Peek::of(path).about() };
    let mut facts = ModelFileFacts {
        name: String::new(),
        known_as: None,
        architecture: family(&config).to_owned(),
        precision: precision(&*weights, &tensors),
        params_total,
        params_active,
        // As in the catalogue: the size of a single file includes its header.
        bytes: file_size(path).unwrap_or_else(|| weights.total_bytes()),
        context_max: u32::try_from(config.decoder().max_position_embeddings).unwrap_or(u32::MAX),
        layers: config.decoder().num_hidden_layers as u64,
        cache: cache(&config),
        activations: Some(ActivationSizes::of(&config)),
        temperature: recommended.temperature.or(about.temperature),
        top_p: recommended.top_p.or(about.top_p),
        switches_reasoning: None,
    };
    facts.identify(&about, &name(path));
    Ok(facts)
}

/// The precision, as a name has it where it ends with it: "Q4_K_M" is a mixture of Q4_K.
pub(super) fn precision_label(name: &str, precision: &str) -> String {
    let last = name.rsplit(['-', '.']).next().unwrap_or_default();
    let named = last.starts_with(precision) && !precision.is_empty();
    if named { last.to_owned() } else { precision.to_owned() }
}

/// The size of a model in one file.
fn file_size(path: &Path) -> Option<u64> {
    let single = path.file_name().is_some_and(|name| !name.to_string_lossy().contains("-of-"));
    std::fs::metadata(path).ok().filter(|meta| meta.is_file() && single).map(|meta| meta.len())
}

/// The usual name of a model family.
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

/// The tensors that inference needs, with their shapes, without the layers for multi-token prediction.
fn required_tensors(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
    let layers = config.decoder().num_hidden_layers;
    let predicts = |name: &str| layer_of(name).is_some_and(|layer| layer >= layers);
    config.tensors().into_iter().filter(|(name, _)| !predicts(name)).collect()
}

fn layer_of(tensor: &str) -> Option<usize> {
    tensor.strip_prefix("model.layers.")?.split('.').next()?.parse().ok()
}

fn check_complete(
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
            let reason = format!("{name} has the shape {actual:?}, and config.json requires {shape:?}");
            return Err(incomplete(path, &reason));
        }
    }
    Ok(())
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().map(|&size| size as u64).product()
}

/// Total and active parameters. A token uses its share of the experts. Embeddings count as active only where
/// they are also the output head.
fn params(tensors: &[(String, Vec<usize>)], config: &ModelConfig) -> (u64, u64) {
    let (mut total, mut routed, mut embeddings) = (0u64, 0u64, 0u64);
    for (name, shape) in tensors {
        let count = count(shape);
        total = total.saturating_add(count);
        if name.contains(".mlp.experts.") {
            routed = routed.saturating_add(count);
        } else if name.ends_with("model.embed_tokens.weight") && !config.decoder().tie_word_embeddings {
            embeddings = count;
        }
    }
    let (used, of) = config
        .experts()
        .map_or((1, 1), |experts| (experts.num_experts_per_tok as u128, experts.n_routed_experts as u128));
    let used = u64::try_from(u128::from(routed) * used / of).unwrap_or(routed);
    (total, total - routed - embeddings + used)
}

fn cache(config: &ModelConfig) -> CacheShape {
    match config.attention() {
        Attention::Latent(latent) => {
            let rope = latent.qk_rope_head_dim as u64;
            CacheShape::Latent { width: latent.kv_lora_rank as u64 + rope, rope }
        }
        Attention::Grouped(grouped) => CacheShape::Heads {
            kv_heads: grouped.num_key_value_heads as u64,
            head_dim: grouped.head_dim as u64,
        },
    }
}

/// The data type of most feed-forward weights, which are most of the weights of any model.
fn precision(weights: &dyn WeightSource, tensors: &[(String, Vec<usize>)]) -> String {
    let mut counts = HashMap::<Dtype, u64>::new();
    for (name, shape) in tensors.iter().filter(|(name, _)| name.contains(".mlp.")) {
        if let Ok((dtype, _)) = weights.layout(name) {
            *counts.entry(dtype).or_default() += count(shape);
        }
    }
    match counts.into_iter().max_by_key(|(_, count)| *count) {
        // DeepSeek's name of this data type.
        Some((Dtype::F8E4M3, _)) => "FP8".to_owned(),
        Some((dtype, _)) => dtype.name().to_owned(),
        None => String::new(),
    }
}

#[derive(Default, Deserialize)]
struct GenerationConfig {
    temperature: Option<f32>,
    top_p: Option<f32>,
}

/// The recommended sampling. A file that is missing, not valid or out of range gives no recommendation.
fn generation_config(path: &Path) -> GenerationConfig {
    let text = std::fs::read(path.join("generation_config.json")).unwrap_or_default();
    let config: GenerationConfig = serde_json::from_slice(&text).unwrap_or_default();
    GenerationConfig {
        temperature: config.temperature.filter(|value| (0.0..=2.0).contains(value)),
        top_p: config.top_p.filter(|value| (0.0..=1.0).contains(value)),
    }
}

/// The name of the folder or the file, unless a program arranged them: in the cache of Hugging Face the name
/// is two folders up, as `models--<maker>--<name>`; ModelScope writes a dot as "___"; Jan names a folder and
/// calls the file `model.gguf`; Ollama names a blob in a manifest.
fn name(path: &Path) -> String {
    let file_name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let snapshots = path.parent().filter(|folder| folder.ends_with("snapshots"));
    let cached = snapshots.and_then(Path::parent).map(file_name);
    let cached = cached.and_then(|name| Some(name.strip_prefix("models--")?.rsplit_once("--")?.1.to_owned()));
    if let Some(name) = cached.or_else(|| label_of_blob(path)) {
        return name;
    }
    let own = if path.is_dir() { file_name(path) } else { checkpoint::gguf::stem(path) };
    let folder = path.parent().map(file_name).filter(|name| !name.is_empty());
    let name = folder.filter(|_| own == "model" && !path.is_dir()).unwrap_or(own);
    if name.is_empty() { "model".to_owned() } else { name.replace("___", ".") }
}

fn incomplete(path: &Path, reason: &str) -> ErrorView {
    ErrorView::new(ErrorCode::ModelFileInvalid, format!("add the model: {reason}"))
        .with("path", path.display())
        .with("part", reason)
}

/// The same code as at a start, except for a path without a model.
pub(crate) fn refusal(path: &Path, failure: checkpoint::Failure, error: &dyn std::error::Error) -> ErrorView {
    let code = match failure.code {
        ErrorCode::ModelNotFound => ErrorCode::NotAModel,
        code => code,
    };
    let view = ErrorView::new(code, error.to_string()).with("path", path.display());
    failure.detail.into_iter().fold(view, |view, (name, value)| view.with(name, value))
}

#[cfg(test)]
mod tests;

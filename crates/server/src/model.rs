//! A loaded model: its engine, tokenizer, prompt format and memory budget.
//! Opening it reads all weights, which takes minutes for a large model; it is done once per process.
use std::path::{Path, PathBuf};

use checkpoint::memory::{
    BudgetParams, CARD_CHUNK, HOST_CHUNK, MemoryBudget, default_cache_dtype, weight_dtype,
};
use checkpoint::{Checkpoint, ModelConfig, WeightSource};
use engine::{Engine, EngineOptions, Spill, StartError};
use models::{Ledger, LoadError, LoadOptions, PAGE_TOKENS};
use protocol::{CacheDtype, CardRefusal, ErrorCode, ExpertLayers, ParameterCount, WorkerArgs, WorkerFailure};
use sha2::{Digest, Sha256};
use text::{ChatTemplate, Tokenizer};

use crate::args::{DEFAULT_CONTEXT, activation_dtype, cache_dtype, speculation};
use crate::card_budget::memory_budget;
use crate::error::{load_failure, open_failure};
use crate::images::ImageEncoder;
use crate::place::ChosenPlace;
use crate::text_pipeline::{PromptSource, TextPipeline};

pub struct LoadedModel {
    pub engine: Engine,
    pub tokenizer: Tokenizer,
    pub prompt_format: PromptFormat,
    pub ledger: Ledger,
    pub memory_budget: MemoryBudget,
    /// Tokens of the widest pass.
    pub prefill_chunk: usize,
    /// A distilled reasoning model: it always reasons, and sometimes leaves out the opening tag.
    pub omits_think_tag: bool,
    pub cache_dtype: CacheDtype,
    /// Bytes of the whole cache as bf16.
    pub cache_bf16: u64,
    /// In a mixture of experts.
    pub experts: Option<ExpertLayers>,
    /// By MoE layer: `e_score_correction_bias` of each expert; empty in a router without.
    pub router_bias: Vec<Vec<f32>>,
    pub parameters: ParameterCount,
    /// Of its files.
    pub path: PathBuf,
    /// Where it computes, and what is told of it.
    pub place: ChosenPlace,
    /// Bytes of the process before the model, where the system tells.
    pub resident_before: Option<u64>,
}

/// How a conversation becomes a prompt.
pub enum PromptFormat {
    /// By the model's own chat template.
    Template(Box<ChatTemplate>),
    /// With images, by the published code of the family.
    Images(ImageEncoder),
}

impl LoadedModel {
    /// Reads everything of a model; `progress` gets (bytes done, bytes in total).
    pub fn open(args: &WorkerArgs, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, WorkerFailure> {
        let resident_before = hardware::resident(std::process::id());
        let path = args.model.display().to_string();
        let invalid = |message: String| {
            WorkerFailure::new(ErrorCode::ModelFileInvalid, message).with("path", path.clone())
        };
        let checkpoint = checkpoint::open(&args.model).map_err(|error| open_failure(&error))?;
        let TextPipeline { tokenizer, prompt } = TextPipeline::open(&checkpoint, &args.model)?;

        let context = context(args, checkpoint.config.decoder().max_position_embeddings)?;
        let cache = args.cache_dtype.map_or_else(|| default_cache_dtype(context), cache_dtype);
        let defaults = EngineOptions::default();
        let budget_params = BudgetParams {
            context,
            sequences: args.sequences.into(),
            cache,
            chunk: HOST_CHUNK,
            threads: rayon::current_num_threads(),
        };
        let mut chosen = ChosenPlace::choose(args, &checkpoint, &budget_params)?;
        let (config, weights) = (&checkpoint.config, &*checkpoint.weights);
        let requantize = args.shrink.map(weight_dtype);
        let on_card = !chosen.place.is_host();
        let prefill_chunk = if on_card { CARD_CHUNK } else { HOST_CHUNK };
        let params = BudgetParams { chunk: prefill_chunk, ..budget_params };
        let memory_budget = memory_budget(config, weights, &params, requantize, on_card);
        let memory_budget = memory_budget.map_err(|error| invalid(error.to_string()))?;
        let spill =
            args.prefix_cache.as_deref().map(|dir| spill(dir, args.prefix_cache_mib, &*checkpoint.weights));
        let options = EngineOptions {
            context,
            max_sequences: budget_params.sequences,
            cache_dtype: cache,
            prefill_chunk,
            speculation: speculation(args.speculation),
            spill: spill.transpose().map_err(|error| invalid(error.to_string()))?,
            ..defaults
        };
        let activations = activation_dtype(args.activations);
        let read_ahead = reads_ahead(&checkpoint);
        let load = LoadOptions { place: chosen.place.clone(), requantize, activations, read_ahead };
        let model = models::load(&checkpoint, &load, progress).map_err(|error| match error {
            LoadError::Place(_) | LoadError::Tensor { .. } if !chosen.place.is_host() => {
                CardRefusal::Failed { message: first_line(&error) }.failure()
            }
            error => load_failure(&error),
        })?;
        let ledger = model.ledger().clone();
        let prompt_format = match (prompt, model.vision()) {
            (PromptSource::Template(template), _) => PromptFormat::Template(template),
            (PromptSource::Images(template, tiling), Some(tower)) => {
                PromptFormat::Images(ImageEncoder::new(template, tiling, tower))
            }
            _ => return Err(invalid("the model has neither a template nor a vision tower".to_owned())),
        };
        let router_bias = model.router_bias();
        let pages = (context.div_ceil(PAGE_TOKENS) * budget_params.sequences) as u64;
        let cache_bf16 = model.cache_shape().page_bytes(models::CacheDtype::Bf16) as u64 * pages;
        let engine =
            Engine::start(model, options).map_err(|error| start_failure(&error, !chosen.place.is_host()))?;
        chosen.measure();
        if let Err(error) = engine.restored() {
            // The engine works without them.
            tracing::warn!(%error, "the prefix cache was not restored");
        }
        let omits_think_tag = matches!(
            checkpoint.config,
            ModelConfig::Qwen2(_) | ModelConfig::Qwen3(_) | ModelConfig::Llama(_)
        ) && matches!(&prompt_format, PromptFormat::Template(template) if template.handles_reasoning());
        let experts = checkpoint.config.experts().map(|experts| ExpertLayers {
            n_routed_experts: experts.n_routed_experts,
            num_experts_per_tok: experts.num_experts_per_tok,
            layers: (0..checkpoint.config.decoder().num_hidden_layers)
                .filter(|&layer| experts.is_moe(layer))
                .collect(),
        });
        Ok(Self {
            engine,
            tokenizer,
            prompt_format,
            ledger,
            memory_budget,
            prefill_chunk,
            omits_think_tag,
            cache_dtype: if cache == models::CacheDtype::Fp8 { CacheDtype::Fp8 } else { CacheDtype::Bf16 },
            cache_bf16,
            experts,
            router_bias,
            parameters: parameters(&checkpoint.config),
            path: args.model.clone(),
            place: chosen,
            resident_before,
        })
    }
}

/// How many there are by the shapes of the weights, without the MTP layer.
fn parameters(config: &ModelConfig) -> ParameterCount {
    let mut count = ParameterCount::default();
    for (name, shape) in config.tensors() {
        let parameters = shape.iter().product::<usize>() as u64;
        count.total += parameters;
        count.experts += if name.contains(".mlp.experts.") { parameters } else { 0 };
    }
    let share = config
        .experts()
        .map_or(1.0, |experts| experts.num_experts_per_tok as f64 / experts.n_routed_experts as f64);
    count.active = count.total - count.experts + (count.experts as f64 * share).round() as u64;
    count
}

impl LoadedModel {
    /// A token as text; bytes that are a part of a character only are U+FFFD.
    pub fn token_text(&self, id: u32) -> String {
        String::from_utf8_lossy(self.tokenizer.bytes(id)).into_owned()
    }
}

/// Whether the weights are larger than the memory that is available, so that a part of them is read again and
/// again.
pub fn reads_ahead(checkpoint: &Checkpoint) -> bool {
    checkpoint.weights.total_bytes() > hardware::available_memory()
}

/// Tokens of one conversation.
///
/// # Errors
/// When the start names more than the model supports: a shorter context would end conversations early without
/// an error.
fn context(args: &WorkerArgs, most: usize) -> Result<usize, WorkerFailure> {
    match args.context.map(|context| context as usize) {
        None => Ok(DEFAULT_CONTEXT.min(most)),
        Some(context) if context <= most => Ok(context),
        Some(context) => {
            let message = format!("serve --context {context}: this model supports at most {most} tokens");
            Err(WorkerFailure::new(ErrorCode::InvalidInput, message)
                .with("context", context)
                .with("most", most))
        }
    }
}

/// A backtrace may follow.
fn first_line(error: &impl ToString) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}

fn start_failure(error: &StartError, on_card: bool) -> WorkerFailure {
    let failure = |code| WorkerFailure::new(code, error.to_string());
    match error {
        StartError::Cache { needed, available, .. } => {
            failure(ErrorCode::OutOfMemory).with("needed", *needed).with("free", *available)
        }
        StartError::Pages(_) => failure(ErrorCode::OutOfMemory),
        StartError::SelfCheck(reason) if on_card => {
            failure(ErrorCode::CardUnchecked).with("reason", first_line(reason))
        }
        StartError::SelfCheck(_) => failure(ErrorCode::Internal),
        StartError::Thread(_) => failure(ErrorCode::Internal),
    }
}

/// The file of this model's kept prompts, named by a hash of the weights: their headers and the beginning of
/// every tensor.
fn spill(dir: &Path, mib: u64, weights: &dyn WeightSource) -> Result<Spill, checkpoint::WeightError> {
    let mut hash = Sha256::new();
    for name in weights.names() {
        let view = weights.tensor(&name)?;
        let bytes = view.bytes();
        hash.update(format!("{name} {} {:?}\n", view.dtype.name(), view.shape));
        hash.update(&bytes[..bytes.len().min(64)]);
    }
    let model_hash: [u8; 32] = hash.finalize().into();
    let name = hex::encode(&model_hash[..8]);
    Ok(Spill { file: dir.join(format!("{name}.kv")), model_hash, max_bytes: mib * (1 << 20) })
}

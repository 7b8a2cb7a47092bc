//! A model ready to answer: its engine, its tokenizer, its template, and what it was expected to take.
use std::path::Path;

use checkpoint::{ModelConfig, WeightSource};
use engine::{Engine, EngineOptions, Spill, StartError};
use models::{Device, Ledger, LoadOptions};
use protocol::{ErrorCode, WorkerArgs, WorkerFailure};
use sha2::{Digest, Sha256};
use text::{ChatTemplate, Tokenizer};

use crate::args::{DEFAULT_CONTEXT, cache_dtype, default_cache_dtype, speculation, weight_dtype};
use crate::error::{load_failure, open_failure};
use crate::memory::resident;
use crate::pictures::Seeing;
use crate::plan::{Plan, Use};
use crate::text_pipeline::{PromptSource, TextPipeline};

pub struct Loaded {
    pub engine: Engine,
    pub tokenizer: Tokenizer,
    pub speech: Speech,
    pub ledger: Ledger,
    pub plan: Plan,
    /// A distill: it always thinks, and sometimes leaves out the tag that says so.
    pub thinks_untold: bool,
    /// Routed experts of a layer; 0 in models without.
    pub experts: usize,
    /// Bytes of the process before the model, where the system tells.
    pub resident_before: Option<u64>,
}

/// How a conversation becomes a prompt.
pub enum Speech {
    /// By the template that the model brings.
    Template(Box<ChatTemplate>),
    /// With pictures, by the published code of the family.
    Pictures(Seeing),
}

impl Loaded {
    /// Reads everything of a model; `progress` hears (bytes done, bytes in all).
    pub fn open(args: &WorkerArgs, progress: &mut dyn FnMut(u64, u64)) -> Result<Self, WorkerFailure> {
        let resident_before = resident();
        let path = args.model.display().to_string();
        let invalid = |message: String| {
            WorkerFailure::new(ErrorCode::ModelFileInvalid, message).with("path", path.clone())
        };
        let checkpoint = checkpoint::open(&args.model).map_err(|error| open_failure(&error))?;
        let TextPipeline { tokenizer, prompt } = TextPipeline::open(&checkpoint, &args.model)?;

        let context = context(args, checkpoint.config.decoder().max_position_embeddings)?;
        let cache = cache_dtype(args.cache_dtype.unwrap_or_else(|| default_cache_dtype(context)));
        let plain = EngineOptions::default();
        let how = Use { context, sequences: args.sequences.into(), cache, chunk: plain.prefill_chunk };
        let plan = Plan::new(&checkpoint.config, &*checkpoint.weights, &how)
            .map_err(|error| invalid(error.to_string()))?;
        let spill =
            args.prefix_cache.as_deref().map(|dir| spill(dir, args.prefix_cache_mib, &*checkpoint.weights));
        let options = EngineOptions {
            context,
            max_sequences: how.sequences,
            cache_dtype: cache,
            speculation: speculation(args.speculation),
            spill: spill.transpose().map_err(|error| invalid(error.to_string()))?,
            ..plain
        };
        let load = LoadOptions { device: Device::Cpu, requantize: args.shrink.map(weight_dtype) };
        let model = models::load(&checkpoint, &load, progress).map_err(|error| load_failure(&error))?;
        let ledger = model.ledger().clone();
        let speech = match (prompt, model.vision()) {
            (PromptSource::Template(template), _) => Speech::Template(template),
            (PromptSource::Images(turns, tiling), Some(vision)) => {
                Speech::Pictures(Seeing::new(turns, tiling, vision))
            }
            _ => return Err(invalid("the model has neither a template nor eyes".to_owned())),
        };
        let engine = Engine::start(model, options).map_err(|error| start_failure(&error))?;
        if let Err(error) = engine.restored() {
            // The engine goes on without them, and whoever reads the log knows why.
            eprintln!("failed to {error}");
        }
        let thinks_untold = matches!(
            checkpoint.config,
            ModelConfig::Qwen2(_) | ModelConfig::Qwen3(_) | ModelConfig::Llama(_)
        ) && matches!(&speech, Speech::Template(template) if template.handles_reasoning());
        let experts = checkpoint.config.experts().map_or(0, |experts| experts.n_routed_experts);
        Ok(Self { engine, tokenizer, speech, ledger, plan, thinks_untold, experts, resident_before })
    }
}

/// Tokens of one conversation.
///
/// # Errors
/// When more was asked for than the model reads: a shorter one would end conversations early without a word.
fn context(args: &WorkerArgs, most: usize) -> Result<usize, WorkerFailure> {
    match args.context.map(|context| context as usize) {
        None => Ok(DEFAULT_CONTEXT.min(most)),
        Some(context) if context <= most => Ok(context),
        Some(context) => {
            let message = format!("serve --context {context}: this model reads at most {most} tokens");
            Err(WorkerFailure::new(ErrorCode::InvalidInput, message)
                .with("context", context)
                .with("most", most))
        }
    }
}

fn start_failure(error: &StartError) -> WorkerFailure {
    let failure = |code| WorkerFailure::new(code, error.to_string());
    match error {
        StartError::Cache { needed, available, .. } => {
            failure(ErrorCode::OutOfMemory).with("needed", *needed).with("free", *available)
        }
        StartError::Pages(_) => failure(ErrorCode::OutOfMemory),
        StartError::Thread(_) => failure(ErrorCode::Internal),
    }
}

/// Where kept prompts of this model lie. The name is of the weights: their headers and the beginning of every tensor.
fn spill(dir: &Path, mib: u64, weights: &dyn WeightSource) -> Result<Spill, checkpoint::WeightError> {
    let mut hash = Sha256::new();
    for name in weights.names() {
        let view = weights.tensor(&name)?;
        let bytes = view.bytes();
        hash.update(format!("{name} {} {:?}\n", view.dtype.name(), view.shape));
        hash.update(&bytes[..bytes.len().min(64)]);
    }
    let model_hash: [u8; 32] = hash.finalize().into();
    let name: String = model_hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Spill { file: dir.join(format!("{name}.kv")), model_hash, max_bytes: mib * (1 << 20) })
}

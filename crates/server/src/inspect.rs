//! `whaledeck-engine inspect`: what a model file holds and the memory it would need, without loading it.
//! Bytes are exact in JSON and in GiB as text. With `--check` it does what a start does before reading
//! weights.
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use checkpoint::memory::{BudgetParams, BudgetReport, HOST_CHUNK, MemoryBudget, cache_shape, weight_parts};
use checkpoint::{Attention, Checkpoint, ModelConfig, TokenizerSource, WeightError};
use models::CacheDtype;
use protocol::{InspectArgs, WorkerLine};
use serde::Serialize;

use crate::error::open_failure;
use crate::output;
use crate::text_pipeline::TextPipeline;
use crate::worker_line::emit;

/// Contexts that the memory is printed for, up to the model's own limit.
const CONTEXTS: [usize; 4] = [4096, 16_384, 65_536, 131_072];

pub fn inspect(args: &InspectArgs) -> io::Result<ExitCode> {
    if args.check {
        return Ok(check(&args.file));
    }
    let report = checkpoint::open(&args.file)
        .map_err(|error| open_failure(&error).message)
        .and_then(|checkpoint| report(&checkpoint).map_err(|error| error.to_string()));
    match report {
        Ok(report) if !args.json => output::print(&as_text(&report)).map(|()| ExitCode::SUCCESS),
        report => output::print_report(report),
    }
}

/// Everything that a start does before it reads weights.
fn check(file: &Path) -> ExitCode {
    let opened = checkpoint::open(file).map_err(|error| open_failure(&error));
    match opened.and_then(|checkpoint| TextPipeline::open(&checkpoint, file)) {
        Ok(pipeline) => {
            emit(&WorkerLine::Checked { switches_reasoning: pipeline.switches_reasoning() });
            ExitCode::SUCCESS
        }
        Err(error) => {
            emit(&WorkerLine::Failed { error });
            ExitCode::FAILURE
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    family: &'static str,
    facts: Facts,
    tokenizer: Tokenizer,
    /// By storage type.
    formats: BTreeMap<&'static str, Format>,
    memory: Vec<ContextBudget>,
    tensors: Vec<Tensor>,
}

#[derive(Debug, Serialize)]
struct Facts {
    parameters: u64,
    num_hidden_layers: usize,
    num_nextn_predict_layers: usize,
    hidden_size: usize,
    vocab_size: usize,
    max_position_embeddings: usize,
    cache_bytes_per_token: CacheBytes,
    attention: AttentionFacts,
    #[serde(skip_serializing_if = "Option::is_none")]
    experts: Option<ExpertFacts>,
}

#[derive(Debug, Serialize)]
struct CacheBytes {
    bf16: usize,
    fp8: usize,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum AttentionFacts {
    Latent { heads: usize, kv_lora_rank: usize, q_lora_rank: Option<usize> },
    Grouped { heads: usize, kv_heads: usize, head_dim: usize },
}

#[derive(Debug, Serialize)]
struct ExpertFacts {
    n_routed_experts: usize,
    num_experts_per_tok: usize,
    moe_intermediate_size: usize,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind")]
enum Tokenizer {
    #[serde(rename = "tokenizer.json")]
    Json,
    #[serde(rename = "gguf")]
    Gguf { model: String, pre: String, tokens: usize, chat_template: bool },
}

#[derive(Debug, Default, Serialize)]
struct Format {
    tensors: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct ContextBudget {
    #[serde(flatten)]
    budget: BudgetReport,
    context: usize,
    cache_dtype: &'static str,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: u64,
}

fn report(checkpoint: &Checkpoint) -> Result<Report, WeightError> {
    let config = &checkpoint.config;
    let mut formats: BTreeMap<&str, Format> = BTreeMap::new();
    let mut tensors = Vec::new();
    for name in checkpoint.weights.names() {
        let view = checkpoint.weights.tensor(&name)?;
        let (dtype, bytes) = (view.dtype.name(), view.bytes().len() as u64);
        let format = formats.entry(dtype).or_default();
        format.tensors += 1;
        format.bytes += bytes;
        tensors.push(Tensor { name, dtype, shape: view.shape.to_vec(), bytes });
    }
    let max = config.decoder().max_position_embeddings;
    let mut contexts: Vec<usize> = CONTEXTS.iter().map(|context| (*context).min(max)).collect();
    contexts.dedup();
    let threads = rayon::current_num_threads();
    let (mut memory, parts) = (Vec::new(), weight_parts(config, &*checkpoint.weights, None)?);
    for context in contexts {
        for (cache_dtype, cache) in [("bf16", CacheDtype::Bf16), ("fp8", CacheDtype::Fp8)] {
            let params = BudgetParams { context, sequences: 1, cache, chunk: HOST_CHUNK, threads };
            let budget = MemoryBudget::on_host(config, parts.clone(), &params).report();
            memory.push(ContextBudget { budget, context, cache_dtype });
        }
    }
    let (facts, tokenizer) = (facts(config), tokenizer(&checkpoint.tokenizer));
    Ok(Report { family: config.architecture(), facts, tokenizer, formats, memory, tensors })
}

fn facts(config: &ModelConfig) -> Facts {
    let decoder = config.decoder();
    let elements = |shape: &[usize]| shape.iter().map(|size| *size as u64).product::<u64>();
    let shape = cache_shape(config);
    Facts {
        parameters: config.tensors().iter().map(|(_, shape)| elements(shape)).sum(),
        num_hidden_layers: decoder.num_hidden_layers,
        num_nextn_predict_layers: config.num_nextn_predict_layers(),
        hidden_size: decoder.hidden_size,
        vocab_size: decoder.vocab_size,
        max_position_embeddings: decoder.max_position_embeddings,
        cache_bytes_per_token: CacheBytes {
            bf16: shape.record_bytes(CacheDtype::Bf16) * shape.layers,
            fp8: shape.record_bytes(CacheDtype::Fp8) * shape.layers,
        },
        attention: match config.attention() {
            Attention::Latent(sizes) => AttentionFacts::Latent {
                heads: sizes.num_attention_heads,
                kv_lora_rank: sizes.kv_lora_rank,
                q_lora_rank: sizes.q_lora_rank,
            },
            Attention::Grouped(sizes) => AttentionFacts::Grouped {
                heads: sizes.num_attention_heads,
                kv_heads: sizes.num_key_value_heads,
                head_dim: sizes.head_dim,
            },
        },
        experts: config.experts().map(|experts| ExpertFacts {
            n_routed_experts: experts.n_routed_experts,
            num_experts_per_tok: experts.num_experts_per_tok,
            moe_intermediate_size: experts.moe_intermediate_size,
        }),
    }
}

fn tokenizer(source: &TokenizerSource) -> Tokenizer {
    match source {
        TokenizerSource::Folder(_) => Tokenizer::Json,
        TokenizerSource::Gguf(gguf) => Tokenizer::Gguf {
            model: gguf.model.clone(),
            pre: gguf.pre.clone(),
            tokens: gguf.tokens.len(),
            chat_template: gguf.chat_template.is_some(),
        },
    }
}

/// The same without the list of tensors, for a terminal.
fn as_text(report: &Report) -> String {
    let mut text = format!("{}\n", report.family);
    for (name, value) in json(&report.facts).as_object().into_iter().flatten() {
        text += &format!("  {name:<28}{value}\n");
    }
    text += &format!("  {:<28}{}\n\nStored as\n", "tokenizer", json(&report.tokenizer));
    for (name, format) in &report.formats {
        text += &format!("  {name:<8}{:>8} tensors {:>12}\n", format.tensors, gib(format.bytes));
    }
    text += "\nMemory for one conversation\n  context   cache      weights        cache      buffers        total\n";
    for ContextBudget { budget, context, cache_dtype } in &report.memory {
        let sizes = [budget.weights, budget.cache, budget.buffers, budget.total];
        let sizes = sizes.map(|bytes| format!("{:>13}", gib(bytes)));
        text += &format!("  {context:<10}{cache_dtype:<6}{}\n", sizes.concat());
    }
    text
}

fn json(value: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(value).expect("a report is plain data")
}

fn gib(bytes: u64) -> String {
    format!("{:.3} GiB", bytes as f64 / f64::from(1 << 30))
}

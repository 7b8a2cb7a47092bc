//! `whaledeck-engine inspect`: what a file holds and what it would take, without loading it.
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use checkpoint::{Attention, Checkpoint, ModelConfig, TokenizerSource, WeightError};
use models::CacheDtype;
use protocol::{InspectArgs, WorkerLine};
use serde_json::{Value, json};

use crate::error::open_failure;
use crate::line::emit;
use crate::plan::{Plan, Use, cache_shape};
use crate::text_pipeline::TextPipeline;

/// Contexts that the plan is printed for, cut to what the model knows.
const CONTEXTS: [usize; 4] = [4096, 16_384, 65_536, 131_072];
const CHUNK: usize = 256;

pub fn inspect(args: &InspectArgs) -> ExitCode {
    if args.check {
        return check(&args.file);
    }
    let report = checkpoint::open(&args.file)
        .map_err(|error| open_failure(&error).message)
        .and_then(|checkpoint| report(&checkpoint).map_err(|error| error.to_string()));
    match report {
        Ok(report) if args.json => println!("{report:#}"),
        Ok(report) => print!("{}", in_words(&report)),
        Err(error) => {
            eprintln!("failed to {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Everything that a start does before it reads weights.
fn check(file: &Path) -> ExitCode {
    let opened = checkpoint::open(file).map_err(|error| open_failure(&error));
    match opened.and_then(|checkpoint| TextPipeline::open(&checkpoint, file)) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            emit(&WorkerLine::Failed { error });
            ExitCode::FAILURE
        }
    }
}

fn report(checkpoint: &Checkpoint) -> Result<Value, WeightError> {
    let config = &checkpoint.config;
    let mut formats: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    let mut tensors = Vec::new();
    for name in checkpoint.weights.names() {
        let view = checkpoint.weights.tensor(&name)?;
        let bytes = view.bytes().len() as u64;
        let format = formats.entry(view.dtype.name()).or_default();
        *format = (format.0 + 1, format.1 + bytes);
        tensors.push(json!({"name": name, "dtype": view.dtype.name(), "shape": view.shape, "bytes": bytes}));
    }
    let formats: Value = formats
        .iter()
        .map(|(name, (count, bytes))| ((*name).to_owned(), json!({"tensors": count, "bytes": bytes})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let most = config.decoder().max_position_embeddings;
    let mut contexts: Vec<usize> = CONTEXTS.iter().map(|context| (*context).min(most)).collect();
    contexts.dedup();
    let mut plans = Vec::new();
    for context in contexts {
        for (name, cache) in [("bf16", CacheDtype::Bf16), ("fp8", CacheDtype::Fp8)] {
            let plan =
                Plan::new(config, &*checkpoint.weights, &Use { context, sequences: 1, cache, chunk: CHUNK })?;
            let mut plan = plan.json();
            (plan["context"], plan["cache_dtype"]) = (json!(context), json!(name));
            plans.push(plan);
        }
    }
    Ok(json!({
        "family": config.architecture(), "facts": facts(config), "tokenizer": tokenizer(&checkpoint.tokenizer),
        "formats": formats, "memory": plans, "tensors": tensors,
    }))
}

fn facts(config: &ModelConfig) -> Value {
    let decoder = config.decoder();
    let parameters: u64 = config
        .tensors()
        .iter()
        .map(|(_, shape)| shape.iter().map(|size| *size as u64).product::<u64>())
        .sum();
    let shape = cache_shape(config);
    let mut facts = json!({
        "parameters": parameters,
        "num_hidden_layers": decoder.num_hidden_layers,
        "num_nextn_predict_layers": config.num_nextn_predict_layers(),
        "hidden_size": decoder.hidden_size,
        "vocab_size": decoder.vocab_size,
        "max_position_embeddings": decoder.max_position_embeddings,
        "cache_bytes_per_token": {
            "bf16": shape.record_bytes(CacheDtype::Bf16) * shape.layers,
            "fp8": shape.record_bytes(CacheDtype::Fp8) * shape.layers,
        },
    });
    facts["attention"] = match config.attention() {
        Attention::Latent(sizes) => json!({"kind": "latent", "heads": sizes.num_attention_heads,
            "kv_lora_rank": sizes.kv_lora_rank, "q_lora_rank": sizes.q_lora_rank}),
        Attention::Grouped(sizes) => json!({"kind": "grouped", "heads": sizes.num_attention_heads,
            "kv_heads": sizes.num_key_value_heads, "head_dim": sizes.head_dim}),
    };
    if let Some(experts) = config.experts() {
        facts["experts"] = json!({"n_routed_experts": experts.n_routed_experts,
            "num_experts_per_tok": experts.num_experts_per_tok, "moe_intermediate_size": experts.moe_intermediate_size});
    }
    facts
}

fn tokenizer(source: &TokenizerSource) -> Value {
    match source {
        TokenizerSource::Folder(_) => json!({"kind": "tokenizer.json"}),
        TokenizerSource::Gguf(gguf) => json!({"kind": "gguf", "model": gguf.model, "pre": gguf.pre,
            "tokens": gguf.tokens.len(), "chat_template": gguf.chat_template.is_some()}),
    }
}

/// The same without the list of tensors, for a person.
fn in_words(report: &Value) -> String {
    let mut text = format!("{}\n", report["family"].as_str().unwrap_or_default());
    for (name, value) in report["facts"].as_object().into_iter().flatten() {
        text += &format!("  {name:<28}{value}\n");
    }
    text += &format!("  {:<28}{}\n\nStored as\n", "tokenizer", report["tokenizer"]);
    for (name, format) in report["formats"].as_object().into_iter().flatten() {
        text += &format!("  {name:<8}{:>8} tensors {:>12}\n", format["tensors"], size(&format["bytes"]));
    }
    text += "\nMemory for one conversation\n  context   cache      weights        cache      buffers        total\n";
    for plan in report["memory"].as_array().into_iter().flatten() {
        let sizes = ["weights", "cache", "buffers", "total"].map(|part| format!("{:>13}", size(&plan[part])));
        let dtype = plan["cache_dtype"].as_str().unwrap_or_default();
        text += &format!("  {:<10}{dtype:<6}{}\n", plan["context"].to_string(), sizes.concat());
    }
    text
}

fn size(bytes: &Value) -> String {
    format!("{:.3} GiB", bytes.as_f64().unwrap_or_default() / f64::from(1 << 30))
}

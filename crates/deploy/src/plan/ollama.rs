//! ollama: a Modelfile and the environment of its server, for localhost.
use catalog::{KvDtype, ModelFacts, Variant};

use super::choose::Choice;
use super::reason::{Reason, ReasonCode};
use super::request::DeployRequest;
use super::{EngineCommand, set};

const PORT: u16 = 11434;
/// From this size in bytes a repository holds a split GGUF, which ollama does not download.
const SPLIT_FILE_BYTES: u64 = 49_000_000_000;

/// The name in ollama's own library where it has this variant, else the Hugging Face repository. `None` where
/// ollama can download neither.
pub(super) fn source(model: &ModelFacts, variant: &Variant) -> Option<String> {
    let tag = match (model.id.as_str(), variant.id.as_str()) {
        ("deepseek-r1-distill-qwen-1.5b", "q4_k_m") => Some("deepseek-r1:1.5b"),
        ("deepseek-r1-distill-qwen-7b", "q4_k_m") => Some("deepseek-r1:7b"),
        ("deepseek-r1-0528-qwen3-8b", "q4_k_m") => Some("deepseek-r1:8b"),
        ("deepseek-r1-distill-qwen-14b", "q4_k_m") => Some("deepseek-r1:14b"),
        ("deepseek-r1-distill-qwen-32b", "q4_k_m") => Some("deepseek-r1:32b"),
        ("deepseek-r1-distill-llama-70b", "q4_k_m") => Some("deepseek-r1:70b"),
        ("deepseek-r1", "q4_k_m") => Some("deepseek-r1:671b"),
        _ => None,
    };
    let repo = variant.repo_hugging_face.as_deref().filter(|_| variant.size < SPLIT_FILE_BYTES);
    tag.map(str::to_owned).or_else(|| repo.map(|repo| format!("hf.co/{repo}:{}", variant.precision)))
}

pub(super) fn args(request: &DeployRequest, choice: &Choice) -> EngineCommand {
    let from = source(request.model, choice.variant).unwrap_or_default();
    let recommended = &request.model.recommended;
    let context = || {
        Reason::new(ReasonCode::Context).with("tokens", choice.context).with("max", request.model.context_max)
    };
    let modelfile = vec![
        set("FROM", &from, Reason::new(ReasonCode::OllamaFrom).with("source", &from)),
        set("PARAMETER num_ctx", choice.context, context()),
        set(
            "PARAMETER temperature",
            recommended.temperature,
            Reason::new(ReasonCode::Temperature).with("value", recommended.temperature),
        ),
        set(
            "PARAMETER top_p",
            recommended.top_p,
            Reason::new(ReasonCode::TopP).with("value", recommended.top_p),
        ),
    ];
    let parallel = Reason::new(ReasonCode::OllamaParallel).with("count", choice.sequences);
    let mut environment = vec![
        set("OLLAMA_CONTEXT_LENGTH", choice.context, context()),
        set("OLLAMA_NUM_PARALLEL", choice.sequences, parallel),
        set("OLLAMA_FLASH_ATTENTION", 1, Reason::new(ReasonCode::FlashAttention)),
    ];
    if choice.kv == KvDtype::Q8 {
        let reason = Reason::new(ReasonCode::CacheQ8)
            .with("plain", choice.bf16_tokens)
            .with("tokens", choice.memory.tokens);
        environment.push(set("OLLAMA_KV_CACHE_TYPE", "q8_0", reason));
    }
    EngineCommand {
        program: &["ollama", "serve"],
        arguments: Vec::new(),
        environment,
        modelfile,
        port: PORT,
        health: "/api/version",
    }
}

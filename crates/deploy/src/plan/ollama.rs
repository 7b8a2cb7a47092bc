//! ollama: a Modelfile and the variables of its server, for this computer.
use catalog::{KvDtype, ModelFacts, Variant};

use super::choose::Choice;
use super::explained::{Code, Explained};
use super::wish::Spec;
use super::{Words, set};

const PORT: u16 = 11434;
/// Bytes from which a repository holds a GGUF in parts, which ollama does not fetch.
const IN_PARTS: u64 = 49_000_000_000;

/// The name in ollama's own library where it has these files, else the repository. `None` where neither can be fetched.
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
    let repo = variant.repo_hugging_face.as_deref().filter(|_| variant.size < IN_PARTS);
    tag.map(str::to_owned).or_else(|| repo.map(|repo| format!("hf.co/{repo}:{}", variant.precision)))
}

pub(super) fn words(spec: &Spec, choice: &Choice) -> Words {
    let from = source(spec.model, choice.variant).unwrap_or_default();
    let advised = &spec.model.recommended;
    let context =
        || Explained::new(Code::Context).with("tokens", choice.context).with("max", spec.model.context_max);
    let modelfile = vec![
        set("FROM", &from, Explained::new(Code::OllamaFrom).with("source", &from)),
        set("PARAMETER num_ctx", choice.context, context()),
        set(
            "PARAMETER temperature",
            advised.temperature,
            Explained::new(Code::Temperature).with("value", advised.temperature),
        ),
        set("PARAMETER top_p", advised.top_p, Explained::new(Code::TopP).with("value", advised.top_p)),
    ];
    let parallel = Explained::new(Code::OllamaParallel).with("count", choice.sequences);
    let mut environment = vec![
        set("OLLAMA_CONTEXT_LENGTH", choice.context, context()),
        set("OLLAMA_NUM_PARALLEL", choice.sequences, parallel),
        set("OLLAMA_FLASH_ATTENTION", 1, Explained::new(Code::FlashAttention)),
    ];
    if choice.kv == KvDtype::Q8 {
        let why = Explained::new(Code::CacheQ8)
            .with("plain", choice.plain_tokens)
            .with("tokens", choice.memory.tokens);
        environment.push(set("OLLAMA_KV_CACHE_TYPE", "q8_0", why));
    }
    Words {
        program: &["ollama", "serve"],
        arguments: Vec::new(),
        environment,
        modelfile,
        port: PORT,
        health: "/api/version",
    }
}

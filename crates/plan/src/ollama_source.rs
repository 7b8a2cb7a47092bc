//! Where ollama downloads a variant from: a tag of ollama.com/library, or a GGUF repository of Hugging Face.
//! The list of tags is fixed; nothing is asked over the network.
use catalog::{ModelFacts, Variant};

/// From this size in bytes a repository holds a split GGUF, which ollama does not download.
const SPLIT_FILE_BYTES: u64 = 49_000_000_000;

/// The name in ollama's own library where it has this variant, else the Hugging Face repository. `None` where
/// ollama can download neither.
pub(super) fn ollama_source(model: &ModelFacts, variant: &Variant) -> Option<String> {
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

//! Command line of llama.cpp's llama-server: GGUF files on one host, split over its GPUs by layers.
//! `--ctx-size` is the sum over all sequences, unlike the context of the other engines, which is per
//! sequence.
use catalog::KvDtype;

use crate::choose::Choice;
use crate::reason::{Reason, ReasonCode};
use crate::request::DeployRequest;
use crate::{EngineCommand, flag, recommended, set};

const PORT: u16 = 8080;

pub(super) fn command(request: &DeployRequest, choice: &Choice) -> EngineCommand {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let source = format!("{repo}:{}", choice.variant.precision);
    let total = u64::from(choice.context) * u64::from(choice.sequences);
    let context = Reason::new(ReasonCode::ContextOfAll)
        .with("tokens", total)
        .with("context", choice.context)
        .with("sequences", choice.sequences);
    let mut arguments = vec![
        set("--hf-repo", &source, choice.model_path_reason(&source)),
        set("--alias", &request.model.id, Reason::new(ReasonCode::ServedName)),
        set("--ctx-size", total, context),
        set("--parallel", choice.sequences, choice.sequences_reason()),
        set(
            "--n-gpu-layers",
            "all",
            Reason::new(ReasonCode::AllLayers).with("layers", request.model.cache.layers()),
        ),
        set("--flash-attn", "on", Reason::new(ReasonCode::FlashAttention)),
    ];
    if choice.parallelism.pipeline > 1 {
        let reason = Reason::new(ReasonCode::ByLayers).with("cards", choice.parallelism.pipeline);
        arguments.push(set("--split-mode", "layer", reason));
    }
    if choice.kv == KvDtype::Q8 {
        let reason = || choice.cache_reason(ReasonCode::CacheQ8);
        arguments.push(set("--cache-type-k", "q8_0", reason()));
        arguments.push(set("--cache-type-v", "q8_0", reason()));
    }
    arguments.extend([
        flag("--jinja", Reason::new(ReasonCode::Template)),
        set("--reasoning-format", "deepseek", Reason::new(ReasonCode::Reasoning).with("parser", "deepseek")),
        recommended("--temp", request.model.recommended.temperature, ReasonCode::Temperature),
        recommended("--top-p", request.model.recommended.top_p, ReasonCode::TopP),
        flag("--metrics", Reason::new(ReasonCode::Metrics)),
        set("--host", "127.0.0.1", Reason::new(ReasonCode::HostPrivate)),
        set("--port", PORT, Reason::new(ReasonCode::Port).with("port", PORT)),
    ]);
    EngineCommand {
        program: &["llama-server"],
        arguments,
        environment: Vec::new(),
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

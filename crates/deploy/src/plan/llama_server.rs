//! llama.cpp's server: GGUF files on one machine, whole layers on each card.
use catalog::KvDtype;

use super::choose::Choice;
use super::explained::{Code, Explained};
use super::wish::Spec;
use super::{Words, flag, model_path, set};

const PORT: u16 = 8080;

pub(super) fn words(spec: &Spec, choice: &Choice) -> Words {
    let repo = choice.variant.repo_hugging_face.as_deref().unwrap_or_default();
    let source = format!("{repo}:{}", choice.variant.precision);
    let total = u64::from(choice.context) * u64::from(choice.sequences);
    let context = Explained::new(Code::ContextOfAll)
        .with("tokens", total)
        .with("context", choice.context)
        .with("sequences", choice.sequences);
    let mut arguments = vec![
        set("--hf-repo", &source, model_path(choice, &source)),
        set("--alias", &spec.model.id, Explained::new(Code::ServedName)),
        set("--ctx-size", total, context),
        set("--parallel", choice.sequences, Explained::new(Code::Sequences).with("count", choice.sequences)),
        set(
            "--n-gpu-layers",
            "all",
            Explained::new(Code::AllLayers).with("layers", spec.model.cache.layers()),
        ),
        set("--flash-attn", "on", Explained::new(Code::FlashAttention)),
    ];
    if choice.division.pipeline > 1 {
        let why = Explained::new(Code::ByLayers).with("cards", choice.division.pipeline);
        arguments.push(set("--split-mode", "layer", why));
    }
    if choice.kv == KvDtype::Q8 {
        let why = || {
            Explained::new(Code::CacheQ8)
                .with("plain", choice.plain_tokens)
                .with("tokens", choice.memory.tokens)
        };
        arguments.push(set("--cache-type-k", "q8_0", why()));
        arguments.push(set("--cache-type-v", "q8_0", why()));
    }
    let advised = &spec.model.recommended;
    arguments.extend([
        flag("--jinja", Explained::new(Code::Template)),
        set("--reasoning-format", "deepseek", Explained::new(Code::Reasoning).with("parser", "deepseek")),
        set(
            "--temp",
            advised.temperature,
            Explained::new(Code::Temperature).with("value", advised.temperature),
        ),
        set("--top-p", advised.top_p, Explained::new(Code::TopP).with("value", advised.top_p)),
        flag("--metrics", Explained::new(Code::Metrics)),
        set("--host", "127.0.0.1", Explained::new(Code::HostPrivate)),
        set("--port", PORT, Explained::new(Code::Port).with("port", PORT)),
    ]);
    Words {
        program: &["llama-server"],
        arguments,
        environment: Vec::new(),
        modelfile: Vec::new(),
        port: PORT,
        health: "/health",
    }
}

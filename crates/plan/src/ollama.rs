//! ollama: a Modelfile and the environment of its server, for localhost.
//! ollama has no API key, so this plan never listens beyond its host.
use catalog::KvDtype;

use crate::choose::Choice;
use crate::ollama_source::ollama_source;
use crate::reason::{Reason, ReasonCode};
use crate::request::DeployRequest;
use crate::{EngineCommand, recommended, set};

const PORT: u16 = 11434;
pub(super) fn command(request: &DeployRequest, choice: &Choice) -> EngineCommand {
    let from = ollama_source(request.model, choice.variant).unwrap_or_default();
    let context = || choice.context_reason(request.model);
    let modelfile = vec![
        set("FROM", &from, Reason::new(ReasonCode::OllamaFrom).with("source", &from)),
        set("PARAMETER num_ctx", choice.context, context()),
        recommended("PARAMETER temperature", request.model.recommended.temperature, ReasonCode::Temperature),
        recommended("PARAMETER top_p", request.model.recommended.top_p, ReasonCode::TopP),
    ];
    let parallel = Reason::new(ReasonCode::OllamaParallel).with("count", choice.sequences);
    let mut environment = vec![
        set("OLLAMA_CONTEXT_LENGTH", choice.context, context()),
        set("OLLAMA_NUM_PARALLEL", choice.sequences, parallel),
        set("OLLAMA_FLASH_ATTENTION", 1, Reason::new(ReasonCode::FlashAttention)),
    ];
    if choice.kv == KvDtype::Q8 {
        let reason = choice.cache_reason(ReasonCode::CacheQ8);
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

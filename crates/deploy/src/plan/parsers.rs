//! The names by which each engine knows how a model writes its reasoning and its tool calls.
use super::wish::Engine;

pub(super) struct Parsers {
    pub reasoning: Option<&'static str>,
    pub tools: Option<&'static str>,
}

/// V3.1 thinks when asked to, R1 and its pupils always, V3 never. R1 of January and the distills were not taught to call
/// tools; names for V3 also fit R1-0528.
pub(super) fn parsers(engine: Engine, model: &str) -> Parsers {
    let sglang = engine == Engine::Sglang;
    let name = |here: &'static str, there: &'static str| Some(if sglang { here } else { there });
    let tools_v3 = name("deepseekv3", "deepseek_v3");
    match model {
        "deepseek-v3.1" => Parsers {
            reasoning: name("deepseek-v3", "deepseek_v3"),
            tools: name("deepseekv31", "deepseek_v31"),
        },
        "deepseek-v3" => Parsers { reasoning: None, tools: tools_v3 },
        "deepseek-r1-0528" => Parsers { reasoning: name("deepseek-r1", "deepseek_r1"), tools: tools_v3 },
        model if model.contains("-r1") => {
            Parsers { reasoning: name("deepseek-r1", "deepseek_r1"), tools: None }
        }
        _ => Parsers { reasoning: None, tools: None },
    }
}

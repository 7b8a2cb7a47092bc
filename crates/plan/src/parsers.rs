//! Names of the reasoning parser and the tool call parser of a model in each engine.
//! They are values of `--reasoning-parser` and `--tool-call-parser` in SGLang and vLLM, which spell them
//! differently. llama-server and ollama have no such flags.
use crate::engine::Engine;

pub(super) struct Parsers {
    pub reasoning: Option<&'static str>,
    pub tools: Option<&'static str>,
}

/// V3.1 reasons on request, R1 and its distills always, V3 never. The first R1 and the distills were not
/// trained to call tools; R1-0528 uses V3's tool format.
pub(super) fn parsers(engine: Engine, model: &str) -> Parsers {
    let sglang = engine == Engine::Sglang;
    let name =
        |in_sglang: &'static str, in_vllm: &'static str| Some(if sglang { in_sglang } else { in_vllm });
    let tools_v3 = name("deepseekv3", "deepseek_v3");
    match model {
        "deepseek-v4.1-flash" => Parsers {
            // The names in vLLM were in none of the sources.
            reasoning: sglang.then_some("deepseek-v41"),
            tools: sglang.then_some("deepseekv41"),
        },
        "deepseek-v4-flash" | "deepseek-v4-pro" => Parsers {
            reasoning: name("deepseek-v4", "deepseek_v4"),
            tools: name("deepseekv4", "deepseek_v4"),
        },
        "deepseek-v3.2" => Parsers {
            reasoning: name("deepseek-v3", "deepseek_v3"),
            tools: name("deepseekv32", "deepseek_v32"),
        },
        "deepseek-v3.1" | "deepseek-v3.1-terminus" => Parsers {
            reasoning: name("deepseek-v3", "deepseek_v3"),
            tools: name("deepseekv31", "deepseek_v31"),
        },
        "deepseek-v3" | "deepseek-v3-0324" => Parsers { reasoning: None, tools: tools_v3 },
        "deepseek-r1-0528" => Parsers { reasoning: name("deepseek-r1", "deepseek_r1"), tools: tools_v3 },
        model if model.contains("-r1") => {
            Parsers { reasoning: name("deepseek-r1", "deepseek_r1"), tools: None }
        }
        _ => Parsers { reasoning: None, tools: None },
    }
}

//! The container image of an engine for a GPU vendor, and the command inside it.
//! SGLang and vLLM are pinned to the version whose flags the plans use; tags of llama.cpp and ollama are not.
//! No registry is asked.
use catalog::{Architecture, GpuSpec, Vendor};

use crate::engine::Engine;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub image: String,
    pub program: &'static [&'static str],
    /// For AMD's GPUs; else for NVIDIA's.
    pub amd: bool,
    /// The tag follows the publisher's naming pattern but was not checked for this version.
    pub tag_unverified: bool,
}

impl Container {
    /// `None` on a Mac, where a container does not reach the card.
    pub(super) fn of(engine: Engine, gpu: &GpuSpec) -> Option<Self> {
        if gpu.vendor == Vendor::Apple {
            return None;
        }
        let amd = gpu.vendor == Vendor::Amd;
        let (image, program, tag_unverified): (&str, &'static [&'static str], bool) = match (engine, amd) {
            (Engine::Sglang, false) => {
                ("lmsysorg/sglang:v0.5.23", &["python3", "-m", "sglang.launch_server"], false)
            }
            (Engine::Sglang, true) => (
                if gpu.architecture == Architecture::Cdna4 {
                    "lmsysorg/sglang:v0.5.23-rocm700-mi35x"
                } else {
                    "lmsysorg/sglang:v0.5.23-rocm700-mi30x"
                },
                &["python3", "-m", "sglang.launch_server"],
                true,
            ),
            (Engine::Vllm, false) => ("vllm/vllm-openai:v0.33.0", &["vllm", "serve"], false),
            (Engine::Vllm, true) => ("vllm/vllm-openai-rocm:v0.33.0", &["vllm", "serve"], true),
            (Engine::LlamaServer, false) => {
                ("ghcr.io/ggml-org/llama.cpp:server-cuda", &["/app/llama-server"], false)
            }
            (Engine::LlamaServer, true) => {
                ("ghcr.io/ggml-org/llama.cpp:server-rocm", &["/app/llama-server"], false)
            }
            (Engine::Ollama, false) => ("ollama/ollama", &["ollama", "serve"], false),
            (Engine::Ollama, true) => ("ollama/ollama:rocm", &["ollama", "serve"], false),
        };
        Some(Self { image: image.to_owned(), program, amd, tag_unverified })
    }
}

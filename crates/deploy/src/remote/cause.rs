//! Why an engine ended, from its last log lines: the messages of PyTorch, vLLM, SGLang and llama.cpp for out
//! of memory and for flags that they do not accept. Pure: reads lines and knows no process.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Of a GPU or of the host. `context` is the longest one that would fit, where the engine reports it.
    OutOfMemory { line: String, context: Option<u32> },
    /// A flag or a value that this version of the engine does not accept.
    InvalidFlag { line: String },
}

/// Messages of failed allocations, in lower case.
const OUT_OF_MEMORY: [&str; 18] = [
    // PyTorch, CUDA, HIP, ggml.
    "out of memory",
    "outofmemoryerror",
    "std::bad_alloc",
    "cannot allocate memory",
    "failed to allocate cuda",
    "failed to allocate rocm",
    "failed to allocate vulkan",
    "failed to allocate cpu",
    "failed to allocate buffer",
    "failed to allocate compute",
    "unable to allocate",
    "insufficient vram",
    // vLLM, before it loads and before it serves.
    "no available memory for the cache blocks",
    "larger than the available kv cache memory",
    "number of tokens that can be stored in kv cache",
    "is less than desired gpu memory utilization",
    // SGLang, ollama.
    "not enough memory",
    "model requires more system memory",
];

/// Messages of argparse, clap, Go's flags and llama.cpp, in lower case.
const INVALID_FLAG: [&str; 8] = [
    "unrecognized arguments:",
    "invalid choice:",
    "invalid argument:",
    "error while handling argument",
    "unknown argument:",
    "unknown flag:",
    "unexpected argument '--",
    "no such option:",
];

impl Cause {
    /// Uses the first line that matches: later ones come from processes that waited for the one that failed.
    pub(crate) fn from_log<'a>(lines: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let lines: Vec<&str> = lines.into_iter().collect();
        let first_match = |messages: &[&str]| {
            let matches = |line: &&&str| {
                let line = line.to_lowercase();
                messages.iter().any(|message| line.contains(message)) && !is_advice(&line)
            };
            lines.iter().find(matches).map(|line| (*line).trim().to_owned())
        };
        if let Some(line) = first_match(&INVALID_FLAG) {
            return Some(Self::InvalidFlag { line });
        }
        let line = first_match(&OUT_OF_MEMORY)?;
        Some(Self::OutOfMemory { line, context: lines.iter().find_map(|line| estimated(line)) })
    }
}

/// Advice about memory, which engines print without a failure.
fn is_advice(line: &str) -> bool {
    line.contains("to avoid out of memory")
        || line.contains("if you encounter")
        || line.contains("to prevent out of memory")
}

/// The context that would fit, from vLLM's message.
fn estimated(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("estimated maximum model length is ")?;
    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// The context to try next: the one that the engine reports, else half, rounded down to a multiple of 1024.
pub(crate) fn smaller_context(now: u32, estimated: Option<u32>) -> u32 {
    const STEP: u32 = 1024;
    let limit = estimated.filter(|&fits| fits > 0 && fits < now).unwrap_or(now / 2);
    if limit >= STEP { limit / STEP * STEP } else { limit.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<&'static str> {
        Cause::from_log(lines.iter().copied()).map(|cause| match cause {
            Cause::OutOfMemory { .. } => "memory",
            Cause::InvalidFlag { .. } => "flag",
        })
    }

    /// Lines as the engines print them, from their source code and public bug reports.
    #[test]
    fn memory_and_flags_are_read_from_each_engine_s_words() {
        for line in [
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.1 GiB",
            "torch.cuda.OutOfMemoryError: HIP out of memory. Tried to allocate 1.50 GiB",
            "RuntimeError: CUDA error: out of memory",
            "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.",
            "ValueError: To serve at least one request with the models's max seq len (32768), (4.00 GiB KV cache is needed, which is larger \
             than the available KV cache memory (2.50 GiB). Based on the available memory, the estimated maximum model length is 20480.",
            "ValueError: Free memory on device cuda:0 (10.2/79.1 GiB) on startup is less than desired GPU memory utilization (0.9, 71.2 GiB).",
            "RuntimeError: Not enough memory. Please try to increase --mem-fraction-static. Current value: mem_fraction_static=0.78",
            "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4096.00 MiB on device 0: cudaMalloc failed: out of memory",
            "llama_kv_cache_init: failed to allocate buffer for kv cache",
            "ggml_gallocr_reserve_n: failed to allocate CUDA0 buffer of size 325058560",
            "alloc_tensor_range: failed to allocate CPU buffer of size 8589934592",
            "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
            "terminate called after throwing an instance of 'std::bad_alloc'",
            "Error: model requires more system memory (9.1 GiB) than is available (4.2 GiB)",
            "whaledeck: the system ended a process because memory ran out (out of memory)",
        ] {
            assert_eq!(
                of(&["INFO loading", line, "RuntimeError: Engine core initialization failed."]),
                Some("memory"),
                "{line}"
            );
        }
        for line in [
            "vllm: error: unrecognized arguments: --no-such-flag",
            "launch_server.py: error: argument --kv-cache-dtype: invalid choice: 'fp9' (choose from 'auto', 'fp8_e4m3')",
            "error: invalid argument: --reasoning-format",
            "error while handling argument \"--flash-attn\": error: unknown value for --flash-attn: 'perhaps'",
            "Error: unknown flag: --port",
            "error: unexpected argument '--alias' found",
        ] {
            assert_eq!(of(&["usage: x [-h]", line]), Some("flag"), "{line}");
        }
        for line in [
            "Segmentation fault (core dumped)",
            "INFO: set expandable_segments to avoid out of memory errors",
            "ConnectionResetError: [Errno 104] Connection reset by peer",
            "GPU memory: 75.3 GiB free",
        ] {
            assert_eq!(of(&[line]), None, "{line}");
        }
    }

    #[test]
    fn the_next_context_is_what_the_engine_says_or_half() {
        let line = "KV cache is needed, which is larger than the available KV cache memory (2.50 GiB). Based on the available memory, the \
                    estimated maximum model length is 20491. Try increasing";
        let Some(Cause::OutOfMemory { context, line: kept }) = Cause::from_log([line]) else {
            panic!("memory")
        };
        assert_eq!((context, kept.as_str()), (Some(20_491), line));
        assert_eq!(smaller_context(32_768, context), 20_480);
        assert_eq!(smaller_context(32_768, None), 16_384);
        assert_eq!(smaller_context(32_768, Some(40_000)), 16_384);
        assert_eq!((smaller_context(1500, None), smaller_context(1, None)), (750, 1));
    }
}

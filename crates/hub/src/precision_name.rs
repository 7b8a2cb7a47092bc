//! The precision that a GGUF file's name says, such as `Q4_K_M`, `UD-Q4_K_XL` or `BF16`, in any letter case
//! and wherever it stands. It knows neither files nor repositories.

/// The precision in a name, and the rest of the name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPrecision {
    /// In capital letters, as llama.cpp prints it.
    pub label: String,
    /// The name without it, in small letters: the same for every precision of a model.
    pub rest: String,
}

/// The last precision that a name says; names such as `R1-BF16-Q4_K_M` say what they were made of first.
pub(crate) fn precision_in(name: &str) -> Option<NamedPrecision> {
    let upper = name.to_ascii_uppercase();
    let mut end = upper.len();
    for token in upper.rsplit(['-', '.', ' ', '/']) {
        let start = end - token.len();
        if let Some(at) = precision_at(token) {
            // Unsloth's "dynamic" mixtures are other files than those of the plain name.
            let dynamic = start >= 3 && at == 0 && upper[..start].ends_with("UD-");
            let from = if dynamic { start - 3 } else { start + at };
            let label = match &upper[from..end] {
                "FP16" => "F16",
                "FP32" => "F32",
                label => label,
            };
            let rest = [&name[..from], &name[end..]].map(|part| part.trim_matches(['-', '.', '_', ' ', '/']));
            let rest = rest.join("-").trim_matches('-').to_ascii_lowercase();
            return Some(NamedPrecision { label: label.to_owned(), rest });
        }
        end = start.saturating_sub(1);
    }
    None
}

/// Where in a part of a name its end is a precision: `MODEL_Q4_K_M` has one at 6.
fn precision_at(token: &str) -> Option<usize> {
    let starts = token.match_indices('_').map(|(at, _)| at + 1);
    std::iter::once(0).chain(starts).find(|at| is_precision(&token[*at..]))
}

fn is_precision(text: &str) -> bool {
    const TAILS: [&str; 12] = ["0", "1", "4", "8", "K", "S", "M", "L", "XS", "XXS", "XL", "NL"];
    let mut parts = text.split('_');
    let head = parts.next().unwrap_or_default();
    let tail: Vec<&str> = parts.collect();
    match head {
        "F16" | "F32" | "F64" | "BF16" | "FP16" | "FP32" | "FP8" => tail.is_empty(),
        "MXFP4" | "NVFP4" => tail.is_empty() || tail == ["MOE"],
        "TQ1" | "TQ2" => tail == ["0"],
        _ => {
            let bits = head.strip_prefix("IQ").or_else(|| head.strip_prefix('Q'));
            bits.is_some_and(|bits| matches!(bits.as_bytes(), [b'1'..=b'8']))
                && tail.iter().all(|part| TAILS.contains(part))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precisions_are_read_as_their_makers_write_them() {
        let check = |name: &str, label: &str, rest: &str| {
            let expected = NamedPrecision { label: label.into(), rest: rest.into() };
            assert_eq!(precision_in(name), Some(expected), "{name}");
        };
        // unsloth
        check("DeepSeek-R1-0528-UD-Q4_K_XL", "UD-Q4_K_XL", "deepseek-r1-0528");
        check("DeepSeek-R1-UD-IQ1_S", "UD-IQ1_S", "deepseek-r1");
        check("DeepSeek-V3.1-Terminus-UD-TQ1_0", "UD-TQ1_0", "deepseek-v3.1-terminus");
        check("DeepSeek-R1.Q8_0", "Q8_0", "deepseek-r1");
        check("DeepSeek-R1-BF16", "BF16", "deepseek-r1");
        check("DeepSeek-R1-0528-Qwen3-8B-IQ4_NL", "IQ4_NL", "deepseek-r1-0528-qwen3-8b");
        // bartowski
        check("DeepSeek-R1-Distill-Qwen-7B-Q4_K_M", "Q4_K_M", "deepseek-r1-distill-qwen-7b");
        check("Qwen2.5-7B-Instruct-Q4_0_4_4", "Q4_0_4_4", "qwen2.5-7b-instruct");
        check("Meta-Llama-3.1-8B-Instruct-Q6_K_L", "Q6_K_L", "meta-llama-3.1-8b-instruct");
        check("DeepSeek-R1-Distill-Llama-70B-IQ2_XXS", "IQ2_XXS", "deepseek-r1-distill-llama-70b");
        check("DeepSeek-R1-Distill-Qwen-7B-f32", "F32", "deepseek-r1-distill-qwen-7b");
        // ggml-org
        check("ggml-model-q4_0", "Q4_0", "ggml-model");
        check("gpt-oss-20b-mxfp4", "MXFP4", "gpt-oss-20b");
        check("qwen2.5-coder-7b-q8_0", "Q8_0", "qwen2.5-coder-7b");
        // Others
        check("deepseek_coder_v2_q5_k_s", "Q5_K_S", "deepseek_coder_v2");
        check("model.fp16", "F16", "model");
        check("R1-BF16-256x20B-Q3_K_M", "Q3_K_M", "r1-bf16-256x20b");
        check("q4_k_m", "Q4_K_M", "");
        check("model-Q4_K_M-v2", "Q4_K_M", "model-v2");
        check("Model.i1-IQ3_XS", "IQ3_XS", "model.i1");
        for none in ["DeepSeek-R1", "model", "Qwen3-8B", "llama-f5", "imatrix", "Q9_0", "", "模型"] {
            assert_eq!(precision_in(none), None, "{none}");
        }
    }
}

//! Maps GGUF tensor names to the names of Hugging Face checkpoints. An unknown name is an error, because an
//! unused tensor would be a silently missing part of the model.

/// The published tensor or tensors that a GGUF tensor contains.
#[derive(Debug, PartialEq)]
pub enum TensorMapping {
    /// The same tensor.
    Plain(String),
    /// Query or key heads with interleaved rotary pairs; the published order has two halves.
    InterleavedHeads {
        name: String,
        keys: bool,
    },
    /// The stacked experts of a layer; an expert's name is `before`, its index, `after`.
    Experts {
        before: String,
        after: &'static str,
    },
    /// The key part of `kv_b_proj`, transposed (`attn_k_b`), or its value part (`attn_v_b`).
    AttnKB {
        layer: u32,
    },
    AttnVB {
        layer: u32,
    },
    /// Rotary frequency factors, which `config.json` has as `rope_scaling`.
    RopeFreqs,
}

/// Architectures whose converters interleave the rotary pairs of queries and keys.
const INTERLEAVED: &[&str] = &["llama", "deepseek"];

/// `None` for an unknown name.
pub fn map_tensor(architecture: &str, name: &str) -> Option<TensorMapping> {
    let plain = |name: &str| Some(TensorMapping::Plain(name.to_owned()));
    match name {
        "token_embd.weight" => return plain("model.embed_tokens.weight"),
        "output_norm.weight" => return plain("model.norm.weight"),
        "output.weight" => return plain("lm_head.weight"),
        "rope_freqs.weight" => return Some(TensorMapping::RopeFreqs),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok().filter(|layer| *layer < 1024)?;
    let prefix = format!("model.layers.{layer}");
    // Converters write this name with and without a suffix.
    if let "exp_probs_b" | "exp_probs_b.bias" | "exp_probs_b.weight" = rest {
        return Some(TensorMapping::Plain(format!("{prefix}.mlp.gate.e_score_correction_bias")));
    }
    let (part, ending) = rest.rsplit_once('.')?;
    if !matches!(ending, "weight" | "bias") {
        return None;
    }
    let experts = |after| Some(TensorMapping::Experts { before: format!("{prefix}.mlp.experts."), after });
    match (part, ending) {
        ("ffn_gate_exps", "weight") => return experts(".gate_proj.weight"),
        ("ffn_up_exps", "weight") => return experts(".up_proj.weight"),
        ("ffn_down_exps", "weight") => return experts(".down_proj.weight"),
        ("attn_k_b", "weight") => return Some(TensorMapping::AttnKB { layer }),
        ("attn_v_b", "weight") => return Some(TensorMapping::AttnVB { layer }),
        _ => {}
    }
    let published = format!("{prefix}.{}.{ending}", module(part)?);
    if let "attn_q" | "attn_k" = part
        && INTERLEAVED.contains(&architecture)
    {
        return Some(TensorMapping::InterleavedHeads { name: published, keys: part == "attn_k" });
    }
    Some(TensorMapping::Plain(published))
}

/// The published name of a module of a layer.
fn module(part: &str) -> Option<&'static str> {
    Some(match part {
        "attn_norm" => "input_layernorm",
        "ffn_norm" => "post_attention_layernorm",
        "attn_q" => "self_attn.q_proj",
        "attn_k" => "self_attn.k_proj",
        "attn_v" => "self_attn.v_proj",
        "attn_output" => "self_attn.o_proj",
        "attn_q_norm" => "self_attn.q_norm",
        "attn_k_norm" => "self_attn.k_norm",
        "attn_q_a" => "self_attn.q_a_proj",
        "attn_q_a_norm" => "self_attn.q_a_layernorm",
        "attn_q_b" => "self_attn.q_b_proj",
        "attn_kv_a_mqa" => "self_attn.kv_a_proj_with_mqa",
        "attn_kv_a_norm" => "self_attn.kv_a_layernorm",
        "attn_kv_b" => "self_attn.kv_b_proj",
        "ffn_gate" => "mlp.gate_proj",
        "ffn_up" => "mlp.up_proj",
        "ffn_down" => "mlp.down_proj",
        "ffn_gate_inp" => "mlp.gate",
        "ffn_gate_shexp" => "mlp.shared_experts.gate_proj",
        "ffn_up_shexp" => "mlp.shared_experts.up_proj",
        "ffn_down_shexp" => "mlp.shared_experts.down_proj",
        "nextn.eh_proj" => "eh_proj",
        "nextn.embed_tokens" => "embed_tokens",
        "nextn.enorm" => "enorm",
        "nextn.hnorm" => "hnorm",
        "nextn.shared_head_head" => "shared_head.head",
        "nextn.shared_head_norm" => "shared_head.norm",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_or_refused() {
        let check = |name: &str, expect: Option<&str>| {
            let actual = map_tensor("deepseek2", name);
            assert_eq!(actual, expect.map(|name| TensorMapping::Plain(name.to_owned())), "{name}");
        };
        check("blk.0.attn_norm.weight", Some("model.layers.0.input_layernorm.weight"));
        check("blk.61.nextn.eh_proj.weight", Some("model.layers.61.eh_proj.weight"));
        check("blk.3.exp_probs_b.bias", Some("model.layers.3.mlp.gate.e_score_correction_bias"));
        check("blk.3.ffn_gate_inp.weight", Some("model.layers.3.mlp.gate.weight"));
        check("blk.3.indexer.attn_k.weight", None);
        check("blk.3.attn_q.scale", None);
        check("blk.-1.attn_q.weight", None);
        check("blk.99999999999.attn_q.weight", None);
        check("v.blk.0.attn_q.weight", None);
    }
}

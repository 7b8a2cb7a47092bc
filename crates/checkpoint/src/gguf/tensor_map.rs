//! From a file's own tensor names to the published ones. Every name is known or refused: a tensor that nobody asks for
//! would be a part of the model that is silently missing.

/// What a tensor of the file is under its published name.
#[derive(Debug, PartialEq)]
pub enum Meaning {
    /// This tensor.
    Plain(String),
    /// Rows of query or key heads, in pairs where the published order has halves.
    PairedHeads {
        name: String,
        keys: bool,
    },
    /// Experts `0..n` of a layer: the name is `before`, the number, `after`.
    Experts {
        before: String,
        after: &'static str,
    },
    /// The part of `kv_b_proj` that makes keys, transposed, or the part that makes values.
    KeyPart {
        layer: u32,
    },
    ValuePart {
        layer: u32,
    },
    /// Factors for the rotary frequencies, which `config.json` says in other words.
    RopeFactors,
}

/// Architectures whose converters store queries and keys in pairs.
const PAIRED: &[&str] = &["llama", "deepseek"];

/// `None` for a name that is not known.
pub fn meaning(architecture: &str, name: &str) -> Option<Meaning> {
    let plain = |name: &str| Some(Meaning::Plain(name.to_owned()));
    match name {
        "token_embd.weight" => return plain("model.embed_tokens.weight"),
        "output_norm.weight" => return plain("model.norm.weight"),
        "output.weight" => return plain("lm_head.weight"),
        "rope_freqs.weight" => return Some(Meaning::RopeFactors),
        _ => {}
    }
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let layer: u32 = layer.parse().ok().filter(|layer| *layer < 1024)?;
    let prefix = format!("model.layers.{layer}");
    // Converters have written this one with and without an ending.
    if let "exp_probs_b" | "exp_probs_b.bias" | "exp_probs_b.weight" = rest {
        return Some(Meaning::Plain(format!("{prefix}.mlp.gate.e_score_correction_bias")));
    }
    let (part, ending) = rest.rsplit_once('.')?;
    if !matches!(ending, "weight" | "bias") {
        return None;
    }
    let experts = |after| Some(Meaning::Experts { before: format!("{prefix}.mlp.experts."), after });
    match (part, ending) {
        ("ffn_gate_exps", "weight") => return experts(".gate_proj.weight"),
        ("ffn_up_exps", "weight") => return experts(".up_proj.weight"),
        ("ffn_down_exps", "weight") => return experts(".down_proj.weight"),
        ("attn_k_b", "weight") => return Some(Meaning::KeyPart { layer }),
        ("attn_v_b", "weight") => return Some(Meaning::ValuePart { layer }),
        _ => {}
    }
    let published = format!("{prefix}.{}.{ending}", module(part)?);
    if let "attn_q" | "attn_k" = part
        && PAIRED.contains(&architecture)
    {
        return Some(Meaning::PairedHeads { name: published, keys: part == "attn_k" });
    }
    Some(Meaning::Plain(published))
}

/// The published name of a part of a layer.
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
            let actual = meaning("deepseek2", name);
            assert_eq!(actual, expect.map(|name| Meaning::Plain(name.to_owned())), "{name}");
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

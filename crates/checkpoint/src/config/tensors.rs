//! The tensors of a configuration, with published names and shapes. Used by the loader, the random weights
//! and the memory plan.
use super::{Attention, Decoder, Experts, GroupedAttention, LatentAttention, ModelConfig};

type Tensors = Vec<(String, Vec<usize>)>;

impl ModelConfig {
    /// Names and shapes in layer order, MTP layers last. Shared tensors are not repeated: a tied head, and
    /// the embedding and head that an MTP layer shares with the model. FP8 block scales are excluded, because
    /// they are part of the storage format.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let decoder = self.decoder();
        let (vocab, hidden) = (decoder.vocab_size, decoder.hidden_size);
        let mut out = vec![("model.embed_tokens.weight".to_owned(), vec![vocab, hidden])];
        for layer in 0..decoder.num_hidden_layers {
            self.layer(&mut out, layer);
        }
        out.push(("model.norm.weight".to_owned(), vec![hidden]));
        if !decoder.tie_word_embeddings {
            out.push(("lm_head.weight".to_owned(), vec![vocab, hidden]));
        }
        for layer in (decoder.num_hidden_layers..).take(self.num_nextn_predict_layers()) {
            let prefix = format!("model.layers.{layer}");
            out.push((format!("{prefix}.enorm.weight"), vec![hidden]));
            out.push((format!("{prefix}.hnorm.weight"), vec![hidden]));
            out.push((format!("{prefix}.eh_proj.weight"), vec![hidden, 2 * hidden]));
            self.layer(&mut out, layer);
            out.push((format!("{prefix}.shared_head.norm.weight"), vec![hidden]));
        }
        if let Self::DeepseekVl2(config) = self {
            out.iter_mut().for_each(|(name, _)| name.insert_str(0, "language."));
            out.extend(config.vision_tensors());
        }
        out
    }

    fn layer(&self, out: &mut Tensors, layer: usize) {
        let decoder = self.decoder();
        let prefix = format!("model.layers.{layer}");
        out.push((format!("{prefix}.input_layernorm.weight"), vec![decoder.hidden_size]));
        match self.attention() {
            Attention::Latent(sizes) => latent(out, &prefix, decoder, sizes),
            Attention::Grouped(sizes) => grouped(out, &prefix, decoder, sizes),
        }
        out.push((format!("{prefix}.post_attention_layernorm.weight"), vec![decoder.hidden_size]));
        match self.experts().filter(|experts| experts.is_moe(layer)) {
            Some(sizes) => experts(out, &format!("{prefix}.mlp"), decoder.hidden_size, sizes),
            None => mlp(out, &format!("{prefix}.mlp"), decoder.hidden_size, decoder.intermediate_size),
        }
    }
}

fn linear(out: &mut Tensors, name: String, rows: usize, cols: usize, bias: bool) {
    if bias {
        out.push((format!("{name}.bias"), vec![rows]));
    }
    out.push((format!("{name}.weight"), vec![rows, cols]));
}

fn latent(out: &mut Tensors, layer: &str, decoder: &Decoder, sizes: &LatentAttention) {
    let (prefix, hidden) = (format!("{layer}.self_attn"), decoder.hidden_size);
    let (heads, bias) = (sizes.num_attention_heads, sizes.attention_bias);
    let q_rows = heads * (sizes.qk_nope_head_dim + sizes.qk_rope_head_dim);
    match sizes.q_lora_rank {
        None => linear(out, format!("{prefix}.q_proj"), q_rows, hidden, false),
        Some(rank) => {
            linear(out, format!("{prefix}.q_a_proj"), rank, hidden, bias);
            out.push((format!("{prefix}.q_a_layernorm.weight"), vec![rank]));
            linear(out, format!("{prefix}.q_b_proj"), q_rows, rank, false);
        }
    }
    let width = sizes.kv_lora_rank + sizes.qk_rope_head_dim;
    linear(out, format!("{prefix}.kv_a_proj_with_mqa"), width, hidden, bias);
    out.push((format!("{prefix}.kv_a_layernorm.weight"), vec![sizes.kv_lora_rank]));
    let kv_rows = heads * (sizes.qk_nope_head_dim + sizes.v_head_dim);
    linear(out, format!("{prefix}.kv_b_proj"), kv_rows, sizes.kv_lora_rank, false);
    linear(out, format!("{prefix}.o_proj"), hidden, heads * sizes.v_head_dim, bias);
}

fn grouped(out: &mut Tensors, layer: &str, decoder: &Decoder, sizes: &GroupedAttention) {
    let (prefix, hidden) = (format!("{layer}.self_attn"), decoder.hidden_size);
    let (q_rows, kv_rows) =
        (sizes.num_attention_heads * sizes.head_dim, sizes.num_key_value_heads * sizes.head_dim);
    for (name, rows) in [("q_proj", q_rows), ("k_proj", kv_rows), ("v_proj", kv_rows)] {
        linear(out, format!("{prefix}.{name}"), rows, hidden, sizes.qkv_bias);
    }
    if sizes.qk_norm {
        out.push((format!("{prefix}.q_norm.weight"), vec![sizes.head_dim]));
        out.push((format!("{prefix}.k_norm.weight"), vec![sizes.head_dim]));
    }
    linear(out, format!("{prefix}.o_proj"), hidden, q_rows, sizes.o_bias);
}

fn mlp(out: &mut Tensors, prefix: &str, hidden: usize, inner: usize) {
    linear(out, format!("{prefix}.gate_proj"), inner, hidden, false);
    linear(out, format!("{prefix}.up_proj"), inner, hidden, false);
    linear(out, format!("{prefix}.down_proj"), hidden, inner, false);
}

fn experts(out: &mut Tensors, prefix: &str, hidden: usize, sizes: &Experts) {
    linear(out, format!("{prefix}.gate"), sizes.n_routed_experts, hidden, false);
    if sizes.has_bias() {
        out.push((format!("{prefix}.gate.e_score_correction_bias"), vec![sizes.n_routed_experts]));
    }
    for expert in 0..sizes.n_routed_experts {
        mlp(out, &format!("{prefix}.experts.{expert}"), hidden, sizes.moe_intermediate_size);
    }
    if let Some(width) = sizes.shared_width() {
        mlp(out, &format!("{prefix}.shared_experts"), hidden, width);
    }
}

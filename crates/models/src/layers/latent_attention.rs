//! Multi-head latent attention (MLA): the keys and values of all heads are projections of one small latent
//! vector, and only that vector is cached.
use checkpoint::{self, Decoder, RopeScaling};
use kernels::attention::MlaSizes;
use kernels::lane::{Act, Lane};
use kernels::rms_norm::RmsNorm;
use kernels::{Linear, Weight};

use crate::ledger::WeightKind::Attention;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

/// The published code uses this for the norms inside attention, independent of `rms_norm_eps`.
const INNER_NORM_EPS: f64 = 1e-6;

pub struct LatentAttention {
    q: Query,
    kv_a_proj_with_mqa: Linear,
    kv_a_layernorm: RmsNorm,
    kv_b_proj: Weight,
    o_proj: Linear,
    sizes: MlaSizes,
}

enum Query {
    Full { q_proj: Linear },
    LowRank { q_a_proj: Linear, q_a_layernorm: RmsNorm, q_b_proj: Linear },
}

impl LatentAttention {
    pub fn load(
        decoder: &Decoder,
        config: &checkpoint::LatentAttention,
        loader: &mut Loader,
        layer: &str,
    ) -> Result<Self, LoadError> {
        let (prefix, hidden, bias) =
            (format!("{layer}.self_attn"), decoder.hidden_size, config.attention_bias);
        let sizes = MlaSizes {
            heads: config.num_attention_heads,
            latent: config.kv_lora_rank,
            nope: config.qk_nope_head_dim,
            rope: config.qk_rope_head_dim,
            value: config.v_head_dim,
            scale: softmax_scale(decoder, config),
        };
        let q_rows = sizes.heads * (sizes.nope + sizes.rope);
        let mut linear =
            |name: &str, shape, bias| loader.linear(Attention, &format!("{prefix}.{name}"), shape, bias);
        let kv_a = linear("kv_a_proj_with_mqa", [sizes.latent + sizes.rope, hidden], bias)?;
        let o_proj = linear("o_proj", [hidden, sizes.heads * sizes.value], bias)?;
        let norm = |loader: &mut Loader, name: &str, len| {
            loader.norm(Attention, &format!("{prefix}.{name}"), len, INNER_NORM_EPS)
        };
        let q = match config.q_lora_rank {
            None => Query::Full { q_proj: linear("q_proj", [q_rows, hidden], false)? },
            Some(rank) => Query::LowRank {
                q_a_proj: linear("q_a_proj", [rank, hidden], bias)?,
                q_b_proj: linear("q_b_proj", [q_rows, rank], false)?,
                q_a_layernorm: norm(loader, "q_a_layernorm", rank)?,
            },
        };
        let kv_rows = sizes.heads * (sizes.nope + sizes.value);
        Ok(Self {
            q,
            kv_a_proj_with_mqa: kv_a,
            kv_a_layernorm: norm(loader, "kv_a_layernorm", sizes.latent)?,
            kv_b_proj: loader.weight(Attention, &format!("{prefix}.kv_b_proj"), [kv_rows, sizes.latent])?,
            o_proj,
            sizes,
        })
    }

    /// `x + attention(norm(x))`, [T, H]. Writes the latents of these rows to cache layer `layer`, after norm
    /// and rotation.
    pub fn forward(
        &self,
        lane: &mut Lane,
        x: &Act,
        norm: &RmsNorm,
        layer: usize,
    ) -> Result<Act, ForwardError> {
        let kv_a = &self.kv_a_proj_with_mqa;
        let (q, kv_a) = match &self.q {
            Query::Full { q_proj } => {
                let [q, kv_a] = lane.norm_linear(x, norm, [q_proj, kv_a])?;
                (q, kv_a)
            }
            Query::LowRank { q_a_proj, q_a_layernorm, q_b_proj } => {
                let [q_a, kv_a] = lane.norm_linear(x, norm, [q_a_proj, kv_a])?;
                let [q] = lane.norm_linear(&q_a, q_a_layernorm, [q_b_proj])?;
                (q, kv_a)
            }
        };
        let attended =
            lane.latent_attention([&q, &kv_a], &self.kv_a_layernorm, &self.kv_b_proj, &self.sizes, layer)?;
        if lane.is_cancelled() {
            return Err(ForwardError::Cancelled);
        }
        Ok(lane.linear_add(&attended, &self.o_proj, x)?)
    }
}

/// 1 / sqrt(head dim), times the square of YaRN's attention temperature.
fn softmax_scale(decoder: &Decoder, config: &checkpoint::LatentAttention) -> f32 {
    let width = (config.qk_nope_head_dim + config.qk_rope_head_dim) as f64;
    let yarn = if let RopeScaling::Yarn(yarn) = decoder.rope.scaling { yarn.softmax_scale() } else { 1.0 };
    (width.powf(-0.5) * yarn) as f32
}

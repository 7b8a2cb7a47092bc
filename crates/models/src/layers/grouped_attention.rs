//! Grouped-query attention: several query heads share one head of keys and values. Queries and keys are
//! rotated whole.
use checkpoint::{self, Decoder};
use kernels::Linear;
use kernels::attention::GqaSizes;
use kernels::lane::{Act, Lane};
use kernels::rms_norm::RmsNorm;

use crate::ledger::WeightKind::Attention;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

pub struct GroupedAttention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    /// `q_norm` and `k_norm`, applied to each head.
    norms: Option<(RmsNorm, RmsNorm)>,
    o_proj: Linear,
    sizes: GqaSizes,
}

impl GroupedAttention {
    pub fn load(
        decoder: &Decoder,
        config: &checkpoint::GroupedAttention,
        loader: &mut Loader,
        layer: &str,
    ) -> Result<Self, LoadError> {
        let (prefix, hidden, width) = (format!("{layer}.self_attn"), decoder.hidden_size, config.head_dim);
        let q_rows = config.num_attention_heads * width;
        let kv_rows = config.num_key_value_heads * width;
        let mut linear =
            |name: &str, shape, bias| loader.linear(Attention, &format!("{prefix}.{name}"), shape, bias);
        let q_proj = linear("q_proj", [q_rows, hidden], config.qkv_bias)?;
        let k_proj = linear("k_proj", [kv_rows, hidden], config.qkv_bias)?;
        let v_proj = linear("v_proj", [kv_rows, hidden], config.qkv_bias)?;
        let o_proj = linear("o_proj", [hidden, q_rows], config.o_bias)?;
        let mut norm =
            |name: &str| loader.norm(Attention, &format!("{prefix}.{name}"), width, decoder.rms_norm_eps);
        let norms = if config.qk_norm { Some((norm("q_norm")?, norm("k_norm")?)) } else { None };
        let sizes = GqaSizes {
            heads: config.num_attention_heads,
            kv_heads: config.num_key_value_heads,
            head_dim: width,
            scale: (width as f64).powf(-0.5) as f32,
        };
        Ok(Self { q_proj, k_proj, v_proj, norms, o_proj, sizes })
    }

    /// `x + attention(norm(x))`, [T, H]. Writes the keys and values of these rows to cache layer `layer`.
    pub fn forward(
        &self,
        lane: &mut Lane,
        x: &Act,
        norm: &RmsNorm,
        layer: usize,
    ) -> Result<Act, ForwardError> {
        let [q, k, v] = lane.norm_linear(x, norm, [&self.q_proj, &self.k_proj, &self.v_proj])?;
        let attended = lane.grouped_attention([&q, &k, &v], self.norms.as_ref(), &self.sizes, layer)?;
        if lane.is_cancelled() {
            return Err(ForwardError::Cancelled);
        }
        Ok(lane.linear_add(&attended, &self.o_proj, x)?)
    }
}

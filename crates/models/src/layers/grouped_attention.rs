//! Grouped-query attention: several query heads share one head of keys and values. Queries and keys are
//! rotated whole.
use candle_core::Tensor;
use checkpoint::{self, Decoder};
use kernels::Linear;
use kernels::attention::{GqaSizes, gqa};
use kernels::rms_norm::RmsNorm;

use super::LayerContext;
use crate::ledger::WeightKind::Attention;
use crate::weights::Loader;
use crate::{ForwardError, LoadError, Pass};

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

    /// `x` [T, H] -> [T, H]. Writes the keys and values of these tokens to the cache.
    pub fn forward(
        &self,
        x: &Tensor,
        context: &mut LayerContext,
        pass: &Pass,
    ) -> Result<Tensor, ForwardError> {
        let (rows, prefill) = (x.dim(0)?, &context.batch.prefill);
        let GqaSizes { heads, kv_heads, head_dim, .. } = self.sizes;
        let mut q = self.q_proj.forward(x, prefill)?.reshape((rows, heads, head_dim))?;
        let mut k = self.k_proj.forward(x, prefill)?.reshape((rows, kv_heads, head_dim))?;
        let v = self.v_proj.forward(x, prefill)?.reshape((rows, kv_heads, head_dim))?;
        if let Some((q_norm, k_norm)) = &self.norms {
            (q, k) = (q_norm.forward(&q)?, k_norm.forward(&k)?);
        }
        let (q, k) = (context.rotary.apply(&q)?, context.rotary.apply(&k)?);

        let mut attended = Vec::new();
        for (step, first) in context.batch.steps_with_rows() {
            let tokens = step.tokens.len();
            let rows_of_step = |tensor: &Tensor| tensor.narrow(0, first, tokens);
            context.kv.write_gqa(
                step.pages,
                context.layer,
                step.past,
                &rows_of_step(&k)?,
                &rows_of_step(&v)?,
            )?;
            attended.push(gqa(&self.sizes, &rows_of_step(&q)?, &context.attention(step, pass))?);
        }
        pass.check_cancelled()?;
        Ok(self.o_proj.forward(&Tensor::cat(&attended, 0)?, prefill)?)
    }
}

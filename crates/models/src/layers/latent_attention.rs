//! Multi-head latent attention: keys and values of all heads come from one small latent, which is what is cached.
use candle_core::Tensor;
use checkpoint::{self, Decoder, RopeScaling};
use kernels::attention::{LatentSizes, latent};
use kernels::norm::RmsNorm;
use kernels::{Linear, Prompts, Weight};

use super::Reading;
use crate::ledger::Part::Attention;
use crate::weights::Loader;
use crate::{ForwardError, LoadError, Pass};

/// The norms inside attention always use this, whatever `rms_norm_eps` says.
const INNER_NORM_EPS: f64 = 1e-6;

pub struct LatentAttention {
    q: Query,
    kv_a_proj_with_mqa: Linear,
    kv_a_layernorm: RmsNorm,
    kv_b_proj: Weight,
    o_proj: Linear,
    sizes: LatentSizes,
}

enum Query {
    Plain { q_proj: Linear },
    Low { q_a_proj: Linear, q_a_layernorm: RmsNorm, q_b_proj: Linear },
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
        let sizes = LatentSizes {
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
            None => Query::Plain { q_proj: linear("q_proj", [q_rows, hidden], false)? },
            Some(rank) => Query::Low {
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

    /// `x` [T, H] -> [T, H], with the latents of these tokens written to the cache: normed and rotated.
    pub fn forward(&self, x: &Tensor, reading: &mut Reading, pass: &Pass) -> Result<Tensor, ForwardError> {
        let (rows, prompts) = (x.dim(0)?, &reading.batch.prompts);
        let LatentSizes { heads, latent: rank, nope, rope, .. } = self.sizes;
        let kv = self.kv_a_proj_with_mqa.forward(x, prompts)?;
        let c = self.kv_a_layernorm.forward(&kv.narrow(1, 0, rank)?.contiguous()?)?;
        let k_pe = reading.turns.apply(&kv.narrow(1, rank, rope)?.contiguous()?)?;
        let latents = Tensor::cat(&[c, k_pe], 1)?;
        let q = self.query(x, prompts)?.reshape((rows, heads, nope + rope))?;
        let q = reading.turns.apply(&q)?;

        let mut attended = Vec::new();
        for (step, first) in reading.batch.spans() {
            let tokens = step.tokens.len();
            let own = latents.narrow(0, first, tokens)?;
            reading.kv.write_latent(step.pages, reading.layer, step.past, &own)?;
            let q = q.narrow(0, first, tokens)?;
            attended.push(latent(&self.sizes, &self.kv_b_proj, &q, &reading.context(step, pass))?);
        }
        pass.go_on()?;
        Ok(self.o_proj.forward(&Tensor::cat(&attended, 0)?, prompts)?)
    }

    fn query(&self, x: &Tensor, prompts: &Prompts) -> candle_core::Result<Tensor> {
        match &self.q {
            Query::Plain { q_proj } => q_proj.forward(x, prompts),
            Query::Low { q_a_proj, q_a_layernorm, q_b_proj } => {
                q_b_proj.forward(&q_a_layernorm.forward(&q_a_proj.forward(x, prompts)?)?, prompts)
            }
        }
    }
}

/// The usual root, and yarn's temperature squared.
fn softmax_scale(decoder: &Decoder, config: &checkpoint::LatentAttention) -> f32 {
    let width = (config.qk_nope_head_dim + config.qk_rope_head_dim) as f64;
    let yarn = if let RopeScaling::Yarn(yarn) = decoder.rope.scaling { yarn.softmax_scale() } else { 1.0 };
    (width.powf(-0.5) * yarn) as f32
}

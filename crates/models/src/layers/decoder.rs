//! A stack of pre-norm decoder layers between the embedding and the head: attention, then the feed-forward
//! half, each with a residual connection.
use candle_core::Tensor;
use kernels::cache::KvPages;
use kernels::rms_norm::RmsNorm;
use kernels::rope::{Rope, RotaryTable};
use kernels::{Linear, Weight};

use super::{FeedForward, GroupedAttention, LatentAttention, LayerContext};
use crate::batch::Batch;
use crate::ledger::WeightKind;
use crate::weights::Loader;
use crate::{ForwardError, InputEmbeds, LoadError, Pass};

pub struct Decoder {
    pub embed_tokens: Weight,
    pub layers: Vec<Layer>,
    pub norm: RmsNorm,
    pub lm_head: Linear,
    pub max_positions: usize,
    rope: Rope,
}

pub struct Layer {
    input_layernorm: RmsNorm,
    self_attn: Attention,
    post_attention_layernorm: RmsNorm,
    mlp: FeedForward,
}

pub enum Attention {
    Latent(LatentAttention),
    Grouped(GroupedAttention),
}

impl From<LatentAttention> for Attention {
    fn from(attention: LatentAttention) -> Self {
        Self::Latent(attention)
    }
}

impl From<GroupedAttention> for Attention {
    fn from(attention: GroupedAttention) -> Self {
        Self::Grouped(attention)
    }
}

impl Decoder {
    /// `layer` loads one layer, by index and name.
    pub fn load(
        config: &checkpoint::Decoder,
        rope: Rope,
        loader: &mut Loader,
        mut layer: impl FnMut(usize, &str, &mut Loader) -> Result<Layer, LoadError>,
    ) -> Result<Self, LoadError> {
        let shape = [config.vocab_size, config.hidden_size];
        let embed_tokens = loader.weight(WeightKind::Vocabulary, "model.embed_tokens", shape)?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| layer(index, &format!("model.layers.{index}"), loader))
            .collect::<Result<_, _>>()?;
        let norm = loader.norm(WeightKind::Dense, "model.norm", config.hidden_size, config.rms_norm_eps)?;
        let lm_head = if config.tie_word_embeddings {
            Linear::new(embed_tokens.clone(), None)?
        } else {
            loader.linear(WeightKind::Vocabulary, "lm_head", shape, false)?
        };
        Ok(Self { embed_tokens, layers, norm, lm_head, max_positions: config.max_position_embeddings, rope })
    }

    /// The hidden states of `batch` after all layers, [rows, H], before the final norm.
    pub fn forward(&self, batch: &Batch, kv: &mut KvPages, pass: &mut Pass) -> Result<Tensor, ForwardError> {
        let mut x = replace_embeds(self.embed_tokens.index_select(&batch.tokens)?, pass.input_embeds)?;
        let rotary = &self.rotary(batch)?;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, &mut LayerContext { batch, rotary, kv, layer: index }, pass)?;
        }
        Ok(x)
    }

    /// Sine and cosine of the positions of `batch`.
    pub fn rotary(&self, batch: &Batch) -> Result<RotaryTable, ForwardError> {
        Ok(self.rope.table(&batch.positions, self.embed_tokens.device())?)
    }
}

/// `x` [rows, H] with some rows replaced by `embeds`.
fn replace_embeds(x: Tensor, embeds: &[InputEmbeds]) -> Result<Tensor, ForwardError> {
    if embeds.is_empty() {
        return Ok(x);
    }
    let (rows, width) = x.dims2()?;
    let (mut parts, mut next) = (Vec::new(), 0);
    for span in embeds {
        let count = span.values.len() / width;
        let end = span.row.checked_add(count).filter(|&end| end <= rows);
        let (Some(end), true, true) = (end, span.row >= next, span.values.len() == count * width) else {
            return Err(ForwardError::InputEmbeds { row: span.row, values: span.values.len(), rows });
        };
        if span.row > next {
            parts.push(x.narrow(0, next, span.row - next)?);
        }
        parts.push(Tensor::from_slice(span.values, (count, width), x.device())?);
        next = end;
    }
    if next < rows {
        parts.push(x.narrow(0, next, rows - next)?);
    }
    Ok(Tensor::cat(&parts, 0)?)
}

impl Layer {
    pub fn load(
        config: &checkpoint::Decoder,
        loader: &mut Loader,
        layer: &str,
        self_attn: impl Into<Attention>,
        mlp: FeedForward,
    ) -> Result<Self, LoadError> {
        let mut norm = |name: &str| {
            loader.norm(
                WeightKind::Dense,
                &format!("{layer}.{name}"),
                config.hidden_size,
                config.rms_norm_eps,
            )
        };
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            self_attn: self_attn.into(),
            post_attention_layernorm: norm("post_attention_layernorm")?,
            mlp,
        })
    }

    /// `x` [T, H] -> [T, H].
    pub fn forward(
        &self,
        x: &Tensor,
        context: &mut LayerContext,
        pass: &mut Pass,
    ) -> Result<Tensor, ForwardError> {
        pass.check_cancelled()?;
        let normed = self.input_layernorm.forward(x)?;
        let attended = match &self.self_attn {
            Attention::Latent(attention) => attention.forward(&normed, context, pass)?,
            Attention::Grouped(attention) => attention.forward(&normed, context, pass)?,
        };
        let x = (x + attended)?;
        pass.check_cancelled()?;
        let mlp_output = self.mlp.forward(&self.post_attention_layernorm.forward(&x)?, context, pass)?;
        pass.check_cancelled()?;
        let x = (x + mlp_output)?;
        if let Some(layers) = &mut pass.layers {
            layers.push(x.flatten_all()?.to_vec1()?);
        }
        Ok(x)
    }
}

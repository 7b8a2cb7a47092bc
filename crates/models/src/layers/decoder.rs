//! A stack of decoder layers between an embedding and a head: two residual halves a layer, a norm before each.
use candle_core::Tensor;
use kernels::cache::KvPages;
use kernels::norm::RmsNorm;
use kernels::rope::{Rope, Turns};
use kernels::{Linear, Weight};

use super::{FeedForward, GroupedAttention, LatentAttention, Reading};
use crate::batch::Batch;
use crate::ledger::Part;
use crate::weights::Loader;
use crate::{ForwardError, Given, LoadError, Pass};

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
    /// `layer` loads one layer by number and name.
    pub fn load(
        config: &checkpoint::Decoder,
        rope: Rope,
        loader: &mut Loader,
        mut layer: impl FnMut(usize, &str, &mut Loader) -> Result<Layer, LoadError>,
    ) -> Result<Self, LoadError> {
        let shape = [config.vocab_size, config.hidden_size];
        let embed_tokens = loader.weight(Part::Vocabulary, "model.embed_tokens", shape)?;
        let layers = (0..config.num_hidden_layers)
            .map(|index| layer(index, &format!("model.layers.{index}"), loader))
            .collect::<Result<_, _>>()?;
        let norm = loader.norm(Part::Dense, "model.norm", config.hidden_size, config.rms_norm_eps)?;
        let lm_head = if config.tie_word_embeddings {
            Linear::new(embed_tokens.clone(), None)?
        } else {
            loader.linear(Part::Vocabulary, "lm_head", shape, false)?
        };
        Ok(Self { embed_tokens, layers, norm, lm_head, max_positions: config.max_position_embeddings, rope })
    }

    /// The rows of `batch` through all layers, [rows, H], before the final norm.
    pub fn forward(&self, batch: &Batch, kv: &mut KvPages, pass: &mut Pass) -> Result<Tensor, ForwardError> {
        let mut x = with_given(self.embed_tokens.select(&batch.tokens)?, pass.given)?;
        let turns = &self.turns(batch)?;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, &mut Reading { batch, turns, kv, layer: index }, pass)?;
        }
        Ok(x)
    }

    /// To the positions of `batch`.
    pub fn turns(&self, batch: &Batch) -> Result<Turns, ForwardError> {
        Ok(self.rope.turns(&batch.positions, self.embed_tokens.device())?)
    }
}

/// `x` [rows, H] with the given rows in their places.
fn with_given(x: Tensor, given: &[Given]) -> Result<Tensor, ForwardError> {
    if given.is_empty() {
        return Ok(x);
    }
    let (rows, width) = x.dims2()?;
    let (mut parts, mut at) = (Vec::new(), 0);
    for piece in given {
        let count = piece.values.len() / width;
        let end = piece.row.checked_add(count).filter(|&end| end <= rows);
        let (Some(end), true, true) = (end, piece.row >= at, piece.values.len() == count * width) else {
            return Err(ForwardError::Given { row: piece.row, numbers: piece.values.len(), rows });
        };
        if piece.row > at {
            parts.push(x.narrow(0, at, piece.row - at)?);
        }
        parts.push(Tensor::from_slice(piece.values, (count, width), x.device())?);
        at = end;
    }
    if at < rows {
        parts.push(x.narrow(0, at, rows - at)?);
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
            loader.norm(Part::Dense, &format!("{layer}.{name}"), config.hidden_size, config.rms_norm_eps)
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
        reading: &mut Reading,
        pass: &mut Pass,
    ) -> Result<Tensor, ForwardError> {
        pass.go_on()?;
        let normed = self.input_layernorm.forward(x)?;
        let attended = match &self.self_attn {
            Attention::Latent(attention) => attention.forward(&normed, reading, pass)?,
            Attention::Grouped(attention) => attention.forward(&normed, reading, pass)?,
        };
        let x = (x + attended)?;
        pass.go_on()?;
        let fed = self.mlp.forward(&self.post_attention_layernorm.forward(&x)?, reading, pass)?;
        pass.go_on()?;
        let x = (x + fed)?;
        if let Some(layers) = &mut pass.layers {
            layers.push(x.flatten_all()?.to_vec1()?);
        }
        Ok(x)
    }
}

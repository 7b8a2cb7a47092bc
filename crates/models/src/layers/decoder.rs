//! A stack of pre-norm decoder layers between the embedding and the head: attention, then the feed-forward
//! half, each with a residual connection.
use kernels::cache::KvPages;
use kernels::lane::{Act, Lane, LaneState, Sequence};
use kernels::rms_norm::RmsNorm;
use kernels::rope::Rope;
use kernels::{Cancellation, Linear, Place, Weight};

use super::{FeedForward, GroupedAttention, LatentAttention};
use crate::ledger::WeightKind;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

pub struct Decoder {
    pub embed_tokens: Weight,
    pub layers: Vec<Layer>,
    pub norm: RmsNorm,
    pub lm_head: Linear,
    pub max_positions: usize,
    pub place: Place,
    state: LaneState,
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
            Linear::new(embed_tokens.clone(), None, loader.place())?
        } else {
            loader.linear(WeightKind::Vocabulary, "lm_head", shape, false)?
        };
        let (place, max_positions) = (loader.place().clone(), config.max_position_embeddings);
        let state = LaneState::new(&place, &rope)?;
        Ok(Self { embed_tokens, layers, norm, lm_head, max_positions, place, state, rope })
    }

    /// A lane for the rows of `sequences`.
    pub fn lane<'a>(
        &'a self,
        sequences: &'a [Sequence<'a>],
        kv: &'a mut KvPages,
        cancellation: &'a Cancellation<'a>,
    ) -> Result<Lane<'a>, ForwardError> {
        Ok(Lane::new(&self.state, &self.rope, sequences, kv, cancellation)?)
    }

    /// The hidden states of the lane's rows after all layers, [rows, H], before the final norm. `layers`
    /// collects the output of each layer.
    pub fn forward(
        &self,
        lane: &mut Lane,
        input_embeds: &[(usize, &[f32])],
        mut layers: Option<&mut Vec<Vec<f32>>>,
    ) -> Result<Act, ForwardError> {
        let mut x = lane.embed(&self.embed_tokens, input_embeds)?;
        for (index, layer) in self.layers.iter().enumerate() {
            x = layer.forward(lane, &x, index)?;
            if let Some(layers) = &mut layers {
                layers.push(lane.download(&x)?);
            }
        }
        Ok(x)
    }
}

impl Layer {
    /// Of a mixture: the bias of each expert in the selection, empty without one.
    pub fn router_bias(&self) -> Option<Vec<f32>> {
        self.mlp.router_bias()
    }

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

    /// `x` [T, H] -> [T, H], with cache layer `index`.
    ///
    /// # Errors
    /// `Cancelled` before, between and after the two halves.
    pub fn forward(&self, lane: &mut Lane, x: &Act, index: usize) -> Result<Act, ForwardError> {
        let check = |lane: &Lane| if lane.is_cancelled() { Err(ForwardError::Cancelled) } else { Ok(()) };
        check(lane)?;
        let x = match &self.self_attn {
            Attention::Latent(attention) => attention.forward(lane, x, &self.input_layernorm, index)?,
            Attention::Grouped(attention) => attention.forward(lane, x, &self.input_layernorm, index)?,
        };
        check(lane)?;
        let x = self.mlp.forward(lane, &x, &self.post_attention_layernorm, index)?;
        check(lane)?;
        Ok(x)
    }
}

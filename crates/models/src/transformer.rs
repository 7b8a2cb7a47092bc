//! A decoder with what stands around it, as the `Model` that every family loads into.
use std::sync::Arc;

use candle_core::{Device, Tensor};
use kernels::Prompts;
use kernels::cache::{CacheKind, CacheShape, KvPages};
use kernels::norm::RmsNorm;
use kernels::rope::Pairs;

use crate::batch::{Batch, Limits, shares};
use crate::layers::{Decoder, FeedForward, GroupedAttention, LatentAttention, Layer, Prediction, Reading};
use crate::weights::Loader;
use crate::{ForwardError, Ledger, LoadError, Model, Output, Pass, Sight, Step, rope};

pub struct Transformer {
    decoder: Decoder,
    prediction: Option<Prediction>,
    cache: CacheKind,
    ledger: Ledger,
    device: Device,
    sight: Option<Arc<Sight>>,
}

impl Transformer {
    /// Layers of latent attention; `feed_forward` loads the other half of one, by number and name.
    pub fn latent(
        sizes: &checkpoint::Decoder,
        attention: &checkpoint::LatentAttention,
        predictions: usize,
        mut loader: Loader,
        feed_forward: impl Fn(usize, &str, &mut Loader) -> Result<FeedForward, LoadError>,
    ) -> Result<Self, LoadError> {
        let layer = |index: usize, name: &str, loader: &mut Loader| {
            let self_attn = LatentAttention::load(sizes, attention, loader, name)?;
            let mlp = feed_forward(index, name, loader)?;
            Layer::load(sizes, loader, name, self_attn, mlp)
        };
        let (device, width) = (loader.device().clone(), attention.qk_rope_head_dim);
        let rope = rope::rope(&sizes.rope, Pairs::Interleaved, width);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let index = sizes.num_hidden_layers;
        let name = format!("model.layers.{index}");
        let prediction = match predictions {
            0 => None,
            _ => Prediction::load(sizes, &mut loader, &name, |loader| layer(index, &name, loader))?,
        };
        let cache = CacheKind::Latent { latent: attention.kv_lora_rank, rope: width };
        Ok(Self { decoder, prediction, cache, ledger: loader.finish(), device, sight: None })
    }

    /// Layers of grouped attention; `feed_forward` as in [`Transformer::latent`].
    pub fn grouped(
        sizes: &checkpoint::Decoder,
        attention: &checkpoint::GroupedAttention,
        mut loader: Loader,
        feed_forward: impl Fn(usize, &str, &mut Loader) -> Result<FeedForward, LoadError>,
    ) -> Result<Self, LoadError> {
        let layer = |index: usize, name: &str, loader: &mut Loader| {
            let self_attn = GroupedAttention::load(sizes, attention, loader, name)?;
            let mlp = feed_forward(index, name, loader)?;
            Layer::load(sizes, loader, name, self_attn, mlp)
        };
        let (device, head_dim) = (loader.device().clone(), attention.head_dim);
        let rope = rope::rope(&sizes.rope, Pairs::Halves, head_dim);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let cache = CacheKind::Gqa { kv_heads: attention.num_key_value_heads, head_dim };
        Ok(Self { decoder, prediction: None, cache, ledger: loader.finish(), device, sight: None })
    }

    /// The same with eyes.
    pub fn with_sight(self, sight: Arc<Sight>) -> Self {
        Self { sight: Some(sight), ..self }
    }

    fn limits(&self) -> Limits {
        Limits { vocab: self.vocab_size(), positions: self.max_positions() }
    }

    /// The wanted rows of `x` [rows, H] through `norm` and the head, dealt to the steps.
    fn answer(&self, x: &Tensor, norm: &RmsNorm, batch: &Batch) -> Result<Vec<Output>, ForwardError> {
        let (rows, heads) = batch.wanted();
        if rows.is_empty() {
            return Ok(vec![Output::default(); batch.steps.len()]);
        }
        let pick = |x: &Tensor, ids: &[u32]| x.index_select(&Tensor::new(ids, x.device())?, 0);
        let hidden = norm.forward(&pick(x, &rows)?)?;
        let logits = self.decoder.lm_head.forward(&pick(&hidden, &heads)?, &Prompts::none())?;
        let width = hidden.dim(1)?;
        let (hidden, logits): (Vec<f32>, Vec<f32>) =
            (hidden.flatten_all()?.to_vec1()?, logits.flatten_all()?.to_vec1()?);
        let (mut hidden, mut logits) = (&hidden[..], &logits[..]);
        let deal = |step: &Step| {
            let (n, m) = shares(step);
            let own = |from: &mut &[f32], count: usize| {
                let (own, rest) = from.split_at(count);
                *from = rest;
                own.to_vec()
            };
            Output { logits: own(&mut logits, n * self.vocab_size()), hidden: own(&mut hidden, m * width) }
        };
        Ok(batch.steps.iter().map(deal).collect())
    }
}

impl Model for Transformer {
    fn vocab_size(&self) -> usize {
        self.decoder.embed_tokens.rows()
    }

    fn hidden_size(&self) -> usize {
        self.decoder.embed_tokens.cols()
    }

    fn sight(&self) -> Option<Arc<Sight>> {
        self.sight.clone()
    }

    fn cache_shape(&self) -> CacheShape {
        let layers = self.decoder.layers.len() + usize::from(self.prediction.is_some());
        CacheShape { kind: self.cache, layers }
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn max_positions(&self) -> usize {
        self.decoder.max_positions
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn forward(
        &self,
        steps: &[Step],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Vec<Output>, ForwardError> {
        kernels::with_threads(|| {
            let batch = Batch::new(steps, &self.limits(), kv)?;
            let x = self.decoder.forward(&batch, kv, pass)?;
            self.answer(&x, &self.decoder.norm, &batch)
        })
    }

    fn has_mtp(&self) -> bool {
        self.prediction.is_some()
    }

    fn draft(
        &self,
        step: &Step,
        hidden: &[f32],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError> {
        let prediction = self.prediction.as_ref().ok_or(ForwardError::NoDraft)?;
        let batch = Batch::new(std::slice::from_ref(step), &self.limits(), kv)?;
        let (tokens, width) = (step.tokens.len(), self.decoder.embed_tokens.cols());
        if hidden.len() != tokens * width {
            return Err(ForwardError::Hidden { tokens, numbers: hidden.len() });
        }
        kernels::with_threads(|| {
            let hidden = Tensor::from_slice(hidden, (tokens, width), &self.device)?;
            let embedded = self.decoder.embed_tokens.select(step.tokens)?;
            let layer = self.decoder.layers.len();
            let mut reading = Reading { batch: &batch, turns: &self.decoder.turns(&batch)?, kv, layer };
            let x = prediction.forward(&embedded, &hidden, &mut reading, pass)?;
            let mut outputs = self.answer(&x, &prediction.shared_head_norm, &batch)?;
            Ok(outputs.remove(0))
        })
    }
}

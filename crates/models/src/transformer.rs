//! A decoder with an optional MTP head and vision tower, as the [`Model`] that every family loads into. Knows
//! nothing of families.
use std::sync::Arc;

use candle_core::{Device, Tensor};
use kernels::PrefillRows;
use kernels::cache::{CacheKind, CacheShape, KvPages};
use kernels::rms_norm::RmsNorm;
use kernels::rope::RopeStyle;

use crate::batch::{Batch, Limits, num_output_rows};
use crate::layers::{Decoder, FeedForward, GroupedAttention, LatentAttention, Layer, LayerContext, MtpHead};
use crate::weights::Loader;
use crate::{ForwardError, Ledger, LoadError, Model, Output, Pass, Step, VisionTower, rope};

pub struct Transformer {
    decoder: Decoder,
    mtp: Option<MtpHead>,
    cache: CacheKind,
    ledger: Ledger,
    device: Device,
    vision: Option<Arc<VisionTower>>,
}

impl Transformer {
    /// A model with multi-head latent attention. `feed_forward` loads the MLP or the mixture of experts of a
    /// layer, by index and name.
    pub fn latent(
        sizes: &checkpoint::Decoder,
        attention: &checkpoint::LatentAttention,
        num_nextn_predict_layers: usize,
        mut loader: Loader,
        feed_forward: impl Fn(usize, &str, &mut Loader) -> Result<FeedForward, LoadError>,
    ) -> Result<Self, LoadError> {
        let layer = |index: usize, name: &str, loader: &mut Loader| {
            let self_attn = LatentAttention::load(sizes, attention, loader, name)?;
            let mlp = feed_forward(index, name, loader)?;
            Layer::load(sizes, loader, name, self_attn, mlp)
        };
        let (device, width) = (loader.device().clone(), attention.qk_rope_head_dim);
        let rope = rope::rope(&sizes.rope, RopeStyle::Interleaved, width);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let index = sizes.num_hidden_layers;
        let name = format!("model.layers.{index}");
        let mtp = match num_nextn_predict_layers {
            0 => None,
            _ => MtpHead::load(sizes, &mut loader, &name, |loader| layer(index, &name, loader))?,
        };
        let cache = CacheKind::Latent { latent: attention.kv_lora_rank, rope: width };
        Ok(Self { decoder, mtp, cache, ledger: loader.finish(), device, vision: None })
    }

    /// A model with grouped-query attention; `feed_forward` as in [`Transformer::latent`].
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
        let rope = rope::rope(&sizes.rope, RopeStyle::Neox, head_dim);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let cache = CacheKind::Gqa { kv_heads: attention.num_key_value_heads, head_dim };
        Ok(Self { decoder, mtp: None, cache, ledger: loader.finish(), device, vision: None })
    }

    pub fn with_vision(self, vision: Arc<VisionTower>) -> Self {
        Self { vision: Some(vision), ..self }
    }

    fn limits(&self) -> Limits {
        Limits { vocab: self.vocab_size(), positions: self.max_positions() }
    }

    /// The requested rows of `x` [rows, H] after `norm` and after the head, split into the outputs of the
    /// steps.
    fn outputs(&self, x: &Tensor, norm: &RmsNorm, batch: &Batch) -> Result<Vec<Output>, ForwardError> {
        let (rows, logit_rows) = batch.output_rows();
        if rows.is_empty() {
            return Ok(vec![Output::default(); batch.steps.len()]);
        }
        let select = |x: &Tensor, ids: &[u32]| x.index_select(&Tensor::new(ids, x.device())?, 0);
        let hidden = norm.forward(&select(x, &rows)?)?;
        let logits = self.decoder.lm_head.forward(&select(&hidden, &logit_rows)?, &PrefillRows::none())?;
        let width = hidden.dim(1)?;
        let (hidden, logits): (Vec<f32>, Vec<f32>) =
            (hidden.flatten_all()?.to_vec1()?, logits.flatten_all()?.to_vec1()?);
        let (mut hidden, mut logits) = (&hidden[..], &logits[..]);
        let output = |step: &Step| {
            let (n, m) = num_output_rows(step);
            let take = |from: &mut &[f32], count: usize| {
                let (taken, rest) = from.split_at(count);
                *from = rest;
                taken.to_vec()
            };
            Output { logits: take(&mut logits, n * self.vocab_size()), hidden: take(&mut hidden, m * width) }
        };
        Ok(batch.steps.iter().map(output).collect())
    }
}

impl Model for Transformer {
    fn vocab_size(&self) -> usize {
        self.decoder.embed_tokens.rows()
    }

    fn hidden_size(&self) -> usize {
        self.decoder.embed_tokens.cols()
    }

    fn vision(&self) -> Option<Arc<VisionTower>> {
        self.vision.clone()
    }

    fn cache_shape(&self) -> CacheShape {
        let layers = self.decoder.layers.len() + usize::from(self.mtp.is_some());
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
        kernels::in_thread_pool(|| {
            let batch = Batch::new(steps, &self.limits(), kv)?;
            let x = self.decoder.forward(&batch, kv, pass)?;
            self.outputs(&x, &self.decoder.norm, &batch)
        })
    }

    fn has_mtp(&self) -> bool {
        self.mtp.is_some()
    }

    fn draft(
        &self,
        step: &Step,
        hidden: &[f32],
        kv: &mut KvPages,
        pass: &mut Pass,
    ) -> Result<Output, ForwardError> {
        let mtp = self.mtp.as_ref().ok_or(ForwardError::NoMtpHead)?;
        let batch = Batch::new(std::slice::from_ref(step), &self.limits(), kv)?;
        let (tokens, width) = (step.tokens.len(), self.decoder.embed_tokens.cols());
        if hidden.len() != tokens * width {
            return Err(ForwardError::Hidden { tokens, values: hidden.len() });
        }
        kernels::in_thread_pool(|| {
            let hidden = Tensor::from_slice(hidden, (tokens, width), &self.device)?;
            let embedded = self.decoder.embed_tokens.index_select(step.tokens)?;
            let layer = self.decoder.layers.len();
            let rotary = &self.decoder.rotary(&batch)?;
            let mut context = LayerContext { batch: &batch, rotary, kv, layer };
            let x = mtp.forward(&embedded, &hidden, &mut context, pass)?;
            let mut outputs = self.outputs(&x, &mtp.shared_head_norm, &batch)?;
            Ok(outputs.remove(0))
        })
    }
}

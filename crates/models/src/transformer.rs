//! A decoder with an optional MTP head and vision tower, as the [`Model`] that every family loads into. Knows
//! nothing of families.
use std::sync::Arc;

use kernels::Logits;
use kernels::cache::{CacheKind, CacheShape, KvPages};
use kernels::lane::Lane;
use kernels::rope::RopeStyle;

use crate::batch::{Batch, Limits, num_output_rows};
use crate::layers::{Decoder, FeedForward, GroupedAttention, LatentAttention, Layer, MtpHead};
use crate::weights::Loader;
use crate::{
    ForwardError, LayerRouting, Ledger, LoadError, Model, Output, Pass, Place, Step, VisionTower, rope,
};

/// The computations of a model, as a lane tells them apart.
const FORWARD: usize = 0;
const DRAFT: usize = 1;

pub struct Transformer {
    decoder: Decoder,
    mtp: Option<MtpHead>,
    cache: CacheKind,
    ledger: Ledger,
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
        let width = attention.qk_rope_head_dim;
        let rope = rope::rope(&sizes.rope, RopeStyle::Interleaved, width);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let index = sizes.num_hidden_layers;
        let name = format!("model.layers.{index}");
        let mtp = match num_nextn_predict_layers {
            0 => None,
            _ => MtpHead::load(sizes, &mut loader, &name, |loader| layer(index, &name, loader))?,
        };
        let cache = CacheKind::Latent { latent: attention.kv_lora_rank, rope: width };
        Ok(Self { decoder, mtp, cache, ledger: loader.finish()?, vision: None })
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
        let head_dim = attention.head_dim;
        let rope = rope::rope(&sizes.rope, RopeStyle::Neox, head_dim);
        let decoder = Decoder::load(sizes, rope, &mut loader, layer)?;
        let cache = CacheKind::Gqa { kv_heads: attention.num_key_value_heads, head_dim };
        Ok(Self { decoder, mtp: None, cache, ledger: loader.finish()?, vision: None })
    }

    pub fn with_vision(self, vision: Arc<VisionTower>) -> Self {
        Self { vision: Some(vision), ..self }
    }

    fn limits(&self) -> Limits {
        Limits { vocab: self.vocab_size(), positions: self.max_positions() }
    }

    /// Hidden states and logits, split into the outputs of the steps.
    fn split(&self, hidden: &[f32], logits: &Logits, batch: &Batch) -> Vec<Output> {
        let (mut hidden, mut next) = (hidden, 0);
        let output = |step: &Step| {
            let (n, m) = num_output_rows(step);
            let (own, rest) = hidden.split_at(m * self.hidden_size());
            hidden = rest;
            let start = next;
            next += n * self.vocab_size();
            Output { logits: logits.part(start..next), hidden: own.to_vec() }
        };
        batch.steps.iter().map(output).collect()
    }

    /// Runs `pass` where its host part is fast: among the threads of the products, or, when a card computes
    /// them, in this thread, because a change of threads costs more than all that the host does.
    fn in_lane_thread<T: Send>(&self, pass: impl FnOnce() -> T + Send) -> T {
        match self.decoder.place {
            Place::Host => kernels::in_thread_pool(pass),
            Place::Card(_) => pass(),
        }
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

    fn router_bias(&self) -> Vec<Vec<f32>> {
        self.decoder.layers.iter().filter_map(|layer| layer.router_bias()).collect()
    }

    fn cache_shape(&self) -> CacheShape {
        let layers = self.decoder.layers.len() + usize::from(self.mtp.is_some());
        CacheShape { kind: self.cache, layers }
    }

    fn place(&self) -> &Place {
        &self.decoder.place
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
        self.in_lane_thread(|| {
            let batch = Batch::new(steps, pass.temperatures, &self.limits(), kv)?;
            let mut lane = self.decoder.lane(&batch.sequences, kv, &pass.cancellation)?;
            if pass.all_experts {
                lane.use_all_experts()?;
            }
            batch.check_embeds(pass.input_embeds, self.hidden_size())?;
            let embeds: Vec<_> = pass.input_embeds.iter().map(|e| (e.row, e.values)).collect();
            let (rows, logit_rows) = batch.output_rows();
            let (outputs, fixed) = ([&rows[..], &logit_rows[..]], embeds.is_empty() && pass.layers.is_none());
            let Decoder { norm, lm_head, .. } = &self.decoder;
            let head = lane.step(FORWARD, outputs, fixed, |lane| {
                let x = self.decoder.forward(lane, &embeds, pass.layers.as_deref_mut())?;
                Ok::<_, ForwardError>(lane.head(&x, norm, lm_head, outputs)?)
            })?;
            let (hidden, logits) = lane.read_head(head)?;
            record(&mut lane, pass.routing.as_deref_mut())?;
            Ok(self.split(&hidden, &logits, &batch))
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
        let batch = Batch::new(std::slice::from_ref(step), &[], &self.limits(), kv)?;
        let (tokens, width) = (step.tokens.len(), self.decoder.embed_tokens.cols());
        if hidden.len() != tokens * width {
            return Err(ForwardError::Hidden { tokens, values: hidden.len() });
        }
        self.in_lane_thread(|| {
            let mut lane = self.decoder.lane(&batch.sequences, kv, &pass.cancellation)?;
            let hidden = lane.upload(hidden, width)?;
            let (rows, logit_rows) = batch.output_rows();
            let outputs = [&rows[..], &logit_rows[..]];
            let Decoder { embed_tokens, layers, lm_head, .. } = &self.decoder;
            let head = lane.step(DRAFT, outputs, true, |lane| {
                let embedded = lane.embed(embed_tokens, &[])?;
                let x = mtp.forward(lane, &embedded, &hidden, layers.len())?;
                Ok::<_, ForwardError>(lane.head(&x, &mtp.shared_head_norm, lm_head, outputs)?)
            })?;
            let (hidden, logits) = lane.read_head(head)?;
            record(&mut lane, pass.routing.as_deref_mut())?;
            Ok(self.split(&hidden, &logits, &batch).remove(0))
        })
    }
}

/// Collects the experts that the layers of this pass chose.
fn record(lane: &mut Lane, routing: Option<&mut Vec<LayerRouting>>) -> Result<(), ForwardError> {
    let Some(routing) = routing else { return Ok(()) };
    for chosen in lane.take_routing()? {
        let rows = 0..chosen.top_k.tokens();
        routing.extend(rows.map(|row| LayerRouting {
            layer: chosen.layer,
            row,
            experts: chosen.top_k.token(row).collect(),
        }));
    }
    Ok(())
}

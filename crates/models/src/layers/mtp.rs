//! The multi-token-prediction (MTP) head of DeepSeek-V3: predicts a token's second successor from its hidden
//! state and its successor (V3 report, section 2.2). Embedding and output head are the model's own; the
//! copies in published files are not loaded.
use kernels::Linear;
use kernels::lane::{Act, Lane};
use kernels::rms_norm::RmsNorm;

use super::Layer;
use crate::ledger::WeightKind::Mtp;
use crate::weights::Loader;
use crate::{ForwardError, LoadError};

pub struct MtpHead {
    enorm: RmsNorm,
    hnorm: RmsNorm,
    eh_proj: Linear,
    layer: Layer,
    /// Applied before the output head, and to the hidden state that a further draft gets.
    pub shared_head_norm: RmsNorm,
}

impl MtpHead {
    /// `None` when the files have nothing of this layer, as many converted ones. A part of it is an error.
    pub fn load(
        config: &checkpoint::Decoder,
        loader: &mut Loader,
        prefix: &str,
        layer: impl FnOnce(&mut Loader) -> Result<Layer, LoadError>,
    ) -> Result<Option<Self>, LoadError> {
        if !loader.has(&format!("{prefix}.eh_proj.weight")) {
            return Ok(None);
        }
        let (hidden, eps) = (config.hidden_size, config.rms_norm_eps);
        loader.with_kind(Mtp, |loader| {
            Ok(Some(Self {
                enorm: loader.norm(Mtp, &format!("{prefix}.enorm"), hidden, eps)?,
                hnorm: loader.norm(Mtp, &format!("{prefix}.hnorm"), hidden, eps)?,
                eh_proj: loader.linear(Mtp, &format!("{prefix}.eh_proj"), [hidden, 2 * hidden], false)?,
                layer: layer(loader)?,
                shared_head_norm: loader.norm(Mtp, &format!("{prefix}.shared_head.norm"), hidden, eps)?,
            }))
        })
    }

    /// `embedded` and `hidden` [T, H] -> [T, H], before `shared_head_norm`, with cache layer `layer`.
    /// `eh_proj` takes the embedding first.
    pub fn forward(
        &self,
        lane: &mut Lane,
        embedded: &Act,
        hidden: &Act,
        layer: usize,
    ) -> Result<Act, ForwardError> {
        let x = lane.concat_linear([embedded, hidden], [&self.enorm, &self.hnorm], &self.eh_proj)?;
        self.layer.forward(lane, &x, layer)
    }
}

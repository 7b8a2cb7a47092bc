//! The multi-token-prediction layer of DeepSeek-V3: from a token's hidden state and the token after it, the logits of
//! the token after that (V3 report, section 2.2). Embedding and head are the model's own; the copies in published files
//! are not loaded.
use candle_core::Tensor;
use kernels::Linear;
use kernels::norm::RmsNorm;

use super::{Layer, Reading};
use crate::ledger::Part::Prediction as Booked;
use crate::weights::Loader;
use crate::{ForwardError, LoadError, Pass};

pub struct Prediction {
    enorm: RmsNorm,
    hnorm: RmsNorm,
    eh_proj: Linear,
    layer: Layer,
    /// Before the head, and before the hidden state goes round again.
    pub shared_head_norm: RmsNorm,
}

impl Prediction {
    /// `None` when the files have nothing of this layer, as many converted ones; a part of it is an error.
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
        loader.all_as(Booked, |loader| {
            Ok(Some(Self {
                enorm: loader.norm(Booked, &format!("{prefix}.enorm"), hidden, eps)?,
                hnorm: loader.norm(Booked, &format!("{prefix}.hnorm"), hidden, eps)?,
                eh_proj: loader.linear(Booked, &format!("{prefix}.eh_proj"), [hidden, 2 * hidden], false)?,
                layer: layer(loader)?,
                shared_head_norm: loader.norm(Booked, &format!("{prefix}.shared_head.norm"), hidden, eps)?,
            }))
        })
    }

    /// `embedded` and `hidden` [T, H] -> [T, H], before the norm of the head. The embedding comes first.
    pub fn forward(
        &self,
        embedded: &Tensor,
        hidden: &Tensor,
        reading: &mut Reading,
        pass: &mut Pass,
    ) -> Result<Tensor, ForwardError> {
        let pair = Tensor::cat(&[self.enorm.forward(embedded)?, self.hnorm.forward(hidden)?], 1)?;
        self.layer.forward(&self.eh_proj.forward(&pair, &reading.batch.prompts)?, reading, pass)
    }
}

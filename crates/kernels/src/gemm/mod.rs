//! Matrix products `y = x W^T + b` with encoded weights: `gemv` decodes each weight row once for a few
//! tokens, `amx` multiplies many rows on Intel's matrix tiles, `matmul` selects between them, `fused` adds an
//! epilogue.
//!
//! Results are batch-invariant except in `fused`: a row does not depend on the other rows of `x`.
#[cfg(target_arch = "x86_64")]
pub mod amx;
mod epilogue;
mod fused;
mod gemv;
mod matmul;

use candle_core::{Result, Tensor, bail};

use crate::place::Vector;
use crate::{Place, PrefillRows, Weight};

pub use epilogue::Epilogue;
pub(crate) use gemv::{Input, ROW_BLOCK, transpose};

/// A weight with an optional bias.
#[derive(Clone)]
pub struct Linear {
    weight: Weight,
    /// [rows]
    bias: Option<Vector>,
}

impl Linear {
    /// # Errors
    /// When the length of `bias` differs from the rows of the weight.
    pub fn new(weight: Weight, bias: Option<Vec<f32>>, place: &Place) -> Result<Self> {
        if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != weight.rows()) {
            bail!("shape mismatch: bias [{}], weight with {} rows", bias.len(), weight.rows());
        }
        let bias = bias.map(|bias| Vector::new(bias, place)).transpose()?;
        Ok(Self { weight, bias })
    }

    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// [rows]
    pub(crate) fn bias(&self) -> Option<&Vector> {
        self.bias.as_ref()
    }

    /// Bytes of weight and bias.
    pub fn bytes(&self) -> u64 {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |bias| bias.len() as u64 * 4)
    }

    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` differs from the columns of the weight.
    pub fn forward(&self, x: &Tensor, prefill: &PrefillRows) -> Result<Tensor> {
        let y = self.weight.forward(x, prefill)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(&bias.host),
            None => Ok(y),
        }
    }
}

#[cfg(test)]
mod tests;

//! `y = x W^T + b`. Each row of the weight is decoded once for all tokens, a few rows at a time. Prompts go onto tiles where
//! there are any.
#[cfg(target_arch = "x86_64")]
pub mod amx;
mod epilogue;
mod fused;
mod gemv;
mod matmul;

use candle_core::{Result, Tensor, bail};

use crate::{Prompts, Weight};

pub use epilogue::Then;
pub(crate) use gemv::{STRIP, transposed};

/// A matrix and what is added to its product.
#[derive(Clone)]
pub struct Linear {
    weight: Weight,
    /// [rows], where the weight lies.
    bias: Option<Tensor>,
}

impl Linear {
    /// # Errors
    /// When `bias` has another length than the weight has rows.
    pub fn new(weight: Weight, bias: Option<Vec<f32>>) -> Result<Self> {
        if let Some(bias) = bias.as_ref().filter(|bias| bias.len() != weight.rows()) {
            bail!("a bias of {} does not go with a weight of {} rows", bias.len(), weight.rows());
        }
        let bias = bias.map(|bias| Tensor::new(bias, weight.device())).transpose()?;
        Ok(Self { weight, bias })
    }

    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// [rows], where the weight lies.
    pub(crate) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// Bytes of weight and bias.
    pub fn bytes(&self) -> u64 {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |bias| bias.elem_count() as u64 * 4)
    }

    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` is not the weight's.
    pub fn forward(&self, x: &Tensor, prompts: &Prompts) -> Result<Tensor> {
        let y = self.weight.forward(x, prompts)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}

#[cfg(test)]
mod tests;

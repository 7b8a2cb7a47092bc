//! Matrix products `y = x W^T + b` with encoded weights: `gemv` decodes each weight row once for a few
//! tokens, `panels` multiplies many rows in whole numbers, `amx` on Intel's matrix tiles; `tiled` selects one
//! of these two for a weight, `matmul` for each row of a batch; `fused` adds an epilogue.
//!
//! Results are batch-invariant except in `fused`: a row does not depend on the other rows of `x`.
#[cfg(target_arch = "x86_64")]
pub mod amx;
mod epilogue;
mod fused;
mod gemv;
mod matmul;
mod output;
mod panels;
mod tiled;

use candle_core::{Result, Tensor, bail};

use crate::elementwise::add_bias;
use crate::place::Vector;
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Place, PrefillRows, Weight};

pub use epilogue::Epilogue;
pub(crate) use gemv::{Input, ROW_BLOCK, blocks_of_task};
pub(crate) use output::{OutputTiles, Tile};
pub(crate) use tiled::{PackedRows, PrefillForm};

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
        let [y] = Self::forward_all([self], x, prefill)?;
        Ok(y)
    }

    /// `x` [n, cols] -> [n, rows] for each of several weights. Without a prefill they are one set of tasks.
    ///
    /// # Errors
    /// When the width of `x` differs from the columns of a weight.
    pub fn forward_all<const N: usize>(
        linears: [&Self; N],
        x: &Tensor,
        prefill: &PrefillRows,
    ) -> Result<[Tensor; N]> {
        let weights = linears.map(|linear| &linear.weight);
        weights.iter().try_for_each(|weight| weight.check_input(x))?;
        let (n, never) = (x.dim(0)?, Cancellation::never());
        let mut products = with_slice(x, |x| {
            Ok(match &prefill.segments(n)[..] {
                [(_, false)] => gemv::gemv_all(&weights, x, &never),
                _ => weights.iter().map(|weight| weight.matmul(x, prefill, &never)).collect(),
            })
        })?
        .into_iter();
        array(linears, |linear| {
            let mut y = products.next().expect("one for each weight");
            if let Some(bias) = &linear.bias {
                with_slice(&bias.host, |bias| {
                    add_bias(&mut y, bias);
                    Ok(())
                })?;
            }
            tensor(y, (n, linear.weight.rows()))
        })
    }
}

/// `work` on each element.
fn array<T, U, const N: usize>(from: [T; N], mut work: impl FnMut(T) -> Result<U>) -> Result<[U; N]> {
    let mut done = Vec::with_capacity(N);
    for item in from {
        done.push(work(item)?);
    }
    match done.try_into() {
        Ok(array) => Ok(array),
        Err(_) => bail!("an array of another length"),
    }
}

#[cfg(test)]
mod tests;

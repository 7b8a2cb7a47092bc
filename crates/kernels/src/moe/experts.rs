//! One SwiGLU feed-forward layer: a dense layer, a shared expert or a routed expert.
//! Knows no routing.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use crate::activations::silu_mul;
use crate::gemm::{ROW_BLOCK, transpose};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, PrefillRows, Weight};

/// `gate` and `up` [intermediate, hidden], `down` [hidden, intermediate].
#[derive(Clone)]
pub struct Mlp {
    pub(super) gate: Weight,
    pub(super) up: Weight,
    pub(super) down: Weight,
}

impl Mlp {
    /// # Errors
    /// When the shapes or the devices of the three weights do not match.
    pub fn new(gate: Weight, up: Weight, down: Weight) -> Result<Self> {
        let shape = (gate.rows(), gate.cols());
        if (up.rows(), up.cols()) != shape || (down.cols(), down.rows()) != shape {
            let shapes = [&gate, &up, &down].map(|weight| (weight.rows(), weight.cols()));
            bail!("shape mismatch: gate, up and down of {shapes:?}");
        }
        if gate.is_host() != up.is_host() || gate.is_host() != down.is_host() {
            bail!("gate, up and down are on different devices");
        }
        Ok(Self { gate, up, down })
    }

    pub fn hidden_size(&self) -> usize {
        self.gate.cols()
    }

    pub fn intermediate_size(&self) -> usize {
        self.gate.rows()
    }

    pub fn bytes(&self) -> u64 {
        self.gate.bytes() + self.up.bytes() + self.down.bytes()
    }

    /// `x` [n, hidden] -> [n, hidden].
    ///
    /// # Errors
    /// When the width of `x` differs from the hidden size.
    pub fn forward(&self, x: &Tensor, prefill: &PrefillRows, cancellation: &Cancellation) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.hidden_size() {
            bail!("shape mismatch: input [{n}, {cols}], hidden size {}", self.hidden_size());
        }
        if !self.gate.is_host() {
            return self.forward_in_tensors(x);
        }
        with_slice(x, |x| {
            let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
            let mut inner = Vec::with_capacity(n * self.intermediate_size());
            for (segment, uses_amx) in prefill.segments(n) {
                inner.extend(self.gate_up(&rows[segment], uses_amx, cancellation));
            }
            tensor(self.down.matmul(&inner, prefill, cancellation), (n, cols))
        })
    }

    pub(super) fn forward_in_tensors(&self, x: &Tensor) -> Result<Tensor> {
        let prefill = &PrefillRows::none();
        let gate = self.gate.forward(x, prefill)?;
        self.down.forward(&(gate.silu()? * self.up.forward(x, prefill)?)?, prefill)
    }

    /// `silu(gate x) * up x` [tokens, intermediate].
    pub(super) fn gate_up(&self, x: &[&[f32]], uses_amx: bool, cancellation: &Cancellation) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if uses_amx {
            return amx::gate_up(self, x, cancellation);
        }
        let _ = uses_amx;
        let n = x.len();
        let mut columns = vec![0.0; self.intermediate_size() * n]; // [intermediate, n]
        let row_block = |scratch: &mut Scratch, (index, out): (usize, &mut [f32])| {
            if cancellation.is_cancelled() {
                return;
            }
            let up = &mut scratch.products[..out.len()];
            self.gate.gemv_row_block(index * ROW_BLOCK, &mut scratch.rows, x, out);
            self.up.gemv_row_block(index * ROW_BLOCK, &mut scratch.rows, x, up);
            silu_mul(out, up);
        };
        let scratch = || Scratch { rows: Vec::new(), products: vec![0.0; ROW_BLOCK * n] };
        columns.par_chunks_mut(ROW_BLOCK * n).enumerate().with_min_len(4).for_each_init(scratch, row_block);
        if n == 1 { columns } else { transpose(&columns, n) }
    }
}

/// Scratch memory of a thread: decoded weight rows, and products of a row block.
pub(super) struct Scratch {
    pub rows: Vec<f32>,
    pub products: Vec<f32>,
}

#[cfg(target_arch = "x86_64")]
mod amx {
    use super::Mlp;
    use crate::Cancellation;
    use crate::activations::silu_mul;
    use crate::gemm::amx::NR;
    use crate::gemm::amx::gemm::{PackedA, Split, gemm};
    use crate::gemm::amx::output::OutputTiles;

    /// `Mlp::gate_up`.
    pub fn gate_up(mlp: &Mlp, x: &[&[f32]], cancellation: &Cancellation) -> Vec<f32> {
        let (n, width) = (x.len(), mlp.intermediate_size());
        let a = PackedA::pack(x, mlp.hidden_size(), Split::Bf16x3);
        let mut inner = vec![0.0; n * width];
        let out = OutputTiles::new(&mut inner, width);
        gemm(&mlp.gate, &a, cancellation, |rows, columns, tile| {
            // SAFETY: each tile is written once.
            unsafe { out.store_tile(rows, columns, tile) };
        });
        gemm(&mlp.up, &a, cancellation, |rows, columns, tile| {
            for (row, up) in rows.zip(tile.chunks_exact(NR)) {
                // SAFETY: each tile is written once, and the product with the gate is complete.
                silu_mul(unsafe { out.row_mut(row, columns.clone()) }, &up[..columns.len()]);
            }
        });
        inner
    }
}

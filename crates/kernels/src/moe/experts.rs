//! One network.
use candle_core::{Result, Tensor, bail};
use rayon::prelude::*;

use crate::activations::silu_mul;
use crate::gemm::{STRIP, transposed};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Prompts, Weight};

/// One network: `gate` and `up` [inner, hidden], `down` [hidden, inner].
#[derive(Clone)]
pub struct ExpertWeights {
    pub(super) gate: Weight,
    pub(super) up: Weight,
    pub(super) down: Weight,
}

impl ExpertWeights {
    /// # Errors
    /// When the three do not fit one another.
    pub fn new(gate: Weight, up: Weight, down: Weight) -> Result<Self> {
        let inner = (gate.rows(), gate.cols());
        if (up.rows(), up.cols()) != inner || (down.cols(), down.rows()) != inner {
            let sizes = [&gate, &up, &down].map(|weight| (weight.rows(), weight.cols()));
            bail!("gate, up and down of {sizes:?} are no network");
        }
        if gate.is_plain() != up.is_plain() || gate.is_plain() != down.is_plain() {
            bail!("gate, up and down lie on different devices");
        }
        Ok(Self { gate, up, down })
    }

    pub fn hidden(&self) -> usize {
        self.gate.cols()
    }

    pub fn inner(&self) -> usize {
        self.gate.rows()
    }

    pub fn bytes(&self) -> u64 {
        self.gate.bytes() + self.up.bytes() + self.down.bytes()
    }

    /// `x` [n, hidden] -> [n, hidden].
    ///
    /// # Errors
    /// When the width of `x` is another one.
    pub fn forward(&self, x: &Tensor, prompts: &Prompts, cancellation: &Cancellation) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.hidden() {
            bail!("an input {cols} wide meets a network {} wide", self.hidden());
        }
        if !self.gate.is_plain() {
            return self.forward_in_tensors(x);
        }
        with_slice(x, |x| {
            let rows: Vec<&[f32]> = x.chunks_exact(cols).collect();
            let mut inner = Vec::with_capacity(n * self.inner());
            for (part, tiled) in prompts.parts(n) {
                inner.extend(self.inner_of(&rows[part], tiled, cancellation));
            }
            tensor(self.down.matmul(&inner, prompts, cancellation), (n, cols))
        })
    }

    pub(super) fn forward_in_tensors(&self, x: &Tensor) -> Result<Tensor> {
        let few = &Prompts::none();
        let gate = self.gate.forward(x, few)?;
        self.down.forward(&(gate.silu()? * self.up.forward(x, few)?)?, few)
    }

    /// `silu(gate x) * up x` of some tokens, [tokens, inner].
    pub(super) fn inner_of(&self, x: &[&[f32]], tiled: bool, cancellation: &Cancellation) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if tiled {
            return on_tiles::inner(self, x, cancellation);
        }
        let _ = tiled;
        let n = x.len();
        let mut columns = vec![0.0; self.inner() * n]; // [inner, n]
        let strip = |scratch: &mut Scratch, (index, out): (usize, &mut [f32])| {
            if cancellation.is_cancelled() {
                return;
            }
            let up = &mut scratch.products[..out.len()];
            self.gate.strip(index * STRIP, &mut scratch.rows, x, out);
            self.up.strip(index * STRIP, &mut scratch.rows, x, up);
            silu_mul(out, up);
        };
        let scratch = || Scratch { rows: Vec::new(), products: vec![0.0; STRIP * n] };
        columns.par_chunks_mut(STRIP * n).enumerate().with_min_len(4).for_each_init(scratch, strip);
        if n == 1 { columns } else { transposed(&columns, n) }
    }
}

pub(super) struct Scratch {
    pub rows: Vec<f32>,
    pub products: Vec<f32>,
}

#[cfg(target_arch = "x86_64")]
mod on_tiles {
    use super::ExpertWeights;
    use crate::Cancellation;
    use crate::activations::silu_mul;
    use crate::gemm::amx::SQUARE;
    use crate::gemm::amx::gemm::{Keep, Rows, product};
    use crate::gemm::amx::output::Places;

    /// `ExpertWeights::inner_of`.
    pub fn inner(expert: &ExpertWeights, x: &[&[f32]], cancellation: &Cancellation) -> Vec<f32> {
        let (n, width) = (x.len(), expert.inner());
        let rows = Rows::pack(x, expert.hidden(), Keep::All);
        let mut inner = vec![0.0; n * width];
        let places = Places::new(&mut inner, width);
        product(&expert.gate, &rows, cancellation, |rows, columns, square| {
            // SAFETY: each square has places of its own.
            unsafe { places.put(rows, columns, square) };
        });
        product(&expert.up, &rows, cancellation, |rows, columns, square| {
            for (row, up) in rows.zip(square.chunks_exact(SQUARE)) {
                // SAFETY: as above; the gate is done.
                silu_mul(unsafe { places.line(row, columns.clone()) }, &up[..columns.len()]);
            }
        });
        inner
    }
}

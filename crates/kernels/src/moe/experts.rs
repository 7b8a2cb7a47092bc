//! One SwiGLU feed-forward layer: a dense layer, a shared expert or a routed expert.
//! Knows no routing.
use candle_core::{Error, Result, Tensor, bail};
use rayon::prelude::*;

use crate::activations::silu_mul;
use crate::card_memory::CardMemory;
use crate::gemm::{ROW_BLOCK, transpose};
use crate::slices::{tensor, with_slice};
use crate::{Cancellation, Place, PrefillRows, Weight};

/// `gate` and `up` [intermediate, hidden], `down` [hidden, intermediate].
#[derive(Clone)]
pub struct Mlp {
    pub(crate) gate: Weight,
    pub(crate) up: Weight,
    pub(crate) down: Weight,
}

impl Mlp {
    /// # Errors
    /// When the shapes or the places of the three weights do not match.
    pub fn new(gate: Weight, up: Weight, down: Weight) -> Result<Self> {
        let shape = (gate.rows(), gate.cols());
        if (up.rows(), up.cols()) != shape || (down.cols(), down.rows()) != shape {
            let shapes = [&gate, &up, &down].map(|weight| (weight.rows(), weight.cols()));
            bail!("shape mismatch: gate, up and down of {shapes:?}");
        }
        if gate.is_host() != up.is_host() || gate.is_host() != down.is_host() {
            bail!("gate, up and down are at different places");
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
    /// When the width of `x` differs from the hidden size, or the weights are on a card.
    pub fn forward(&self, x: &Tensor, prefill: &PrefillRows, cancellation: &Cancellation) -> Result<Tensor> {
        let (n, cols) = x.dims2()?;
        if cols != self.hidden_size() {
            bail!("shape mismatch: input [{n}, {cols}], hidden size {}", self.hidden_size());
        }
        if !self.gate.is_host() {
            bail!("the weights are on a card");
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

    /// `silu(gate x) * up x` [tokens, intermediate].
    pub(super) fn gate_up(&self, x: &[&[f32]], uses_amx: bool, cancellation: &Cancellation) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if uses_amx {
            return amx::gate_up(self, x, cancellation);
        }
        let _ = uses_amx;
        let n = x.len();
        let mut columns = vec![0.0; self.intermediate_size() * n]; // [intermediate, n]
        let gate_input = self.gate.input(x.to_vec());
        let own = (self.up.takes_planes() != self.gate.takes_planes()).then(|| self.up.input(x.to_vec()));
        let up_input = own.as_ref().unwrap_or(&gate_input);
        let row_block = |scratch: &mut Scratch, (index, out): (usize, &mut [f32])| {
            if cancellation.is_cancelled() {
                return;
            }
            let up = &mut scratch.products[..out.len()];
            self.gate.gemv_row_block(index * ROW_BLOCK, &mut scratch.rows, &gate_input, out);
            self.up.gemv_row_block(index * ROW_BLOCK, &mut scratch.rows, up_input, up);
            silu_mul(out, up);
        };
        let scratch = || Scratch { rows: Vec::new(), products: vec![0.0; ROW_BLOCK * n] };
        columns.par_chunks_mut(ROW_BLOCK * n).enumerate().with_min_len(4).for_each_init(scratch, row_block);
        if n == 1 { columns } else { transpose(&columns, n) }
    }
}

/// The routed experts of a layer. On a card the same matrix of each lies in consecutive memory.
pub struct Experts {
    mlps: Vec<Mlp>,
}

impl Experts {
    /// `mlps` from host memory, at `place`.
    ///
    /// # Errors
    /// When the experts have different shapes or formats, or the card has too little memory.
    pub fn new(mlps: Vec<Mlp>, place: &Place) -> Result<Self> {
        let shape = |mlp: &Mlp| (mlp.hidden_size(), mlp.intermediate_size());
        if mlps.iter().any(|mlp| shape(mlp) != shape(&mlps[0])) {
            bail!("shape mismatch: experts of different sizes");
        }
        let Place::Card(card) = place else { return Ok(Self { mlps }) };
        let stack = |weight: fn(&Mlp) -> &Weight| stack(card, mlps.iter().map(weight).collect());
        let (gates, ups, downs) = (stack(|mlp| &mlp.gate)?, stack(|mlp| &mlp.up)?, stack(|mlp| &mlp.down)?);
        let parts = gates.into_iter().zip(ups).zip(downs);
        Ok(Self { mlps: parts.map(|((gate, up), down)| Mlp { gate, up, down }).collect() })
    }

    pub fn mlps(&self) -> &[Mlp] {
        &self.mlps
    }
}

/// Weights of one shape, from host memory to consecutive memory of the card: kernels find an expert by its
/// number.
fn stack(card: &CardMemory, weights: Vec<&Weight>) -> Result<Vec<Weight>> {
    let Some(first) = weights.first() else { return Ok(Vec::new()) };
    if let Some(other) = weights.iter().find(|weight| weight.dtype() != first.dtype()) {
        let [one, other] = [first.dtype().name(), other.dtype().name()];
        bail!("experts of one layer are stored as {one} and {other}");
    }
    let parts = weights.iter().map(|weight| weight.stored()).collect::<Result<Vec<_>>>()?;
    let (dtype, rows, cols) = (first.dtype(), first.rows(), first.cols());
    let matrices = cuda::Matrix::upload_stack(card.card(), dtype, rows, cols, &parts).map_err(Error::wrap)?;
    Ok(weights.iter().zip(matrices).map(|(weight, matrix)| weight.moved(matrix)).collect())
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

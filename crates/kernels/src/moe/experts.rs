//! The routed experts of a layer, in host memory or on a card.
//! Knows no routing rule.
use candle_core::{Error, Result, bail};

use super::{Mlp, TopK};
use crate::card_memory::CardMemory;
use crate::{Place, Weight};

/// The routed experts of a layer. On a card the same matrix of each lies in consecutive memory.
pub struct Experts {
    mlps: Vec<Mlp>,
    read_ahead: bool,
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
        let Place::Card(card) = place else { return Ok(Self { mlps, read_ahead: false }) };
        let stack = |weight: fn(&Mlp) -> &Weight| stack(card, mlps.iter().map(weight).collect());
        let (gates, ups, downs) = (stack(|mlp| &mlp.gate)?, stack(|mlp| &mlp.up)?, stack(|mlp| &mlp.down)?);
        let parts = gates.into_iter().zip(ups).zip(downs);
        let mlps = parts.map(|((gate, up), down)| Mlp { gate, up, down }).collect();
        Ok(Self { mlps, read_ahead: false })
    }

    /// The same experts. With `read_ahead` those that a layer chose are read from their mapped file all at
    /// once, for a model that is larger than the memory.
    pub fn with_read_ahead(self, read_ahead: bool) -> Self {
        Self { read_ahead, ..self }
    }

    /// Begins to read the chosen experts, if they are to be read ahead.
    pub(crate) fn will_need(&self, chosen: &TopK) {
        if !self.read_ahead {
            return;
        }
        let mut numbers: Vec<u16> = chosen.experts.clone();
        numbers.sort_unstable();
        numbers.dedup();
        for mlp in numbers.iter().filter_map(|number| self.mlps.get(usize::from(*number))) {
            [&mlp.gate, &mlp.up, &mlp.down].into_iter().for_each(Weight::will_need);
        }
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

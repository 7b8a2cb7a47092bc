//! One SwiGLU feed-forward layer: a dense layer, a shared expert or a routed expert.
//! Knows no routing and no arithmetic: `gate_up` multiplies.
use candle_core::{Result, bail};

use crate::Weight;

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
}

//! Guessing the next tokens cheaply, so that the model can read several at once. A guess decides nothing: each place is
//! drawn from the model's own logits, and a draft is kept when it is the token drawn (see `sampler`).

mod gate;
mod lookup;
mod mtp;

use models::{Asked, ForwardError, KvPages, Model};

pub use gate::Gate;
pub use mtp::Mtp;

use crate::DrafterKind;
use crate::sampler::Sampler;

/// Whether the engine drafts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speculation {
    Off,
    /// At most so many tokens a step, and none while drafting costs more time than it saves.
    Auto {
        most: usize,
    },
    /// The same without asking whether it pays.
    Always {
        most: usize,
    },
}

impl Speculation {
    pub fn most(self) -> usize {
        match self {
            Self::Off => 0,
            Self::Auto { most } | Self::Always { most } => most,
        }
    }
}

/// A sequence as a drafter sees it.
pub struct View<'a> {
    pub model: &'a dyn Model,
    pub kv: &'a mut KvPages,
    pub pages: &'a [u32],
    /// All tokens, the newest of which the model has not read.
    pub tokens: &'a [u32],
    pub sampler: &'a Sampler,
    pub cancelled: Asked<'a>,
}

/// One way to guess, with what it remembers of one sequence.
pub trait Drafter: Send {
    fn kind(&self) -> DrafterKind;

    /// Whether it must hear the hidden states of all positions.
    fn needs_hidden(&self) -> bool {
        false
    }

    /// The model read `count` more positions and they stay; their hidden states [count, hidden size].
    fn hear(&mut self, _hidden: &[f32], _count: usize) {}

    /// How many positions it has heard of and not read.
    fn behind(&self) -> usize {
        0
    }

    /// Brings its own cache up to what it has heard.
    ///
    /// # Errors
    /// When the model fails or the pass is cancelled.
    fn catch_up(&mut self, _view: &mut View) -> Result<(), ForwardError> {
        Ok(())
    }

    /// How many of the first `cached` positions are also in its own cache.
    fn covered(&self, cached: usize) -> usize {
        cached
    }

    /// At most `most` tokens that may follow `view.tokens`; there is room for them in `view.pages`.
    ///
    /// # Errors
    /// When the model fails or the pass is cancelled.
    fn draft(&mut self, view: &mut View, most: usize) -> Result<Vec<u32>, ForwardError>;
}

/// Prompt look-up; it remembers nothing.
pub struct Lookup;

impl Drafter for Lookup {
    fn kind(&self) -> DrafterKind {
        DrafterKind::Lookup
    }

    fn draft(&mut self, view: &mut View, most: usize) -> Result<Vec<u32>, ForwardError> {
        Ok(lookup::lookup(view.tokens, most))
    }
}

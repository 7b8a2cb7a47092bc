//! Speculative decoding: a drafter proposes the next tokens cheaply and the model verifies several in one
//! pass. Drafts never change the text: a draft is accepted when it is the token sampled from the model's own
//! logits (see `sampler`).

mod adaptive;
mod lookup;
mod mtp;

use models::{CancelCheck, ForwardError, KvPages, Model};

pub use adaptive::AdaptiveDrafting;
pub use mtp::Mtp;

use crate::DrafterKind;
use crate::sampler::Sampler;

/// Whether the engine drafts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speculation {
    Off,
    /// At most `max_drafts` tokens a step, and none while drafting costs more time than it saves.
    Auto {
        max_drafts: usize,
    },
    /// At most `max_drafts` tokens a step, also when it does not pay.
    Always {
        max_drafts: usize,
    },
}

impl Speculation {
    pub fn max_drafts(self) -> usize {
        match self {
            Self::Off => 0,
            Self::Auto { max_drafts } | Self::Always { max_drafts } => max_drafts,
        }
    }
}

/// What a drafter gets of a sequence and of the engine.
pub struct DraftContext<'a> {
    pub model: &'a dyn Model,
    pub kv: &'a mut KvPages,
    pub pages: &'a [u32],
    /// Prompt and answer. The model has not computed the newest token.
    pub tokens: &'a [u32],
    pub sampler: &'a mut Sampler,
    pub cancelled: CancelCheck<'a>,
}

/// A way to draft, with its state for one sequence.
pub trait Drafter: Send {
    fn kind(&self) -> DrafterKind;

    /// Whether [`Drafter::observe`] needs the hidden states of all positions.
    fn needs_hidden(&self) -> bool {
        false
    }

    /// The model computed `count` more positions that stay; `hidden` are their states [count, hidden size].
    fn observe(&mut self, _hidden: &[f32], _count: usize) {}

    /// Observed positions that are not in the drafter's own cache yet.
    fn lag(&self) -> usize {
        0
    }

    /// Computes the observed positions into the drafter's own cache.
    ///
    /// # Errors
    /// When the model fails or the pass is cancelled.
    fn sync(&mut self, _context: &mut DraftContext) -> Result<(), ForwardError> {
        Ok(())
    }

    /// How many of the first `computed` positions are also in the drafter's own cache.
    fn synced_len(&self, computed: usize) -> usize {
        computed
    }

    /// At most `max` tokens that may follow `context.tokens`; `context.pages` have room for them.
    ///
    /// # Errors
    /// When the model fails or the pass is cancelled.
    fn propose(&mut self, context: &mut DraftContext, max: usize) -> Result<Vec<u32>, ForwardError>;
}

/// Prompt lookup; it has no state.
pub struct Lookup;

impl Drafter for Lookup {
    fn kind(&self) -> DrafterKind {
        DrafterKind::Lookup
    }

    fn propose(&mut self, context: &mut DraftContext, max: usize) -> Result<Vec<u32>, ForwardError> {
        Ok(lookup::lookup(context.tokens, max))
    }
}

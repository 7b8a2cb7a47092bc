//! Why a model fits or does not, as values. The crate `messages` makes a sentence of them.
//! Sizes are in bytes, `name` is the model with its precision.

#[derive(Debug, Clone, PartialEq)]
pub enum FitReason {
    /// The model has no such variant.
    NoFiles,
    RunsWell {
        name: String,
        needed: u64,
        available: u64,
    },
    /// The whole model fits this card.
    OnCard {
        name: String,
        card: String,
        needed: u64,
        available: u64,
    },
    /// The memory leaves room for `context` tokens only.
    ShortContext {
        name: String,
        available: u64,
        context: u32,
    },
    /// `speed` is in tokens per second; `None` if it was not measured.
    Slow {
        name: String,
        needed: u64,
        speed: Option<f64>,
    },
    /// It fits the card, which is expected to answer with `speed` tokens per second.
    SlowOnCard {
        name: String,
        card: String,
        speed: Option<f64>,
    },
    /// The card that the user chose does not run it, or there is no such card.
    NoCard {
        name: String,
    },
    /// `sequences` conversations of `context` tokens need `needed`, the shortest ones `shortest`.
    TooLarge {
        name: String,
        needed: u64,
        shortest: u64,
        available: u64,
        memory: MemoryKind,
        context: u32,
        sequences: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryKind {
    Graphics,
    Main,
}

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
        memory: MemoryKind,
    },
    /// The memory leaves room for `context` tokens only.
    ShortContext {
        name: String,
        available: u64,
        memory: MemoryKind,
        context: u32,
    },
    /// `speed` is in tokens per second; `None` if it was not measured.
    Slow {
        name: String,
        needed: u64,
        speed: Option<f64>,
    },
    /// No GPU computes FP8, and the CPU does not run it.
    NoFp8 {
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

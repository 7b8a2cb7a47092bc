//! The ways a model can fail: while it is loaded, and in a step.
use checkpoint::WeightError;

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Weight(#[from] WeightError),
    #[error("load tensor {name}: its shape is {actual:?} and the configuration asks for {expected:?}")]
    Shape { name: String, expected: Vec<usize>, actual: Vec<usize> },
    #[error("load tensor {name}: {reason}")]
    Tensor { name: String, reason: String },
    #[error("place the model on the device: {0}")]
    Device(#[from] candle_core::Error),
}

/// Why a step did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("finish the step: it was cancelled")]
    Cancelled,
    #[error("read token {token}: the vocabulary has {vocab}")]
    Token { token: u32, vocab: usize },
    #[error("read position {position}: the model knows {max}")]
    Position { position: usize, max: usize },
    #[error("read a step without tokens")]
    Empty,
    #[error("cache {tokens} tokens in {pages} pages")]
    Pages { tokens: usize, pages: usize },
    #[error("draft {tokens} tokens from {numbers} numbers of hidden states")]
    Hidden { tokens: usize, numbers: usize },
    #[error("see {width} by {height} tiles and the whole in {numbers} numbers of pixels")]
    Pixels { numbers: usize, width: usize, height: usize },
    #[error("read {numbers} numbers as given rows from row {row} on, of {rows} rows")]
    Given { row: usize, numbers: usize, rows: usize },
    #[error("draft with a model that has no prediction layer")]
    NoDraft,
    #[error("compute: {0}")]
    Candle(#[from] candle_core::Error),
}

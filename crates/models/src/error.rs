//! Errors of loading a model and of a forward pass. Each message is an infinitive phrase that reads on after
//! "failed to".
use checkpoint::WeightError;

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Weight(#[from] WeightError),
    #[error("load tensor {name}: its shape is {actual:?}, expected {expected:?}")]
    Shape { name: String, expected: Vec<usize>, actual: Vec<usize> },
    #[error("load tensor {name}: {reason}")]
    Tensor { name: String, reason: String },
    #[error("load the model: {0}")]
    Place(#[from] candle_core::Error),
}

/// Why a forward pass did not finish.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    #[error("finish the forward pass: it was cancelled")]
    Cancelled,
    #[error("process token {token}: the vocabulary has {vocab} tokens")]
    Token { token: u32, vocab: usize },
    #[error("process position {position}: the model has {max} positions")]
    Position { position: usize, max: usize },
    #[error("process a step without tokens")]
    Empty,
    #[error("cache {tokens} tokens: {pages} pages are too few")]
    Pages { tokens: usize, pages: usize },
    #[error("draft {tokens} tokens: the hidden states have {values} values")]
    Hidden { tokens: usize, values: usize },
    #[error("encode an image of {width} by {height} tiles: the pixels have {values} values")]
    Pixels { values: usize, width: usize, height: usize },
    #[error("process {values} values of input embeddings from row {row} on: the batch has {rows} rows")]
    InputEmbeds { row: usize, values: usize, rows: usize },
    #[error("draft tokens: the model has no MTP head")]
    NoMtpHead,
    #[error("compute: {0}")]
    Candle(#[from] candle_core::Error),
}

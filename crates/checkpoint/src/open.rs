//! Opens a model on disk: a folder of safetensors, a folder with a GGUF, or a GGUF file.
//! It returns the configuration, the mapped tensors and the source of the tokenizer, and reads no weights.
use std::path::{Path, PathBuf};

use crate::gguf::{Gguf, GgufTokenizer, GgufWeights, config_json, metadata_error};
use crate::{ConfigError, ModelConfig, Safetensors, WeightError, WeightSource, find};

/// An open model: configuration, weights and tokenizer source.
pub struct Checkpoint {
    pub config: ModelConfig,
    pub weights: Box<dyn WeightSource>,
    pub tokenizer: TokenizerSource,
}

/// The source of the tokenizer.
#[derive(Debug, Clone)]
pub enum TokenizerSource {
    /// A folder with `tokenizer.json` and `tokenizer_config.json`.
    Folder(PathBuf),
    Gguf(Box<GgufTokenizer>),
}

/// An error while opening a model.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Weight(#[from] WeightError),
}

/// Opens the model at a path, a folder or a file, as located by [`find`].
///
/// # Errors
/// No files, invalid files, or an unsupported model.
pub fn open(path: &Path) -> Result<Checkpoint, OpenError> {
    let path = find(path)?;
    if path.is_file() {
        return open_gguf(&path);
    }
    // The configuration first: for an unsupported model its weight files are not validated.
    let config = ModelConfig::read(&path)?;
    let weights = Box::new(Safetensors::open(&path)?);
    Ok(Checkpoint { config, weights, tokenizer: TokenizerSource::Folder(path) })
}

fn open_gguf(path: &Path) -> Result<Checkpoint, OpenError> {
    let gguf = Gguf::open(path)?;
    let path = gguf.path.clone();
    let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
    let config = config_json(&gguf).map_err(|error| metadata_error(&path, error))?;
    let config = ModelConfig::from_json(config).map_err(|error| match error {
        ConfigError::Invalid { reason, .. } => ConfigError::Invalid { path: path.clone(), reason },
        other => other,
    })?;
    let tokenizer = GgufTokenizer::from_metadata(&gguf.metadata).map_err(&invalid)?;
    let weights = Box::new(GgufWeights::new(gguf)?);
    Ok(Checkpoint { config, weights, tokenizer: TokenizerSource::Gguf(Box::new(tokenizer)) })
}

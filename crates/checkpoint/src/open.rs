//! A model on disk, whatever kind of files it is: a folder of safetensors, a folder with a GGUF, or a GGUF by itself.
use std::path::{Path, PathBuf};

use crate::gguf::{Gguf, GgufTokenizer, GgufWeights, config_json, refused};
use crate::{ConfigError, ModelConfig, Safetensors, WeightError, WeightSource, find};

/// An open model: what it is, its weights, and where its tokenizer is.
pub struct Checkpoint {
    pub config: ModelConfig,
    pub weights: Box<dyn WeightSource>,
    pub tokenizer: TokenizerSource,
}

/// What the tokenizer is made from.
#[derive(Debug, Clone)]
pub enum TokenizerSource {
    /// A folder with `tokenizer.json` and `tokenizer_config.json`.
    Folder(PathBuf),
    Gguf(Box<GgufTokenizer>),
}

/// Why a model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Weight(#[from] WeightError),
}

/// Opens the model that a path means, a folder or a file, as [`find`] finds it.
///
/// # Errors
/// No files, files that cannot be believed, or a model that this version cannot run.
pub fn open(path: &Path) -> Result<Checkpoint, OpenError> {
    let path = find(path)?;
    if path.is_file() {
        return open_gguf(&path);
    }
    // What the model is comes first: the files of one that is not run are not judged.
    let config = ModelConfig::read(&path)?;
    let weights = Box::new(Safetensors::open(&path)?);
    Ok(Checkpoint { config, weights, tokenizer: TokenizerSource::Folder(path) })
}

fn open_gguf(path: &Path) -> Result<Checkpoint, OpenError> {
    let gguf = Gguf::open(path)?;
    let path = gguf.path.clone();
    let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
    let config = config_json(&gguf).map_err(|refusal| refused(&path, refusal))?;
    let config = ModelConfig::from_json(config).map_err(|error| match error {
        ConfigError::Invalid { reason, .. } => ConfigError::Invalid { path: path.clone(), reason },
        other => other,
    })?;
    let tokenizer = GgufTokenizer::from_metadata(&gguf.metadata).map_err(&invalid)?;
    let weights = Box::new(GgufWeights::new(gguf)?);
    Ok(Checkpoint { config, weights, tokenizer: TokenizerSource::Gguf(Box::new(tokenizer)) })
}

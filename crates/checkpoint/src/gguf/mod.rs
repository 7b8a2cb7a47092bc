//! GGUF: one file, or shards named -00001-of-0000N.gguf, memory-mapped. GGUF names are internal: other
//! modules see the tensor names of Hugging Face checkpoints and a `config.json`.
mod about;
mod architecture;
mod config_json;
mod header;
mod header_error;
mod peek;
mod reader;
mod rope_factors;
mod shards;
mod tensor_map;
mod tokenizer;
mod types;
mod value;
mod weights;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

pub use about::About;
pub use architecture::{MetadataError, architecture};
pub use config_json::config_json;
pub use header::{Header, TensorInfo};
pub use header_error::HeaderError;
pub use peek::Peek;
pub use shards::{shard_number, stem};
pub use tokenizer::GgufTokenizer;
pub use types::is_other_type;
pub use value::{List, Metadata, Value};
pub use weights::GgufWeights;

use header::Preamble;

use crate::file_kind::FileKind;
use crate::view::advise_huge_pages;
use crate::{TensorView, WeightError};

/// An open model file with all its shards.
#[derive(Debug)]
pub struct Gguf {
    /// The metadata of the first shard.
    pub metadata: Metadata,
    /// By GGUF name.
    pub tensors: BTreeMap<String, TensorView>,
    /// The first shard.
    pub path: PathBuf,
}

impl Gguf {
    /// Opens a file with its other shards. `path` may be any shard.
    ///
    /// # Errors
    /// A shard that is missing, truncated, inconsistent, or from another model, with its path; an unsupported
    /// model.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        if let Some(shards) = shards::by_name(path)? {
            return Self::open_shards(&shards);
        }
        let (metadata, tensors) = read_file(path, true)?;
        match integer(&metadata, "split.count").and_then(|count| u32::try_from(count).ok()) {
            Some(count @ 2..) => Self::open_shards(&shards::by_metadata(path, count)?),
            _ => Ok(Self { metadata, tensors: tensors.into_iter().collect(), path: path.to_owned() }),
        }
    }

    fn open_shards(shards: &[PathBuf]) -> Result<Self, WeightError> {
        let mut all = BTreeMap::new();
        let mut first = None;
        for (at, path) in shards.iter().enumerate() {
            let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
            let (metadata, tensors) = read_file(path, at == 0)?;
            let (number, count) = (integer(&metadata, "split.no"), integer(&metadata, "split.count"));
            if number != Some(at as i128) || count != Some(shards.len() as i128) {
                let text =
                    |value: Option<i128>| value.map_or("nothing".to_owned(), |value| value.to_string());
                return Err(invalid(format!(
                    "it should be shard {at} (from 0) of {}, but has split.no {} of split.count {}",
                    shards.len(),
                    text(number),
                    text(count)
                )));
            }
            for (name, view) in tensors {
                if all.insert(name.clone(), view).is_some() {
                    return Err(invalid(format!("tensor {name} is in two shards")));
                }
            }
            first.get_or_insert(metadata);
        }
        let path = shards[0].clone();
        let metadata = first.expect("there is a first shard");
        let declared = integer(&metadata, "split.tensors.count");
        if declared.is_some_and(|declared| declared != all.len() as i128) {
            let reason = format!("split.tensors.count is {declared:?}, but the shards have {}", all.len());
            return Err(WeightError::Invalid { path, reason });
        }
        Ok(Self { metadata, tensors: all, path })
    }
}

fn integer(metadata: &Metadata, key: &str) -> Option<i128> {
    if let Some(Value::Integer(number)) = metadata.get(key) { Some(*number) } else { None }
}

type Tensors = Vec<(String, TensorView)>;

/// Only the first file of a model has the architecture, which is checked before its tensors.
fn read_file(path: &Path, first: bool) -> Result<(Metadata, Tensors), WeightError> {
    let open_error = |source| WeightError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open_error)?;
    // SAFETY: the map is read-only. Truncation by another program while mapped would crash this process,
    // which is the worker and never the window; the files of the store are not rewritten in place.
    let map = Arc::new(unsafe { Mmap::map(&file) }.map_err(open_error)?);
    let kind = FileKind::of_bytes(&map[..map.len().min(512)]);
    if kind != FileKind::Gguf {
        return Err(WeightError::WrongKind { path: path.to_owned(), kind });
    }
    advise_huge_pages(&map);
    let actual = map.len() as u64;
    let failed = |error| header_error(path, actual, error);
    let front = Preamble::read(&map).map_err(failed)?;
    if first {
        architecture(&front.metadata).map_err(|error| metadata_error(path, error))?;
    }
    let header = front.tensors().map_err(failed)?;
    let view =
        |info: TensorInfo| (info.name, TensorView::mapped(info.dtype, info.shape, map.clone(), info.range));
    Ok((header.metadata, header.tensors.into_iter().map(view).collect()))
}

fn header_error(path: &Path, actual: u64, error: HeaderError) -> WeightError {
    let path = path.to_owned();
    match error {
        HeaderError::Truncated { expected } => WeightError::Truncated { path, expected, actual },
        HeaderError::Invalid(reason) => WeightError::Invalid { path, reason },
        HeaderError::Format { tensor, format } => WeightError::Format { path, tensor, format },
    }
}

pub(crate) fn metadata_error(path: &Path, error: MetadataError) -> WeightError {
    let path = path.to_owned();
    match error {
        MetadataError::Invalid(reason) => WeightError::Invalid { path, reason },
        MetadataError::UnsupportedArchitecture(architecture) => {
            WeightError::UnsupportedArchitecture { path, architecture }
        }
        MetadataError::Unsupported { field, value } => WeightError::Unsupported { path, field, value },
    }
}

//! GGUF: one file, or shards named -00001-of-0000N.gguf, memory-mapped. The file's own names stay in here; outside, a
//! tensor has its published name and the metadata looks like `config.json`.
mod config_json;
mod header;
mod names;
mod reader;
mod rope_factors;
mod tokenizer;
mod value;
mod weights;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;

pub use config_json::config_json;
pub use header::{Header, HeaderError, TensorInfo};
pub use tokenizer::GgufTokenizer;
pub use value::{List, Metadata, Value};
pub use weights::GgufWeights;

use crate::view::prefer_large_pages;
use crate::{TensorView, WeightError};

/// An open model file with all of its shards.
#[derive(Debug)]
pub struct Gguf {
    /// The first shard's, which has everything but the places of tensors.
    pub metadata: Metadata,
    /// Under the file's own names.
    pub tensors: BTreeMap<String, TensorView>,
    /// The first shard.
    pub path: PathBuf,
}

impl Gguf {
    /// Opens a file, and the other shards of it when its name says that it is one of several. Any shard may be named.
    ///
    /// # Errors
    /// A shard that is missing, truncated, inconsistent, or that belongs to another model, naming it.
    pub fn open(path: &Path) -> Result<Self, WeightError> {
        let Some(shards) = shards(path) else {
            let (metadata, tensors) = read_file(path)?;
            if let Some(count) = integer(&metadata, "split.count").filter(|&count| count > 1) {
                let reason = format!(
                    "it is one of {count} shards, and its name does not end in -00001-of-{count:05}.gguf"
                );
                return Err(WeightError::Invalid { path: path.to_owned(), reason });
            }
            return Ok(Self { metadata, tensors: tensors.into_iter().collect(), path: path.to_owned() });
        };
        Self::open_shards(&shards)
    }

    fn open_shards(shards: &[PathBuf]) -> Result<Self, WeightError> {
        let mut all = BTreeMap::new();
        let mut first = None;
        for (at, path) in shards.iter().enumerate() {
            let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
            let (metadata, tensors) = read_file(path)?;
            let (number, count) = (integer(&metadata, "split.no"), integer(&metadata, "split.count"));
            if number != Some(at as i128) || count != Some(shards.len() as i128) {
                let said =
                    |value: Option<i128>| value.map_or("nothing".to_owned(), |value| value.to_string());
                return Err(invalid(format!(
                    "by its name it is shard {at} (from 0) of {}, and it says split.no {} of split.count {}",
                    shards.len(),
                    said(number),
                    said(count)
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
        let promised = integer(&metadata, "split.tensors.count");
        if promised.is_some_and(|promised| promised != all.len() as i128) {
            let reason = format!("it promises {promised:?} tensors in all shards, which have {}", all.len());
            return Err(WeightError::Invalid { path, reason });
        }
        Ok(Self { metadata, tensors: all, path })
    }

    /// Finds the model of a folder: its only GGUF file, or the first of its only set of shards. Files of vision
    /// projectors, which lie beside some models, do not count.
    ///
    /// # Errors
    /// None, or several to choose from.
    pub fn find(dir: &Path) -> Result<PathBuf, WeightError> {
        let open = |source| WeightError::Open { path: dir.to_owned(), source };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).map_err(open)? {
            let path = entry.map_err(open)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let later = shard_number(&path).is_some_and(|(_, number, _)| number != 1);
            if name.ends_with(".gguf") && !name.starts_with("mmproj") && !later {
                found.push(path);
            }
        }
        found.sort();
        match found.len() {
            0 => Err(WeightError::NoFiles(dir.to_owned())),
            1 => Ok(found.remove(0)),
            _ => {
                let names: Vec<_> = found.iter().filter_map(|path| path.file_name()).collect();
                let reason = format!("it holds several models, choose one: {names:?}");
                Err(WeightError::Invalid { path: dir.to_owned(), reason })
            }
        }
    }
}

/// All shards of the set that a file belongs to by its name; `None` for a file by itself.
fn shards(path: &Path) -> Option<Vec<PathBuf>> {
    let (stem, _, count) = shard_number(path)?;
    Some(
        (1..=count)
            .map(|number| path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.gguf")))
            .collect(),
    )
}

/// Name, number and count of `name-00001-of-00003.gguf`.
fn shard_number(path: &Path) -> Option<(String, u32, u32)> {
    let name = path.file_name()?.to_str()?.strip_suffix(".gguf")?;
    let (rest, count) = name.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| -> Option<u32> {
        let plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse().ok() } else { None }
    };
    let (number, count) = (digits(number)?, digits(count)?);
    (1..=count).contains(&number).then(|| (stem.to_owned(), number, count))
}

fn integer(metadata: &Metadata, key: &str) -> Option<i128> {
    if let Some(Value::Integer(number)) = metadata.get(key) { Some(*number) } else { None }
}

type Tensors = Vec<(String, TensorView)>;

fn read_file(path: &Path) -> Result<(Metadata, Tensors), WeightError> {
    let open_error = |source| WeightError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open_error)?;
    // SAFETY: the map is read only. A file that another program shortens while it is mapped would end this process,
    // which is the worker and never the window; the store's files are not rewritten in place.
    let map = Arc::new(unsafe { Mmap::map(&file) }.map_err(open_error)?);
    prefer_large_pages(&map);
    let header = Header::parse(&map).map_err(|error| match error {
        HeaderError::Truncated { expected } => {
            WeightError::Truncated { path: path.to_owned(), expected, actual: map.len() as u64 }
        }
        HeaderError::Invalid(reason) => WeightError::Invalid { path: path.to_owned(), reason },
    })?;
    let view =
        |info: TensorInfo| (info.name, TensorView::mapped(info.dtype, info.shape, map.clone(), info.range));
    Ok((header.metadata, header.tensors.into_iter().map(view).collect()))
}

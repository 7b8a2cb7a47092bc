//! One tensor, mapped from a file or made in memory, and the trait of everything that hands out tensors by name.
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use formats::Dtype;
use memmap2::{Mmap, MmapMut};

use crate::FileKind;

/// A tensor: nothing of a mapped one is copied until it is read.
#[derive(Debug, Clone)]
pub struct TensorView {
    pub dtype: Dtype,
    /// Row-major: the last number is that of columns.
    pub shape: Vec<usize>,
    store: Store,
}

#[derive(Clone)]
enum Store {
    Mapped { map: Arc<Mmap>, range: Range<usize> },
    Owned(Arc<[u8]>),
}

impl TensorView {
    /// A tensor in memory; `bytes` must be what the type and the shape make.
    pub fn owned(dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        let store = match in_large_pages(&bytes) {
            Some(map) => Store::Mapped { range: 0..map.len(), map: Arc::new(map) },
            None => Store::Owned(bytes.into()),
        };
        Self::checked(dtype, shape, store)
    }

    /// A tensor in a mapped file; the range is checked by whoever read the header.
    pub(crate) fn mapped(dtype: Dtype, shape: Vec<usize>, map: Arc<Mmap>, range: Range<usize>) -> Self {
        Self::checked(dtype, shape, Store::Mapped { map, range })
    }

    fn checked(dtype: Dtype, shape: Vec<usize>, store: Store) -> Self {
        let view = Self { dtype, shape, store };
        assert_eq!(Some(view.bytes().len()), dtype.bytes_of(view.len()), "bytes of {:?}", view.shape);
        view
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stored bytes, little-endian, row-major.
    pub fn bytes(&self) -> &[u8] {
        match &self.store {
            Store::Mapped { map, range } => &map[range.clone()],
            Store::Owned(bytes) => bytes,
        }
    }

    /// Every number as `f32`. FP8 comes without its block scale: multiplying is the caller's.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        formats::decode(self.dtype, self.bytes(), &mut values);
        values
    }

    /// One of the equal parts along the first dimension, which goes away: an expert of a stack of experts.
    ///
    /// # Panics
    /// When there is no such part.
    pub(crate) fn part(&self, at: usize) -> Self {
        let size = self.bytes().len() / self.shape[0];
        let within = at * size..(at + 1) * size;
        let store = match &self.store {
            Store::Mapped { map, range } => Store::Mapped {
                map: map.clone(),
                range: range.start + within.start..range.start + within.end,
            },
            Store::Owned(bytes) => Store::Owned(bytes[within].into()),
        };
        Self::checked(self.dtype, self.shape[1..].to_vec(), store)
    }

    /// The same numbers under another shape of as many.
    pub(crate) fn reshaped(self, shape: Vec<usize>) -> Self {
        Self::checked(self.dtype, shape, self.store)
    }
}

/// Asks for fewer, larger pages of a mapped file. Not every file system has them: nothing is lost then.
pub(crate) fn prefer_large_pages(map: &Mmap) {
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    #[cfg(not(target_os = "linux"))]
    let _ = map;
}

/// A copy that is read through fewer, larger pages, where it is worth it and the system has them.
fn in_large_pages(bytes: &[u8]) -> Option<Mmap> {
    /// One large page.
    const FROM: usize = 2 << 20;
    if bytes.len() < FROM {
        return None;
    }
    let mut map = MmapMut::map_anon(bytes.len()).ok()?;
    #[cfg(target_os = "linux")]
    map.advise(memmap2::Advice::HugePage).ok()?;
    map.copy_from_slice(bytes);
    map.make_read_only().ok()
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mapped { range, .. } => write!(f, "mapped {range:?}"),
            Self::Owned(bytes) => write!(f, "{} bytes in memory", bytes.len()),
        }
    }
}

/// Anything that has tensors by name: the published names, whatever the file calls them.
pub trait WeightSource: Send + Sync {
    /// Every name, sorted.
    fn names(&self) -> Vec<String>;
    /// # Errors
    /// `Missing` when there is no tensor of that name.
    fn tensor(&self, name: &str) -> Result<TensorView, WeightError>;
    /// How a tensor is handed out, without making or reading it.
    ///
    /// # Errors
    /// `Missing` when there is no tensor of that name.
    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError>;
    /// Bytes of all tensors together, as they are handed out.
    fn total_bytes(&self) -> u64;
}

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    #[error("open {path}: {source}")]
    Open { path: PathBuf, source: std::io::Error },
    #[error("read {path}: the file ends at {actual} bytes and its header promises {expected}")]
    Truncated { path: PathBuf, expected: u64, actual: u64 },
    #[error("read {path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("find weights in {0}: there is no .safetensors and no .gguf file")]
    NoFiles(PathBuf),
    #[error("find tensor {0}")]
    Missing(String),
    /// A sound file of a model that this version does not run.
    #[error("run {path}: its architecture {architecture} is not one that this version runs")]
    NotRun { path: PathBuf, architecture: String },
    /// A sound file of a model that is run, built in a way that is not known.
    #[error("run {path}: {field} is {value}, which this version does not know")]
    Unsupported { path: PathBuf, field: String, value: String },
    /// A sound file whose numbers are stored in a way that is not read.
    #[error("read {path}: tensor {tensor} is stored as {format}, which this version does not read")]
    Format { path: PathBuf, tensor: String, format: String },
    #[error("use {0} by itself: it is the part of a model that reads pictures")]
    Projector(PathBuf),
    /// By its first bytes it is something else.
    #[error("read {path} as weights: it is {}", kind.name())]
    Foreign { path: PathBuf, kind: FileKind },
    #[error("choose a model in {path}: there are {}", names.join(", "))]
    Several { path: PathBuf, names: Vec<String> },
    /// One of several files of a model; `number` counts from 1.
    #[error("find {path}: part {number} of {count} is not there")]
    MissingShard { path: PathBuf, number: u32, count: u32 },
}

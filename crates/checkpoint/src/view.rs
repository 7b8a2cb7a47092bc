//! A tensor, memory-mapped or owned, and the trait of sources of tensors by name.
//! Elements are little-endian and row-major in the stored data type. Safetensors, GGUF and random weights
//! implement the trait, so that an architecture does not depend on the file format.
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use formats::Dtype;
use memmap2::{Mmap, MmapMut};

use crate::FileKind;

/// A tensor. A mapped tensor is not copied.
#[derive(Debug, Clone)]
pub struct TensorView {
    pub dtype: Dtype,
    /// Row-major: the last dimension is contiguous.
    pub shape: Vec<usize>,
    store: Store,
}

#[derive(Clone)]
enum Store {
    Mapped { map: Arc<Mmap>, range: Range<usize> },
    Owned(Arc<[u8]>),
}

impl TensorView {
    /// A tensor in memory; the length of `bytes` must match type and shape.
    pub fn owned(dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Self {
        let store = match in_huge_pages(&bytes) {
            Some(map) => Store::Mapped { range: 0..map.len(), map: Arc::new(map) },
            None => Store::Owned(bytes.into()),
        };
        Self::checked(dtype, shape, store)
    }

    /// A tensor in a mapped file. The caller has checked `range` against the header.
    pub(crate) fn mapped(dtype: Dtype, shape: Vec<usize>, map: Arc<Mmap>, range: Range<usize>) -> Self {
        Self::checked(dtype, shape, Store::Mapped { map, range })
    }

    fn checked(dtype: Dtype, shape: Vec<usize>, store: Store) -> Self {
        let view = Self { dtype, shape, store };
        assert_eq!(Some(view.bytes().len()), dtype.bytes_of(view.len()), "bytes of {:?}", view.shape);
        view
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the tensor has no elements.
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

    /// All elements as `f32`. FP8 is decoded without its block scale, which the caller applies.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.len()];
        formats::decode(self.dtype, self.bytes(), &mut values);
        values
    }

    /// The elements of the first rows of a matrix as `f32`, as [`TensorView::to_f32`] gives all of them.
    ///
    /// # Panics
    /// There are fewer rows, or a row is no whole number of blocks.
    pub fn first_rows(&self, rows: usize) -> Vec<f32> {
        let len = rows * self.shape.last().expect("a matrix has columns");
        let mut values = vec![0.0; len];
        let bytes = self.dtype.bytes_of(len).expect("rows are whole blocks");
        formats::decode(self.dtype, &self.bytes()[..bytes], &mut values);
        values
    }

    /// The slice at an index of the first dimension, without that dimension: one expert of a stack.
    ///
    /// # Panics
    /// The index is out of range.
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

    /// The upper and the lower half of the rows.
    ///
    /// # Panics
    /// The number of rows is odd.
    pub(crate) fn halves(self) -> [Self; 2] {
        let mut shape = vec![2, self.shape[0] / 2];
        shape.extend(&self.shape[1..]);
        let both = self.reshaped(shape);
        [both.part(0), both.part(1)]
    }

    /// The same elements with another shape of the same size.
    pub(crate) fn reshaped(self, shape: Vec<usize>) -> Self {
        Self::checked(self.dtype, shape, self.store)
    }
}

/// Requests huge pages for a mapped file. File systems without them ignore it.
pub(crate) fn advise_huge_pages(map: &Mmap) {
    #[cfg(target_os = "linux")]
    let _ = map.advise(memmap2::Advice::HugePage);
    #[cfg(not(target_os = "linux"))]
    let _ = map;
}

/// A copy in huge pages, for tensors of at least one huge page on systems that have them.
fn in_huge_pages(bytes: &[u8]) -> Option<Mmap> {
    /// Size of one huge page.
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

/// A source of tensors by the names of Hugging Face checkpoints, whatever the file format uses.
pub trait WeightSource: Send + Sync {
    /// All names, sorted.
    fn names(&self) -> Vec<String>;
    /// # Errors
    /// `Missing` if there is no tensor with that name.
    fn tensor(&self, name: &str) -> Result<TensorView, WeightError>;
    /// Type and shape of a tensor, without reading it.
    ///
    /// # Errors
    /// `Missing` if there is no tensor with that name.
    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError>;
    /// Total bytes of all tensors as returned by `tensor`.
    fn total_bytes(&self) -> u64;
}

/// An error while reading weights.
#[derive(Debug, thiserror::Error)]
pub enum WeightError {
    #[error("open {path}: {source}")]
    Open { path: PathBuf, source: std::io::Error },
    #[error("read {path}: the file ends at {actual} bytes and its header declares {expected}")]
    Truncated { path: PathBuf, expected: u64, actual: u64 },
    #[error("read {path}: {reason}")]
    Invalid { path: PathBuf, reason: String },
    #[error("find weights in {0}: there is no .safetensors and no .gguf file")]
    NoFiles(PathBuf),
    #[error("find tensor {0}")]
    Missing(String),
    /// A valid file of an unsupported architecture.
    #[error("run {path}: the architecture {architecture} is not supported")]
    UnsupportedArchitecture { path: PathBuf, architecture: String },
    /// A valid file of a supported architecture with an unsupported setting.
    #[error("run {path}: {field} is {value}, which is not supported")]
    Unsupported { path: PathBuf, field: String, value: String },
    /// A valid file with an unsupported tensor type.
    #[error("read {path}: tensor {tensor} is stored as {format}, which is not supported")]
    Format { path: PathBuf, tensor: String, format: String },
    #[error("use {0} by itself: it is only the vision projector (mmproj) of a model")]
    Projector(PathBuf),
    /// The first bytes are those of another kind of file.
    #[error("read {path} as weights: it is {}", kind.name())]
    WrongKind { path: PathBuf, kind: FileKind },
    #[error("choose a model in {path}: there are {}", names.join(", "))]
    MultipleModels { path: PathBuf, names: Vec<String> },
    /// One of several files of a model; `number` counts from 1.
    #[error("find {path}: part {number} of {count} is missing")]
    MissingShard { path: PathBuf, number: u32, count: u32 },
}

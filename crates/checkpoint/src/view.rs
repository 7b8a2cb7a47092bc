//! One tensor as it lies in a file, and the trait of everything that can hand out tensors by name.
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use half::{bf16, f16};
use memmap2::Mmap;

/// How the numbers of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    F32,
    F16,
    BF16,
    F8E4M3,
}

impl Dtype {
    /// Bytes of one number.
    pub fn size(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::BF16 => 2,
            Dtype::F8E4M3 => 1,
        }
    }
}

/// A tensor in a memory-mapped file: nothing is copied until it is read.
#[derive(Debug, Clone)]
pub struct TensorView {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub(crate) map: Arc<Mmap>,
    pub(crate) range: Range<usize>,
}

impl TensorView {
    /// The stored bytes, little-endian, row-major.
    pub fn bytes(&self) -> &[u8] {
        &self.map[self.range.clone()]
    }

    /// Every number as `f32`. FP8 comes without its block scale: multiplying is the caller's.
    pub fn to_f32(&self) -> Vec<f32> {
        let bytes = self.bytes();
        match self.dtype {
            Dtype::F32 => {
                bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            Dtype::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes([b[0], b[1]]).to_f32()).collect(),
            Dtype::BF16 => {
                bytes.chunks_exact(2).map(|b| bf16::from_le_bytes([b[0], b[1]]).to_f32()).collect()
            }
            Dtype::F8E4M3 => bytes.iter().map(|&b| crate::e4m3_to_f32(b)).collect(),
        }
    }
}

/// Anything that has tensors by name.
pub trait WeightSource: Send + Sync {
    /// Every name, sorted.
    fn names(&self) -> Vec<String>;
    /// # Errors
    /// `Missing` when there is no tensor of that name.
    fn tensor(&self, name: &str) -> Result<TensorView, WeightError>;
    /// Bytes of all tensors together.
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
    #[error("find weights in {0}: there is no .safetensors file")]
    NoFiles(PathBuf),
    #[error("find tensor {0}")]
    Missing(String),
}

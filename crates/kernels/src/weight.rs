//! A weight matrix in any format of `formats`. On the CPU it stays encoded, usually in a mapped file, and
//! rows are decoded when they are used, so there is no second copy in memory. On a device it becomes a
//! tensor. Products are in `gemm`.
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use formats::{Dtype, prefetch};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::huge_pages;

/// Rows and columns of an FP8 scale block.
pub const FP8_BLOCK: usize = 128;
/// Shared bytes, such as a range of a mapped file.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A matrix [rows, cols].
#[derive(Clone)]
pub struct Weight {
    rows: usize,
    cols: usize,
    dtype: Dtype,
    store: Store,
}

/// The storage of a weight.
#[derive(Clone)]
enum Store {
    /// Row-major, as in the file. `scales` are the FP8 block scales [ceil(rows/128), ceil(cols/128)].
    Host { bytes: Bytes, row_bytes: usize, scales: Option<Arc<[f32]>> },
    /// f32, f16 and bf16 unchanged; FP8 as bf16, which is exact, with its scales; the rest rounded to bf16.
    Device { tensor: Tensor, scales: Option<Tensor> },
}

impl Weight {
    /// `bytes` [rows, cols] row-major; `scales` [ceil(rows/128), ceil(cols/128)] for FP8 only.
    ///
    /// # Errors
    /// When a row does not fill whole blocks, or the bytes or scales do not match the shape.
    pub fn new(
        rows: usize,
        cols: usize,
        dtype: Dtype,
        bytes: Bytes,
        scales: Option<Arc<[f32]>>,
        device: &Device,
    ) -> Result<Self> {
        let Some(row_bytes) = dtype.bytes_of(cols) else {
            bail!("rows of {cols} do not fill whole blocks of {} ({})", dtype.name(), dtype.block_len());
        };
        let actual = (*bytes).as_ref().len();
        if rows == 0 || cols == 0 || row_bytes.checked_mul(rows) != Some(actual) {
            bail!("weight size mismatch: {rows} x {cols} in {}, {actual} bytes", dtype.name());
        }
        if let Some(scales) = &scales {
            let expected = rows.div_ceil(FP8_BLOCK) * cols.div_ceil(FP8_BLOCK);
            if dtype != Dtype::F8E4M3 || scales.len() != expected {
                let (name, count) = (dtype.name(), scales.len());
                bail!("scale count mismatch: {count} block scales, weight {rows} x {cols} in {name}");
            }
        }
        let host = Self { rows, cols, dtype, store: Store::Host { bytes, row_bytes, scales } };
        host.to_device(device)
    }

    /// The same matrix on `device`.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        if device.is_cpu() { Ok(self.clone()) } else { self.to_tensor(device) }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The format of the file, also on a device.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Bytes of the storage, scales included.
    pub fn bytes(&self) -> u64 {
        match &self.store {
            Store::Host { row_bytes, scales, .. } => {
                (self.rows * row_bytes + scales.as_ref().map_or(0, |scales| scales.len() * 4)) as u64
            }
            Store::Device { tensor, scales } => [Some(tensor), scales.as_ref()]
                .into_iter()
                .flatten()
                .map(|tensor| (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64)
                .sum(),
        }
    }

    /// The device that activations must be on.
    pub fn device(&self) -> &Device {
        match &self.store {
            Store::Host { .. } => &Device::Cpu,
            Store::Device { tensor, .. } => tensor.device(),
        }
    }

    /// Decodes row `r` into `out` [cols].
    ///
    /// # Panics
    /// When `r` is out of range, or the weight is on a device: see `index_select`.
    #[inline]
    pub fn dequantize_row(&self, r: usize, out: &mut [f32]) {
        self.dequantize_unscaled(r, out);
        if let Store::Host { scales: Some(scales), .. } = &self.store {
            let scales = &scales[r / FP8_BLOCK * self.cols.div_ceil(FP8_BLOCK)..];
            for (values, scale) in out[..self.cols].chunks_mut(FP8_BLOCK).zip(scales) {
                values.iter_mut().for_each(|value| *value *= scale);
            }
        }
    }

    /// `dequantize_row` without the scales of FP8.
    #[inline]
    fn dequantize_unscaled(&self, r: usize, out: &mut [f32]) {
        formats::decode(self.dtype, self.encoded_row(r), &mut out[..self.cols]);
    }

    /// `N` encoded rows from `first` on; rows beyond `count` repeat the first. `None` when the weight has
    /// block scales or is on a device.
    #[inline]
    pub(crate) fn encoded_rows<const N: usize>(&self, first: usize, count: usize) -> Option<[&[u8]; N]> {
        let row = |index: usize| {
            let row = first + if index < count { index } else { 0 };
            self.encoded_range(row..row + 1)
        };
        matches!(self.store, Store::Host { scales: None, .. }).then(|| std::array::from_fn(row))
    }

    /// The encoded row `r`. Prefetches 4 KiB ahead, because hardware prefetchers stop at the end of a page.
    ///
    /// # Panics
    /// As `dequantize_row`.
    #[inline]
    pub(crate) fn encoded_row(&self, r: usize) -> &[u8] {
        let row = self.encoded_range(r..r + 1);
        prefetch(row, 4096);
        row
    }

    /// Consecutive encoded rows.
    ///
    /// # Panics
    /// As `dequantize_row`.
    #[inline]
    pub(crate) fn encoded_range(&self, rows: Range<usize>) -> &[u8] {
        let Store::Host { bytes, row_bytes, .. } = &self.store else {
            panic!("the weight is on a device: use `index_select`");
        };
        &(**bytes).as_ref()[rows.start * row_bytes..rows.end * row_bytes]
    }

    /// The rows `ids` in f32, [ids.len(), cols]: an embedding lookup.
    ///
    /// # Errors
    /// When an id is out of range.
    pub fn index_select(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.rows) {
            bail!("row {id} is out of range: the weight has {} rows", self.rows);
        }
        match &self.store {
            Store::Host { .. } => {
                let mut out = vec![0.0; ids.len() * self.cols];
                for (&id, row) in ids.iter().zip(out.chunks_exact_mut(self.cols)) {
                    self.dequantize_row(id as usize, row);
                }
                crate::slices::tensor(out, (ids.len(), self.cols))
            }
            Store::Device { tensor, scales } => {
                let rows = tensor.index_select(&Tensor::new(ids, tensor.device())?, 0)?;
                apply_scales(&rows, scales.as_ref(), ids.iter().copied())
            }
        }
    }

    /// Whether the weight is in host memory.
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.store, Store::Host { .. })
    }

    /// Rows `from..to` in f32, as a tensor on the weight's device.
    pub(crate) fn dequantize_range(&self, from: usize, to: usize) -> Result<Tensor> {
        match &self.store {
            Store::Host { .. } => {
                let ids: Vec<u32> = (from as u32..to as u32).collect();
                self.index_select(&ids)
            }
            Store::Device { tensor, scales } => {
                apply_scales(&tensor.narrow(0, from, to - from)?, scales.as_ref(), from as u32..to as u32)
            }
        }
    }

    /// The same matrix encoded as `dtype`, in newly allocated memory.
    ///
    /// # Errors
    /// When rows do not fill whole blocks of `dtype`, `dtype` cannot be encoded, or the weight is on a device
    /// already.
    pub fn requantize(&self, dtype: Dtype) -> Result<Self> {
        if !self.is_host() {
            bail!("cannot requantize a weight on a device");
        }
        let (rows, cols) = (self.rows, self.cols);
        let Some(row_bytes) = dtype.bytes_of(cols) else {
            bail!("rows of {cols} do not fill whole blocks of {} ({})", dtype.name(), dtype.block_len());
        };
        // FP8 is excluded: without scales it would saturate.
        if !matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::Q8_0 | Dtype::Q6K | Dtype::Q4K) {
            bail!("cannot requantize to {}", dtype.name());
        }
        let mut bytes = vec![0u8; rows * row_bytes];
        huge_pages::advise(&mut bytes);
        let scratch = || (vec![0.0; cols], Vec::with_capacity(row_bytes));
        let rows_of_bytes = bytes.par_chunks_exact_mut(row_bytes).enumerate();
        rows_of_bytes.for_each_init(scratch, |(values, encoded), (r, out)| {
            self.dequantize_row(r, values);
            encoded.clear();
            formats::encode(dtype, values, encoded);
            out.copy_from_slice(encoded);
        });
        Self::new(rows, cols, dtype, Arc::new(bytes), None, &Device::Cpu)
    }

    /// The tensor storage, for any device; on the CPU only to compare both storages.
    pub(crate) fn to_tensor(&self, device: &Device) -> Result<Self> {
        let Store::Host { bytes, scales, .. } = &self.store else { return Ok(self.clone()) };
        let shape = (self.rows, self.cols);
        let scales = scales.as_ref().map(|scales| {
            let blocks = (self.rows.div_ceil(FP8_BLOCK), self.cols.div_ceil(FP8_BLOCK));
            Tensor::from_vec(scales.to_vec(), blocks, device)
        });
        let bytes = (**bytes).as_ref();
        let tensor = match self.dtype {
            Dtype::F32 => Tensor::from_raw_buffer(bytes, DType::F32, &[self.rows, self.cols], device)?,
            Dtype::F16 => {
                let values = bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b));
                Tensor::from_vec(values.collect(), shape, device)?
            }
            Dtype::BF16 => {
                let values = bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b));
                Tensor::from_vec(values.collect(), shape, device)?
            }
            _ => {
                let mut values = vec![bf16::ZERO; self.rows * self.cols];
                let rows = values.par_chunks_exact_mut(self.cols).enumerate();
                rows.for_each_init(
                    || vec![0.0; self.cols],
                    |row, (r, out)| {
                        self.dequantize_unscaled(r, row);
                        out.iter_mut().zip(row).for_each(|(out, value)| *out = bf16::from_f32(*value));
                    },
                );
                Tensor::from_vec(values, shape, device)?
            }
        };
        Ok(Self { store: Store::Device { tensor, scales: scales.transpose()? }, ..self.clone() })
    }
}

/// `rows` [n, cols], the weight's rows `ids`, to f32, each block times its scale.
fn apply_scales(rows: &Tensor, scales: Option<&Tensor>, ids: impl Iterator<Item = u32>) -> Result<Tensor> {
    let rows = rows.to_dtype(DType::F32)?;
    let Some(scales) = scales else { return Ok(rows) };
    let (n, cols) = rows.dims2()?;
    let blocks = Tensor::from_iter(ids.map(|id| id / FP8_BLOCK as u32), rows.device())?;
    let scales = scales.index_select(&blocks, 0)?; // [n, ceil(cols / 128)]
    let expanded = (n, scales.dim(1)?, FP8_BLOCK);
    let scales = scales.unsqueeze(2)?.broadcast_as(expanded)?.reshape((n, expanded.1 * FP8_BLOCK))?;
    rows * scales.narrow(1, 0, cols)?
}

//! A matrix as it is stored, in any format of `formats`. On the CPU its bytes are read where they lie, such as in a
//! mapped file, and a row is decoded when it is needed: no second copy stays resident. Elsewhere it becomes a tensor.
use std::ops::Range;
use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, bail};
use formats::{Dtype, prefetch};
use half::{bf16, f16};
use rayon::prelude::*;

use crate::huge_pages;

/// Side of an FP8 scale block.
pub const BLOCK: usize = 128;
/// Bytes that somebody keeps alive, such as a part of a mapped file.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A matrix [rows, cols].
#[derive(Clone)]
pub struct Weight {
    rows: usize,
    cols: usize,
    dtype: Dtype,
    store: Store,
}

/// How a weight is kept. Packed layouts for one processor's instructions are further variants.
#[derive(Clone)]
enum Store {
    /// Row after row, as the file has it. `scales` are [ceil(rows/128), ceil(cols/128)] multipliers of FP8.
    Plain { bytes: Bytes, row_bytes: usize, scales: Option<Arc<[f32]>> },
    /// f32, f16 and bf16 as they are; the numbers of FP8 in bf16, which holds them exactly, with their scales; the rest
    /// rounded to bf16.
    Device { tensor: Tensor, scales: Option<Tensor> },
}

impl Weight {
    /// `bytes` [rows, cols] row by row; `scales` only for FP8: [ceil(rows/128), ceil(cols/128)] multipliers.
    ///
    /// # Errors
    /// When a row is not whole blocks, or the bytes or scales do not match the shape.
    pub fn new(
        rows: usize,
        cols: usize,
        dtype: Dtype,
        bytes: Bytes,
        scales: Option<Arc<[f32]>>,
        device: &Device,
    ) -> Result<Self> {
        let Some(row_bytes) = dtype.bytes_of(cols) else {
            bail!("rows of {cols} are not whole blocks of {} ({})", dtype.name(), dtype.block_len());
        };
        let actual = (*bytes).as_ref().len();
        if rows == 0 || cols == 0 || row_bytes.checked_mul(rows) != Some(actual) {
            bail!("a weight of {rows} x {cols} in {} does not match its {actual} bytes", dtype.name());
        }
        if let Some(scales) = &scales {
            let expected = rows.div_ceil(BLOCK) * cols.div_ceil(BLOCK);
            if dtype != Dtype::F8E4M3 || scales.len() != expected {
                let (name, count) = (dtype.name(), scales.len());
                bail!("a weight of {rows} x {cols} in {name} does not go with {count} block scales");
            }
        }
        let plain = Self { rows, cols, dtype, store: Store::Plain { bytes, row_bytes, scales } };
        plain.to_device(device)
    }

    /// The same matrix on `device`.
    ///
    /// # Errors
    /// When the device has no room.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        if device.is_cpu() { Ok(self.clone()) } else { self.in_tensor(device) }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    /// How it is stored; on a device, how the file stored it.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Bytes it keeps, scales included.
    pub fn bytes(&self) -> u64 {
        match &self.store {
            Store::Plain { row_bytes, scales, .. } => {
                (self.rows * row_bytes + scales.as_ref().map_or(0, |scales| scales.len() * 4)) as u64
            }
            Store::Device { tensor, scales } => [Some(tensor), scales.as_ref()]
                .into_iter()
                .flatten()
                .map(|tensor| (tensor.elem_count() * tensor.dtype().size_in_bytes()) as u64)
                .sum(),
        }
    }

    /// Where activations that meet it must lie.
    pub fn device(&self) -> &Device {
        match &self.store {
            Store::Plain { .. } => &Device::Cpu,
            Store::Device { tensor, .. } => tensor.device(),
        }
    }

    /// Writes row `r` as f32 into `out` [cols].
    ///
    /// # Panics
    /// When there is no such row, or the weight lies on a device: see `select`.
    #[inline]
    pub fn row(&self, r: usize, out: &mut [f32]) {
        self.coded_row(r, out);
        if let Store::Plain { scales: Some(scales), .. } = &self.store {
            let scales = &scales[r / BLOCK * self.cols.div_ceil(BLOCK)..];
            for (values, scale) in out[..self.cols].chunks_mut(BLOCK).zip(scales) {
                values.iter_mut().for_each(|value| *value *= scale);
            }
        }
    }

    /// As `row`, without the scales of FP8.
    #[inline]
    fn coded_row(&self, r: usize, out: &mut [f32]) {
        formats::decode(self.dtype, self.bytes_of_row(r), &mut out[..self.cols]);
    }

    /// `N` rows from `first` on as they are stored, when that is all there is to them; beyond `count` the first one again.
    #[inline]
    pub(crate) fn stored_rows<const N: usize>(&self, first: usize, count: usize) -> Option<[&[u8]; N]> {
        let row = |index: usize| {
            let row = first + if index < count { index } else { 0 };
            self.bytes_of_rows(row..row + 1)
        };
        matches!(self.store, Store::Plain { scales: None, .. }).then(|| std::array::from_fn(row))
    }

    /// Row `r` as it is stored.
    ///
    /// # Panics
    /// As `row`.
    #[inline]
    pub(crate) fn bytes_of_row(&self, r: usize) -> &[u8] {
        let row = self.bytes_of_rows(r..r + 1);
        prefetch(row, 4096);
        row
    }

    /// Rows as they are stored, one after another.
    ///
    /// # Panics
    /// As `row`.
    #[inline]
    pub(crate) fn bytes_of_rows(&self, rows: Range<usize>) -> &[u8] {
        let Store::Plain { bytes, row_bytes, .. } = &self.store else {
            panic!("rows of a weight on a device are read with `select`");
        };
        &(**bytes).as_ref()[rows.start * row_bytes..rows.end * row_bytes]
    }

    /// Rows in f32, [ids.len(), cols]: an embedding.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn select(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.rows) {
            bail!("row {id} is not in a weight of {} rows", self.rows);
        }
        match &self.store {
            Store::Plain { .. } => {
                let mut out = vec![0.0; ids.len() * self.cols];
                for (&id, row) in ids.iter().zip(out.chunks_exact_mut(self.cols)) {
                    self.row(id as usize, row);
                }
                crate::slices::tensor(out, (ids.len(), self.cols))
            }
            Store::Device { tensor, scales } => {
                let rows = tensor.index_select(&Tensor::new(ids, tensor.device())?, 0)?;
                scaled(&rows, scales.as_ref(), ids.iter().copied())
            }
        }
    }

    /// Whether rows are read in the processor's memory.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.store, Store::Plain { .. })
    }

    /// Rows `from..to` in f32 as a tensor on its device: what a device multiplies with.
    pub(crate) fn widened(&self, from: usize, to: usize) -> Result<Tensor> {
        match &self.store {
            Store::Plain { .. } => {
                let ids: Vec<u32> = (from as u32..to as u32).collect();
                self.select(&ids)
            }
            Store::Device { tensor, scales } => {
                scaled(&tensor.narrow(0, from, to - from)?, scales.as_ref(), from as u32..to as u32)
            }
        }
    }

    /// The same matrix in another format, in memory of its own: shrinking to fit.
    ///
    /// # Errors
    /// When rows are not whole blocks of `dtype`, `dtype` cannot be made, or the weight lies on a device already.
    pub fn requantised(&self, dtype: Dtype) -> Result<Self> {
        if !self.is_plain() {
            bail!("a weight is shrunk before it goes to a device, not there");
        }
        let (rows, cols) = (self.rows, self.cols);
        let Some(row_bytes) = dtype.bytes_of(cols) else {
            bail!("rows of {cols} are not whole blocks of {} ({})", dtype.name(), dtype.block_len());
        };
        // FP8 is left out: without scales it would cut numbers off.
        if !matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::Q8_0 | Dtype::Q6K | Dtype::Q4K) {
            bail!("weights are not shrunk to {}", dtype.name());
        }
        let mut bytes = vec![0u8; rows * row_bytes];
        huge_pages::prefer_large(&mut bytes);
        let scratch = || (vec![0.0; cols], Vec::with_capacity(row_bytes));
        let rows_of_bytes = bytes.par_chunks_exact_mut(row_bytes).enumerate();
        rows_of_bytes.for_each_init(scratch, |(values, encoded), (r, out)| {
            self.row(r, values);
            encoded.clear();
            formats::encode(dtype, values, encoded);
            out.copy_from_slice(encoded);
        });
        Self::new(rows, cols, dtype, Arc::new(bytes), None, &Device::Cpu)
    }

    /// The form that any device has; on the CPU only for comparison with the other one.
    pub(crate) fn in_tensor(&self, device: &Device) -> Result<Self> {
        let Store::Plain { bytes, scales, .. } = &self.store else { return Ok(self.clone()) };
        let shape = (self.rows, self.cols);
        let scales = scales.as_ref().map(|scales| {
            let blocks = (self.rows.div_ceil(BLOCK), self.cols.div_ceil(BLOCK));
            Tensor::from_vec(scales.to_vec(), blocks, device)
        });
        let bytes = (**bytes).as_ref();
        let tensor = match self.dtype {
            Dtype::F32 => Tensor::from_raw_buffer(bytes, DType::F32, &[self.rows, self.cols], device)?,
            Dtype::F16 => {
                let halves = bytes.as_chunks::<2>().0.iter().map(|b| f16::from_le_bytes(*b));
                Tensor::from_vec(halves.collect(), shape, device)?
            }
            Dtype::BF16 => {
                let halves = bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_le_bytes(*b));
                Tensor::from_vec(halves.collect(), shape, device)?
            }
            _ => {
                let mut halves = vec![bf16::ZERO; self.rows * self.cols];
                let rows = halves.par_chunks_exact_mut(self.cols).enumerate();
                rows.for_each_init(
                    || vec![0.0; self.cols],
                    |row, (r, out)| {
                        self.coded_row(r, row);
                        out.iter_mut().zip(row).for_each(|(half, value)| *half = bf16::from_f32(*value));
                    },
                );
                Tensor::from_vec(halves, shape, device)?
            }
        };
        Ok(Self { store: Store::Device { tensor, scales: scales.transpose()? }, ..self.clone() })
    }
}

/// `rows` [n, cols] in f32, those of the weight's rows `ids`, each block times its scale.
fn scaled(rows: &Tensor, scales: Option<&Tensor>, ids: impl Iterator<Item = u32>) -> Result<Tensor> {
    let rows = rows.to_dtype(DType::F32)?;
    let Some(scales) = scales else { return Ok(rows) };
    let (n, cols) = rows.dims2()?;
    let blocks = Tensor::from_iter(ids.map(|id| id / BLOCK as u32), rows.device())?;
    let scales = scales.index_select(&blocks, 0)?; // [n, ceil(cols / 128)]
    let wide = (n, scales.dim(1)?, BLOCK);
    let scales = scales.unsqueeze(2)?.broadcast_as(wide)?.reshape((n, wide.1 * BLOCK))?;
    rows * scales.narrow(1, 0, cols)?
}

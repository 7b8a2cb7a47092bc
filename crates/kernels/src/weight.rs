//! A weight matrix in any format of `formats`. It stays encoded: on the host usually in a mapped file, so
//! that there is no second copy in memory, on a card as the same bytes in another order. Rows are decoded
//! when they are used. Products are in `gemm` for the host and in `lane::card` for a card.
use std::ops::Range;
use std::sync::Arc;

use candle_core::{Error, Result, Tensor, bail};
use formats::{Dtype, prefetch};
use rayon::prelude::*;

use crate::read_ahead::will_need;
use crate::{Place, huge_pages};

/// Rows and columns of an FP8 scale block.
pub const FP8_BLOCK: usize = 128;
/// Shared bytes, such as a range of a mapped file.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// In what a product on the host takes its activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ActivationDtype {
    /// Every weight is decoded to f32.
    F32,
    /// Fixed-point numbers of 16 bits, multiplied in whole numbers with the quantised formats that
    /// `formats::has_planes` names; as f32 with all others.
    #[default]
    Int16,
}

/// A matrix [rows, cols].
#[derive(Clone)]
pub struct Weight {
    rows: usize,
    cols: usize,
    dtype: Dtype,
    store: Store,
    activations: ActivationDtype,
}

/// The storage of a weight.
#[derive(Clone)]
enum Store {
    /// Row-major, as in the file. `scales` are the FP8 block scales [ceil(rows/128), ceil(cols/128)].
    Host {
        bytes: Bytes,
        row_bytes: usize,
        scales: Option<Arc<[f32]>>,
    },
    Card(Arc<cuda::Matrix>),
}

impl Weight {
    /// `bytes` [rows, cols] row-major; `scales` [ceil(rows/128), ceil(cols/128)] for FP8 only. Its products
    /// take activations in f32.
    ///
    /// # Errors
    /// When a row does not fill whole blocks, or the bytes or scales do not match the shape.
    pub fn new(
        rows: usize,
        cols: usize,
        dtype: Dtype,
        bytes: Bytes,
        scales: Option<Arc<[f32]>>,
        place: &Place,
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
        let store = Store::Host { bytes, row_bytes, scales };
        let host = Self { rows, cols, dtype, store, activations: ActivationDtype::F32 };
        host.to_place(place)
    }

    /// The same matrix, whose products on the host take activations in `activations`.
    pub fn with_activations(self, activations: ActivationDtype) -> Self {
        Self { activations, ..self }
    }

    /// Whether `gemv` and the rows of a prefill are multiplied in whole numbers.
    pub(crate) fn takes_planes(&self) -> bool {
        self.activations == ActivationDtype::Int16 && formats::has_planes(self.dtype)
    }

    /// The same matrix at `place`.
    ///
    /// # Errors
    /// When the card has too little memory or does not compute with this format.
    pub fn to_place(&self, place: &Place) -> Result<Self> {
        let (Place::Card(card), true) = (place, self.is_host()) else { return Ok(self.clone()) };
        let (bytes, scales) = self.stored()?;
        let matrix = cuda::Matrix::upload(card.card(), self.dtype, self.rows, self.cols, bytes, scales)
            .map_err(Error::wrap)?;
        Ok(self.moved(matrix))
    }

    /// The stored bytes and the FP8 block scales.
    ///
    /// # Errors
    /// When the weight is on a card.
    pub(crate) fn stored(&self) -> Result<(&[u8], Option<&[f32]>)> {
        match &self.store {
            Store::Host { bytes, scales, .. } => Ok(((**bytes).as_ref(), scales.as_deref())),
            Store::Card(_) => bail!("the weight is on a card"),
        }
    }

    /// The same matrix, which is on a card as `matrix`.
    pub(crate) fn moved(&self, matrix: cuda::Matrix) -> Self {
        Self { store: Store::Card(Arc::new(matrix)), ..self.clone() }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The format of the file.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Bytes of the storage, scales included.
    pub fn bytes(&self) -> u64 {
        match &self.store {
            Store::Host { row_bytes, scales, .. } => {
                (self.rows * row_bytes + scales.as_ref().map_or(0, |scales| scales.len() * 4)) as u64
            }
            Store::Card(matrix) => matrix.bytes(),
        }
    }

    /// The matrix on a card.
    ///
    /// # Errors
    /// When the weight is in host memory.
    pub(crate) fn on_card(&self) -> Result<&cuda::Matrix> {
        match &self.store {
            Store::Host { .. } => bail!("the weight is in host memory"),
            Store::Card(matrix) => Ok(matrix),
        }
    }

    /// Decodes row `r` into `out` [cols].
    ///
    /// # Panics
    /// When `r` is out of range, or the weight is on a card.
    #[inline]
    pub fn dequantize_row(&self, r: usize, out: &mut [f32]) {
        formats::decode(self.dtype, self.encoded_row(r), &mut out[..self.cols]);
        if let Store::Host { scales: Some(scales), .. } = &self.store {
            let scales = &scales[r / FP8_BLOCK * self.cols.div_ceil(FP8_BLOCK)..];
            for (values, scale) in out[..self.cols].chunks_mut(FP8_BLOCK).zip(scales) {
                values.iter_mut().for_each(|value| *value *= scale);
            }
        }
    }

    /// `N` encoded rows from `first` on; rows beyond `count` repeat the first. `None` when the weight has
    /// block scales or is on a card.
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
            panic!("the weight is on a card");
        };
        &(**bytes).as_ref()[rows.start * row_bytes..rows.end * row_bytes]
    }

    /// The rows `ids` in f32, [ids.len(), cols]: an embedding lookup.
    ///
    /// # Errors
    /// When an id is out of range, or the weight is on a card.
    pub fn index_select(&self, ids: &[u32]) -> Result<Tensor> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= self.rows) {
            bail!("row {id} is out of range: the weight has {} rows", self.rows);
        }
        if !self.is_host() {
            bail!("the weight is on a card");
        }
        let mut out = vec![0.0; ids.len() * self.cols];
        for (&id, row) in ids.iter().zip(out.chunks_exact_mut(self.cols)) {
            self.dequantize_row(id as usize, row);
        }
        crate::slices::tensor(out, (ids.len(), self.cols))
    }

    /// Asks the system to read the weight from its mapped file, without waiting for it.
    pub(crate) fn will_need(&self) {
        if let Store::Host { bytes, .. } = &self.store {
            will_need((**bytes).as_ref());
        }
    }

    /// Whether the weight is in host memory.
    pub(crate) fn is_host(&self) -> bool {
        matches!(self.store, Store::Host { .. })
    }

    /// The same matrix encoded as `dtype`, in newly allocated memory.
    ///
    /// # Errors
    /// When rows do not fill whole blocks of `dtype`, `dtype` cannot be encoded, or the weight is on a card
    /// already.
    pub fn requantize(&self, dtype: Dtype) -> Result<Self> {
        if !self.is_host() {
            bail!("cannot requantize a weight on a card");
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
        let requantized = Self::new(rows, cols, dtype, Arc::new(bytes), None, &Place::Host)?;
        Ok(requantized.with_activations(self.activations))
    }
}

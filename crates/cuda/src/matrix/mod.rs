//! A matrix of stored weights on the card. Its bytes are those of the file, rearranged by `layout` while they
//! are uploaded; `Mat` is what a kernel is given of it.
mod layout;
#[cfg(all(test, unix))]
mod tests;

use std::ops::Range;

use formats::Dtype;

use crate::card::Card;
use crate::error::{Error, Result};
use crate::memory::{Buffer, Ptr};
use layout::{Layout, UNIT};

/// Rows and columns of a block of FP8 weights that has one scale.
const FP8_BLOCK: usize = 128;
/// Bytes of the columns that a product takes at once, in the widest format that has codes.
const OVERREAD: usize = 256;

/// `Mat` of kernels/common.cuh, whose comments say what the fields are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Mat {
    pub base: Ptr<u8>,
    pub scales: Ptr<f32>,
    pub rows: u32,
    pub cols: u32,
    pub row_bytes: u32,
    pub format: u32,
    pub s1: u32,
    pub s2: u32,
    pub s3: u32,
    pub scale_cols: u32,
    pub units: u32,
    pub pad: [u32; 3],
}

const _: () = assert!(size_of::<Mat>() == 64, "the kernels' struct has 64 bytes");

impl Mat {
    /// No matrix, for a kernel that takes up to so many.
    pub const NONE: Self = Self {
        base: Ptr::NULL,
        scales: Ptr::NULL,
        rows: 0,
        cols: 0,
        row_bytes: 0,
        format: 0,
        s1: 0,
        s2: 0,
        s3: 0,
        scale_cols: 0,
        units: 0,
        pad: [0; 3],
    };

    /// The format as the names of kernels have it.
    pub fn format_name(&self) -> &'static str {
        const NAMES: [&str; 17] = [
            "f32", "f16", "bf16", "f8e4m3", "q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k",
            "q5_k", "q6_k", "iq4_nl", "iq4_xs", "mxfp4",
        ];
        NAMES[self.format as usize]
    }

    /// Whether kernels multiply its codes as whole numbers.
    pub fn is_quantized(&self) -> bool {
        self.format >= 4
    }
}

/// Weights [rows, cols] on a card. Clones share them.
#[derive(Clone)]
pub struct Matrix {
    dtype: Dtype,
    layout: Layout,
    weights: Buffer,
    scales: Option<Buffer>,
    mat: Mat,
}

impl Matrix {
    /// Whether kernels read the format.
    pub fn supports(dtype: Dtype) -> bool {
        Layout::supports(dtype)
    }

    /// Bytes that a matrix takes on the card, without block scales; `None` when it cannot be there.
    pub fn bytes_on_card(dtype: Dtype, rows: usize, cols: usize) -> Option<u64> {
        (Layout::new(dtype, cols)?.row_bytes as u64).checked_mul(rows as u64)
    }

    /// Uploads `bytes` [rows, cols] of a file; `scales` [ceil(rows/128), ceil(cols/128)] for FP8 only. The
    /// last copies may still run when this returns: `Card::finish_uploads` waits for them.
    ///
    /// # Errors
    /// When the format or the sizes do not fit, or the card has no room.
    pub fn upload(
        card: &Card,
        dtype: Dtype,
        rows: usize,
        cols: usize,
        bytes: &[u8],
        scales: Option<&[f32]>,
    ) -> Result<Self> {
        let stack = Self::upload_stack(card, dtype, rows, cols, &[(bytes, scales)])?;
        Ok(stack.into_iter().next().expect("one part makes one matrix"))
    }

    /// Matrices of one shape, such as the experts of a layer, one after the other: matrix `e` begins
    /// `e * rows * row_bytes` bytes after the first, and its scales so many after the first's.
    ///
    /// # Errors
    /// As `upload`; also when some have scales and some have none.
    pub fn upload_stack(
        card: &Card,
        dtype: Dtype,
        rows: usize,
        cols: usize,
        parts: &[(&[u8], Option<&[f32]>)],
    ) -> Result<Vec<Self>> {
        if !Layout::supports(dtype) {
            return Err(Error::Unsupported(dtype));
        }
        let Some(layout) = Layout::new(dtype, cols) else {
            let (name, len) = (dtype.name(), dtype.block_len());
            return Err(Error::Shape(format!("rows of {cols} do not fill whole blocks of {name} ({len})")));
        };
        check_parts(dtype, &layout, rows, cols, parts)?;
        let size = rows * layout.row_bytes;
        // A load of the last columns of the last row may reach beyond it.
        let weights = card.slab(size * parts.len() + OVERREAD)?;
        let scale_count = parts[0].1.map_or(0, <[f32]>::len);
        let scales = (scale_count > 0).then(|| card.slab(scale_count * 4 * parts.len())).transpose()?;
        let mut stack = Vec::with_capacity(parts.len());
        for (index, (bytes, part_scales)) in parts.iter().enumerate() {
            let weights = weights.part(index * size, size);
            card.stage(&weights, layout.row_bytes, &|first, rows| {
                let from = first * layout.file_row_bytes;
                let count = rows.len() / layout.row_bytes;
                layout.rearrange(&bytes[from..from + count * layout.file_row_bytes], rows);
            })?;
            let scales = scales.as_ref().map(|all| all.part(index * scale_count * 4, scale_count * 4));
            if let (Some(to), Some(values)) = (&scales, part_scales) {
                let values: &[u8] = bytemuck::cast_slice(values);
                card.stage(to, 4, &|first, range| {
                    range.copy_from_slice(&values[first * 4..][..range.len()])
                })?;
            }
            stack.push(Self::new(dtype, layout, rows, cols, weights, scales)?);
        }
        Ok(stack)
    }

    fn new(
        dtype: Dtype,
        layout: Layout,
        rows: usize,
        cols: usize,
        weights: Buffer,
        scales: Option<Buffer>,
    ) -> Result<Self> {
        let number = |value: usize| {
            u32::try_from(value)
                .map_err(|_| Error::Shape(format!("a matrix of {rows} x {cols} is too large")))
        };
        let [_, s1, s2, s3] = layout.starts;
        let mat = Mat {
            base: weights.ptr(),
            scales: scales.as_ref().map_or(Ptr::NULL, Buffer::ptr),
            rows: number(rows)?,
            cols: number(cols)?,
            row_bytes: number(layout.row_bytes)?,
            format: layout.format,
            s1: number(s1)?,
            s2: number(s2)?,
            s3: number(s3)?,
            scale_cols: if scales.is_some() { number(cols.div_ceil(FP8_BLOCK))? } else { 0 },
            units: number(cols.div_ceil(UNIT))?,
            pad: [0; 3],
        };
        Ok(Self { dtype, layout, weights, scales, mat })
    }

    /// What kernels are given.
    pub fn mat(&self) -> Mat {
        self.mat
    }

    pub fn rows(&self) -> usize {
        self.mat.rows as usize
    }

    pub fn cols(&self) -> usize {
        self.mat.cols as usize
    }

    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Bytes on the card, scales included.
    pub fn bytes(&self) -> u64 {
        (self.weights.bytes() + self.scales.as_ref().map_or(0, Buffer::bytes)) as u64
    }

    /// Rows as they lie on the card, for tests.
    ///
    /// # Errors
    /// When the card stopped working.
    ///
    /// # Panics
    /// When there are not so many.
    pub fn rows_back(&self, rows: Range<usize>) -> Result<Vec<u8>> {
        let bytes = self.layout.row_bytes;
        self.weights.read(rows.start * bytes, rows.len() * bytes)
    }
}

fn check_parts(
    dtype: Dtype,
    layout: &Layout,
    rows: usize,
    cols: usize,
    parts: &[(&[u8], Option<&[f32]>)],
) -> Result<()> {
    let name = dtype.name();
    if rows == 0 || cols == 0 || parts.is_empty() {
        return Err(Error::Shape(format!("{} matrices of {rows} x {cols} are none", parts.len())));
    }
    let scale_count = rows.div_ceil(FP8_BLOCK) * cols.div_ceil(FP8_BLOCK);
    for (bytes, scales) in parts {
        if rows.checked_mul(layout.file_row_bytes) != Some(bytes.len()) {
            let count = bytes.len();
            return Err(Error::Shape(format!("a matrix of {rows} x {cols} in {name} has {count} bytes")));
        }
        let fits = scales.is_none_or(|scales| dtype == Dtype::F8E4M3 && scales.len() == scale_count);
        if !fits || scales.is_some() != parts[0].1.is_some() {
            let count = scales.map_or(0, <[f32]>::len);
            return Err(Error::Shape(format!(
                "a matrix of {rows} x {cols} in {name} has {count} block scales"
            )));
        }
    }
    Ok(())
}

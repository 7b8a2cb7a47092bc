//! `y = x W^T` with the weight read as it is stored: f32, bf16, or FP8 e4m3 with a scale for each 128x128 block.
//! Nothing is expanded beyond one row at a time, so the resident weight is the file's own size.
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use half::bf16;
use rayon::prelude::*;

/// Side of an FP8 scale block.
pub const BLOCK: usize = 128;
/// Below this many multiplications a second thread costs more than it brings.
const PARALLEL_FROM: usize = 1 << 16;

/// Bytes that somebody keeps alive, such as a part of a mapped file.
pub type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// How a weight is stored, little-endian and row-major.
#[derive(Clone)]
pub enum Stored {
    F32(Bytes),
    Bf16(Bytes),
    /// `scales` are [ceil(rows/128), ceil(cols/128)] multipliers; last blocks may be partial.
    Fp8 {
        bytes: Bytes,
        scales: Arc<[f32]>,
    },
}

/// A matrix [rows, cols].
#[derive(Clone)]
pub struct Weight {
    pub rows: usize,
    pub cols: usize,
    stored: Stored,
    table: &'static [f32; 256],
}

impl Weight {
    /// # Errors
    /// When the bytes or scales do not match the shape.
    pub fn new(rows: usize, cols: usize, stored: Stored, table: &'static [f32; 256]) -> Result<Self> {
        let count = rows * cols;
        let matches = match &stored {
            Stored::F32(bytes) => (**bytes).as_ref().len() == count * 4,
            Stored::Bf16(bytes) => (**bytes).as_ref().len() == count * 2,
            Stored::Fp8 { bytes, scales } => {
                (**bytes).as_ref().len() == count
                    && scales.len() == rows.div_ceil(BLOCK) * cols.div_ceil(BLOCK)
            }
        };
        if !matches {
            bail!("a weight of {rows} x {cols} does not match its bytes");
        }
        Ok(Self { rows, cols, stored, table })
    }

    /// Writes row `r` as f32 into `out` [cols].
    pub fn row(&self, r: usize, out: &mut [f32]) {
        match &self.stored {
            Stored::F32(bytes) => {
                let row = &(**bytes).as_ref()[r * self.cols * 4..][..self.cols * 4];
                for (value, b) in out.iter_mut().zip(row.chunks_exact(4)) {
                    *value = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                }
            }
            Stored::Bf16(bytes) => {
                let row = &(**bytes).as_ref()[r * self.cols * 2..][..self.cols * 2];
                for (value, b) in out.iter_mut().zip(row.chunks_exact(2)) {
                    *value = bf16::from_le_bytes([b[0], b[1]]).to_f32();
                }
            }
            Stored::Fp8 { bytes, scales } => {
                let row = &(**bytes).as_ref()[r * self.cols..][..self.cols];
                let scales = &scales[r / BLOCK * self.cols.div_ceil(BLOCK)..];
                for ((block, values), scale) in row.chunks(BLOCK).zip(out.chunks_mut(BLOCK)).zip(scales) {
                    for (value, &byte) in values.iter_mut().zip(block) {
                        *value = self.table[byte as usize] * scale;
                    }
                }
            }
        }
    }

    /// `x` [n, cols] -> [n, rows].
    pub fn matmul(&self, x: &[f32]) -> Vec<f32> {
        let n = x.len() / self.cols;
        // [rows, n]: each weight row is decoded once and meets every token.
        let mut columns = vec![0.0; self.rows * n];
        let work = |row: &mut Vec<f32>, (r, out): (usize, &mut [f32])| {
            self.row(r, row);
            for (value, token) in out.iter_mut().zip(x.chunks_exact(self.cols)) {
                *value = dot(row, token);
            }
        };
        if n > 0 && self.rows * self.cols * n >= PARALLEL_FROM {
            let rows = columns.par_chunks_mut(n).enumerate().with_min_len(16);
            rows.for_each_init(|| vec![0.0; self.cols], work);
        } else if n > 0 {
            let mut row = vec![0.0; self.cols];
            columns.chunks_mut(n).enumerate().for_each(|item| work(&mut row, item));
        }
        if n == 1 {
            return columns;
        }
        let mut y = vec![0.0; columns.len()];
        for (r, values) in columns.chunks_exact(n.max(1)).enumerate() {
            for (token, value) in values.iter().enumerate() {
                y[token * self.rows + r] = *value;
            }
        }
        y
    }

    /// The judge of `matmul`: one multiplication at a time, summed in f64.
    pub fn matmul_reference(&self, x: &[f32]) -> Vec<f32> {
        let mut row = vec![0.0; self.cols];
        let mut y = Vec::new();
        for token in x.chunks_exact(self.cols) {
            for r in 0..self.rows {
                self.row(r, &mut row);
                let sum: f64 = row.iter().zip(token).map(|(&w, &v)| f64::from(w) * f64::from(v)).sum();
                y.push(sum as f32);
            }
        }
        y
    }
}

/// Sixteen running sums, so that the compiler may use vector registers.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + tail
}

/// A weight as a candle operation on contiguous f32 activations [.., cols].
#[derive(Clone)]
pub struct Linear(pub Weight);

impl Linear {
    /// `x` [n, cols] -> [n, rows].
    ///
    /// # Errors
    /// When the width of `x` is not the weight's.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        x.contiguous()?.apply_op1_no_bwd(self)
    }
}

impl CustomOp1 for Linear {
    fn name(&self) -> &'static str {
        "stored-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, cols) = layout.shape().dims2()?;
        if cols != self.0.cols {
            bail!("an input {cols} wide meets a weight {} wide", self.0.cols);
        }
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("the input is not contiguous") };
        let x = &storage.as_slice::<f32>()?[start..end];
        Ok((CpuStorage::F32(self.0.matmul(x)), Shape::from((n, self.0.rows))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static TABLE: [f32; 256] = [0.5; 256];

    fn close(fast: &[f32], slow: &[f32]) {
        assert_eq!(fast.len(), slow.len());
        for (a, b) in fast.iter().zip(slow) {
            assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{a} {b}");
        }
    }

    proptest! {
        #[test]
        fn every_storage_equals_the_reference(rows in 1usize..300, cols in 1usize..300, n in 1usize..4, seed in any::<u64>()) {
            let mut state = seed | 1;
            let mut next = move || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1); (state >> 40) as f32 / (1u32 << 24) as f32 - 0.5 };
            let x: Vec<f32> = (0..n * cols).map(|_| next()).collect();
            let values: Vec<f32> = (0..rows * cols).map(|_| next()).collect();
            let f32_bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            let bf16_bytes: Vec<u8> = values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
            let fp8_bytes: Vec<u8> = values.iter().map(|v| (v * 200.0) as i8 as u8).collect();
            let scales: Vec<f32> = (0..rows.div_ceil(BLOCK) * cols.div_ceil(BLOCK)).map(|_| next()).collect();
            for stored in [
                Stored::F32(Arc::new(f32_bytes)),
                Stored::Bf16(Arc::new(bf16_bytes)),
                Stored::Fp8 { bytes: Arc::new(fp8_bytes), scales: scales.into() },
            ] {
                let weight = Weight::new(rows, cols, stored, &TABLE).expect("the sizes match");
                close(&weight.matmul(&x), &weight.matmul_reference(&x));
            }
        }
    }

    #[test]
    fn a_block_scale_reaches_exactly_its_block() {
        let (rows, cols) = (130, 129);
        let stored =
            Stored::Fp8 { bytes: Arc::new(vec![0u8; rows * cols]), scales: [1.0, 2.0, 4.0, 8.0].into() };
        let weight = Weight::new(rows, cols, stored, &TABLE).expect("the sizes match");
        let mut row = vec![0.0; cols];
        weight.row(127, &mut row);
        assert_eq!((row[127], row[128]), (0.5, 1.0));
        weight.row(128, &mut row);
        assert_eq!((row[127], row[128]), (2.0, 4.0));
    }
}

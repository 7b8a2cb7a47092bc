//! Up to eight rows of activations as 16-bit numbers, a pair of columns of all rows together, with a scale
//! for each row and block of 256 columns.
use super::{ACTIVATION_ROWS, Line, PAIRS, PANEL_BLOCK};
use crate::planes::fixed_point;

/// `x = scale * value` over blocks of 256 columns, the last padded with zeros.
pub struct ActivationPanel {
    /// Rows that are there.
    pub(super) rows: usize,
    /// [pairs of columns][rows] of two values.
    pub(super) values: Vec<[[i16; 2]; ACTIVATION_ROWS]>,
    /// [blocks][rows]
    pub(super) scales: Vec<[f32; ACTIVATION_ROWS]>,
    /// The sums of 16 columns each, [sums][rows], and those of 32.
    pub(super) sums16: Vec<[f32; ACTIVATION_ROWS]>,
    pub(super) sums32: Vec<[f32; ACTIVATION_ROWS]>,
}

impl ActivationPanel {
    /// Rows with a NaN or an infinity give products that are NaN.
    ///
    /// # Panics
    /// When there are none, more than [`ACTIVATION_ROWS`], or rows of different lengths.
    pub fn new(rows: &[&[f32]]) -> Self {
        assert!(!rows.is_empty() && rows.len() <= ACTIVATION_ROWS);
        assert!(rows.iter().all(|row| row.len() == rows[0].len()), "rows of one length");
        let blocks = rows[0].len().div_ceil(PANEL_BLOCK);
        let mut panel = Self {
            rows: rows.len(),
            values: vec![[[0; 2]; ACTIVATION_ROWS]; blocks * PAIRS],
            scales: vec![[0.0; ACTIVATION_ROWS]; blocks],
            sums16: vec![[0.0; ACTIVATION_ROWS]; blocks * PANEL_BLOCK / 16],
            sums32: vec![[0.0; ACTIVATION_ROWS]; blocks * PANEL_BLOCK / 32],
        };
        for (at, row) in rows.iter().enumerate() {
            panel.fill(at, row);
        }
        panel
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Blocks of 256 columns.
    pub fn blocks(&self) -> usize {
        self.scales.len()
    }

    /// The sums of sub-blocks of 16 or 32 columns, from `block` on.
    pub(super) fn sums(&self, block: usize, sub_block: usize) -> &[[f32; ACTIVATION_ROWS]] {
        let sums = if sub_block == 16 { &self.sums16 } else { &self.sums32 };
        &sums[block * PANEL_BLOCK / sub_block..]
    }

    fn fill(&mut self, at: usize, row: &[f32]) {
        for (block, x) in row.chunks(PANEL_BLOCK).enumerate() {
            let mut padded = Line([0.0; PANEL_BLOCK]);
            padded.0[..x.len()].copy_from_slice(x);
            let (whole, scale) = fixed_point(&padded.0);
            self.scales[block][at] = scale;
            let values = &mut self.values[block * PAIRS..][..PAIRS];
            for (pair, values) in whole.as_chunks::<2>().0.iter().zip(values) {
                values[at] = [pair[0] as i16, pair[1] as i16];
            }
            // Below 2^24, which f32 holds.
            for (sub, columns) in whole.as_chunks::<16>().0.iter().enumerate() {
                self.sums16[block * PANEL_BLOCK / 16 + sub][at] = columns.iter().sum::<i32>() as f32;
            }
            for (sub, columns) in whole.as_chunks::<32>().0.iter().enumerate() {
                self.sums32[block * PANEL_BLOCK / 32 + sub][at] = columns.iter().sum::<i32>() as f32;
            }
        }
    }
}

//! 16 weight rows as 16-bit numbers, a pair of columns of all rows together, with a scale for each row and
//! sub-block. Knows no encoding.
use std::ops::Range;

use super::{Line, PAIRS, PANEL_BLOCK, PANEL_ROWS};

/// `w = scale * value - min` over sub-blocks of 16 or 32 columns. The memory is kept between uses.
#[derive(Default)]
pub struct WeightPanel {
    /// Blocks of 256 columns.
    pub(super) blocks: Range<usize>,
    /// Columns of a scale: 16 or 32.
    pub(super) sub_block: usize,
    /// [pairs of columns][rows] of two values.
    pub(super) values: Vec<Line<i16, { 2 * PANEL_ROWS }>>,
    /// [sub-blocks][rows]
    pub(super) scales: Vec<Line<f32, PANEL_ROWS>>,
    /// [sub-blocks][rows]; empty for formats without.
    pub(super) mins: Vec<Line<f32, PANEL_ROWS>>,
}

impl WeightPanel {
    /// Takes the sizes of a format.
    pub(super) fn resize(&mut self, sub_block: usize, has_mins: bool) {
        let subs = self.blocks.len() * PANEL_BLOCK / sub_block;
        self.sub_block = sub_block;
        self.values.resize(self.blocks.len() * PAIRS, Line([0; 2 * PANEL_ROWS]));
        self.scales.resize(subs, Line([0.0; PANEL_ROWS]));
        self.mins.resize(if has_mins { subs } else { 0 }, Line([0.0; PANEL_ROWS]));
    }
}

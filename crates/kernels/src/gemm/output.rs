//! An output matrix that several threads write, each its own tiles.
//! Callers guarantee that the tiles do not overlap.
use std::ops::Range;

/// A part of an output matrix: `values` has its rows `stride` apart, as many columns as there are valid.
pub(crate) struct Tile<'a> {
    pub rows: Range<usize>,
    pub columns: Range<usize>,
    pub values: &'a mut [f32],
    pub stride: usize,
}

impl Tile<'_> {
    /// Each row with its values.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let values = self.values.chunks(self.stride).map(|values| &values[..self.columns.len()]);
        self.rows.clone().zip(values)
    }
}

/// A mutable matrix with rows of `width` values, shared between threads.
pub(crate) struct OutputTiles<'a> {
    values: *mut f32,
    len: usize,
    width: usize,
    lifetime: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: `row_mut` and `store` are unsafe and require that no two threads access the same elements.
unsafe impl Sync for OutputTiles<'_> {}

impl<'a> OutputTiles<'a> {
    pub fn new(values: &'a mut [f32], width: usize) -> Self {
        Self { values: values.as_mut_ptr(), len: values.len(), width, lifetime: std::marker::PhantomData }
    }

    /// The given columns of a row.
    ///
    /// # Safety
    /// No other reference to these elements exists while the result lives.
    ///
    /// # Panics
    /// When they are out of bounds.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "the caller guarantees exclusive access")]
    pub unsafe fn row_mut(&self, row: usize, columns: Range<usize>) -> &mut [f32] {
        assert!(columns.end <= self.width && (row + 1) * self.width <= self.len);
        // SAFETY: in bounds as asserted; exclusive by the contract of this function.
        unsafe {
            let start = self.values.add(row * self.width + columns.start);
            std::slice::from_raw_parts_mut(start, columns.len())
        }
    }

    /// Copies a tile.
    ///
    /// # Safety
    /// As `row_mut`.
    ///
    /// # Panics
    /// As `row_mut`.
    #[inline]
    pub unsafe fn store(&self, tile: &Tile) {
        for (row, values) in tile.rows() {
            // SAFETY: by the contract of this function.
            unsafe { self.row_mut(row, tile.columns.clone()) }.copy_from_slice(values);
        }
    }

    /// Copies `values` [columns, rows] to the given columns of the first rows.
    ///
    /// # Safety
    /// As `row_mut`.
    ///
    /// # Panics
    /// As `row_mut`, or when there are no columns.
    pub unsafe fn store_columns(&self, columns: Range<usize>, values: &[f32]) {
        let rows = values.len() / columns.len();
        for row in 0..rows {
            // SAFETY: by the contract of this function.
            let out = unsafe { self.row_mut(row, columns.clone()) };
            out.iter_mut().zip(values[row..].iter().step_by(rows)).for_each(|(out, value)| *out = *value);
        }
    }
}

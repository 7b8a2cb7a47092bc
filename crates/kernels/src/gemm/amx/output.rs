//! A matrix that several threads write, each its own part.
use std::ops::Range;

use super::SQUARE;

/// Where rows of `width` numbers lie.
pub(crate) struct Places<'a> {
    numbers: *mut f32,
    len: usize,
    width: usize,
    owner: std::marker::PhantomData<&'a mut [f32]>,
}

// SAFETY: `line` and `put` are unsafe, and ask that no two threads write the same place.
unsafe impl Sync for Places<'_> {}

impl<'a> Places<'a> {
    pub fn new(numbers: &'a mut [f32], width: usize) -> Self {
        Self { numbers: numbers.as_mut_ptr(), len: numbers.len(), width, owner: std::marker::PhantomData }
    }

    /// The named columns of a row.
    ///
    /// # Safety
    /// Nobody else writes or reads these places meanwhile.
    ///
    /// # Panics
    /// When they are not of this matrix.
    #[inline]
    #[expect(clippy::mut_from_ref, reason = "whose the places are is the caller's promise")]
    pub unsafe fn line(&self, row: usize, columns: Range<usize>) -> &mut [f32] {
        assert!(columns.end <= self.width && (row + 1) * self.width <= self.len);
        // SAFETY: it was measured above, and is the caller's alone.
        unsafe {
            let place = self.numbers.add(row * self.width + columns.start);
            std::slice::from_raw_parts_mut(place, columns.len())
        }
    }

    /// Writes the named rows and columns from the lines of `square`, which are `SQUARE` apart.
    ///
    /// # Safety
    /// As `line`.
    ///
    /// # Panics
    /// As `line`.
    #[inline]
    pub unsafe fn put(&self, rows: Range<usize>, columns: Range<usize>, square: &[f32; SQUARE * SQUARE]) {
        for (row, line) in rows.zip(square.chunks_exact(SQUARE)) {
            // SAFETY: the caller's.
            unsafe { self.line(row, columns.clone()) }.copy_from_slice(&line[..columns.len()]);
        }
    }
}

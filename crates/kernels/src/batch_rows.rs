//! The rows of a batch that belong to a prefill. A prefill has many rows, which are packed and multiplied by
//! tiles; the token or two that a decode step adds per sequence do not pay for packing. The two paths differ
//! in rounding only.
//!
//! The path of a row depends on its step alone, not on the number of rows or cached tokens: results are
//! batch-invariant.
use std::ops::Range;

/// Ranges of prefill rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct PrefillRows {
    /// In order, neither overlapping nor adjacent.
    rows: Vec<Range<usize>>,
}

impl PrefillRows {
    /// From the steps of a batch in order: rows per step, and whether the step is a prefill.
    pub fn from_steps(steps: impl IntoIterator<Item = (usize, bool)>) -> Self {
        let mut rows: Vec<Range<usize>> = Vec::new();
        let mut next = 0;
        for (count, is_prefill) in steps {
            let rows_of_step = next..next + count;
            next = rows_of_step.end;
            match rows.last_mut() {
                _ if !is_prefill => {}
                Some(last) if last.end == rows_of_step.start => last.end = rows_of_step.end,
                _ => rows.push(rows_of_step),
            }
        }
        Self { rows }
    }

    pub const fn none() -> Self {
        Self { rows: Vec::new() }
    }

    pub fn all() -> Self {
        Self::from_steps([(usize::MAX, true)])
    }

    /// Whether row `at` belongs to a prefill.
    pub(crate) fn contains(&self, at: usize) -> bool {
        self.rows.iter().any(|range| range.contains(&at))
    }

    /// The rows `0..n` as segments, each with whether it is of a prefill.
    pub(crate) fn segments(&self, n: usize) -> Vec<(Range<usize>, bool)> {
        let (mut segments, mut next) = (Vec::new(), 0);
        for range in &self.rows {
            let (start, end) = (range.start.min(n), range.end.min(n));
            segments.push((next..start, false));
            segments.push((start..end, true));
            next = end;
        }
        segments.push((next..n, false));
        segments.retain(|(segment, _)| !segment.is_empty());
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_kind_go_together() {
        let prefill = PrefillRows::from_steps([(1, false), (40, true), (17, true), (19, false), (30, true)]);
        assert_eq!(prefill.rows, [1..58, 77..107]);
        assert_eq!(PrefillRows::from_steps([(16, false), (1, false)]), PrefillRows::none());
        assert_eq!(PrefillRows::none().segments(3), [(0..3, false)]);
        assert_eq!(PrefillRows::all().segments(0), []);
        let expected = [(0..1, false), (1..58, true), (58..77, false), (77..100, true)];
        assert_eq!(prefill.segments(100), expected);
        assert_eq!([0, 57, 58].map(|at| prefill.contains(at)), [false, true, false]);
    }
}

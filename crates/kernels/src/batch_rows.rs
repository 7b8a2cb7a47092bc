//! Which rows of a batch are read as prompts. Those come in numbers and go onto tiles where the processor has some; the token or
//! two that an answer grows by do not pay for it. Both ways are the same but for rounding, and a row's own way does not depend on
//! how many rows are beside it or were kept from before: what else is computed changes no number.
use std::ops::Range;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Prompts {
    /// In order and apart.
    rows: Vec<Range<usize>>,
}

impl Prompts {
    /// Of steps that have so many rows each, one after another, and are of a prompt or not.
    pub fn of(steps: impl IntoIterator<Item = (usize, bool)>) -> Self {
        let mut rows: Vec<Range<usize>> = Vec::new();
        let mut next = 0;
        for (count, prompt) in steps {
            let own = next..next + count;
            next = own.end;
            match rows.last_mut() {
                _ if !prompt => {}
                Some(last) if last.end == own.start => last.end = own.end,
                _ => rows.push(own),
            }
        }
        Self { rows }
    }

    pub const fn none() -> Self {
        Self { rows: Vec::new() }
    }

    pub fn all() -> Self {
        Self::of([(usize::MAX, true)])
    }

    /// Whether row `at` goes onto tiles here.
    pub(crate) fn is_tiled(&self, at: usize) -> bool {
        has_tiles() && self.rows.iter().any(|run| run.contains(&at))
    }

    /// The rows up to `n` as parts of one kind each, and whether it goes onto tiles here.
    pub(crate) fn parts(&self, n: usize) -> Vec<(Range<usize>, bool)> {
        let (mut parts, mut next) = (Vec::new(), 0);
        for run in self.rows.iter().filter(|_| has_tiles()) {
            let (start, end) = (run.start.min(n), run.end.min(n));
            parts.push((next..start, false));
            parts.push((start..end, true));
            next = end;
        }
        parts.push((next..n, false));
        parts.retain(|(part, _)| !part.is_empty());
        parts
    }
}

pub(crate) fn has_tiles() -> bool {
    #[cfg(target_arch = "x86_64")]
    return crate::gemm::amx::available();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_kind_go_together() {
        let prompts = Prompts::of([(1, false), (40, true), (17, true), (19, false), (30, true)]);
        assert_eq!(prompts.rows, [1..58, 77..107]);
        assert_eq!(Prompts::of([(16, false), (1, false)]), Prompts::none());
        assert_eq!(Prompts::none().parts(3), [(0..3, false)]);
        assert_eq!(Prompts::all().parts(0), []);
        let tiled = has_tiles();
        let expected = match tiled {
            true => vec![(0..1, false), (1..58, true), (58..77, false), (77..100, true)],
            false => vec![(0..100, false)],
        };
        assert_eq!(prompts.parts(100), expected);
        assert_eq!([0, 57, 58].map(|at| prompts.is_tiled(at)), [false, tiled, false]);
    }
}

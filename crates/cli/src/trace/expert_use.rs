//! How often each expert of a layer computed a token, and how even that is.
//! The window computes the same for its heat map.

pub struct ExpertUse {
    counts: Vec<u32>,
}

impl ExpertUse {
    /// `chosen` are the experts of each token. An expert beyond `n_experts` is of another model and counts
    /// for none.
    pub fn of<'a>(chosen: impl Iterator<Item = &'a Vec<u16>>, n_experts: usize) -> Self {
        let mut counts = vec![0; n_experts];
        for &expert in chosen.flatten() {
            if let Some(count) = counts.get_mut(usize::from(expert)) {
                *count += 1;
            }
        }
        Self { counts }
    }

    /// Experts that computed a token at all.
    pub fn used(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }

    /// The busiest experts with their tokens; of equal ones the lower number first.
    pub fn busiest(&self, most: usize) -> Vec<(usize, u32)> {
        let mut all: Vec<(usize, u32)> = self.counts.iter().copied().enumerate().collect();
        all.retain(|(_, count)| *count > 0);
        all.sort_by_key(|(expert, count)| (std::cmp::Reverse(*count), *expert));
        all.truncate(most);
        all
    }

    /// The tokens of the busiest expert over those that each would have if all had the same; 0 without
    /// tokens.
    pub fn busiest_over_even(&self) -> f64 {
        let total: u32 = self.counts.iter().sum();
        let largest = self.counts.iter().copied().max().unwrap_or(0);
        if total == 0 { 0.0 } else { f64::from(largest) * self.counts.len() as f64 / f64::from(total) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_is_compared_with_the_even_share() {
        let used = ExpertUse::of([vec![0, 3], vec![3, 1], vec![3, 9]].iter(), 4);
        assert_eq!(used.used(), 3);
        assert_eq!(used.busiest(2), [(3, 3), (0, 1)]);
        // 5 of 4 experts are 1.25 each.
        assert!((used.busiest_over_even() - 2.4).abs() < 1e-9);
        assert_eq!(ExpertUse::of([].iter(), 4).busiest_over_even(), 0.0);
    }
}

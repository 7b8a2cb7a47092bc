//! Rotary positions on interleaved pairs (x0,x1), (x2,x3), …: the order that DeepSeek's own code stores.

/// Cosines and sines for each position and pair, made in f64.
pub struct RopeTable {
    half: usize,
    /// [position, half] of (cos, sin).
    values: Vec<(f32, f32)>,
}

impl RopeTable {
    /// `inverse_frequencies` [half]; `scale` multiplies cosine and sine.
    pub fn new(inverse_frequencies: &[f64], positions: usize, scale: f64) -> Self {
        let values = (0..positions)
            .flat_map(|p| {
                inverse_frequencies.iter().map(move |f| {
                    let (sin, cos) = (p as f64 * f).sin_cos();
                    ((cos * scale) as f32, (sin * scale) as f32)
                })
            })
            .collect();
        Self { half: inverse_frequencies.len(), values }
    }

    pub fn positions(&self) -> usize {
        self.values.len() / self.half
    }

    /// Turns `x` [2 * half] to `position`, in place.
    pub fn rotate(&self, x: &mut [f32], position: usize) {
        let turns = &self.values[position * self.half..][..self.half];
        for (pair, (cos, sin)) in x.chunks_exact_mut(2).zip(turns) {
            let (a, b) = (pair[0], pair[1]);
            pair[0] = a * cos - b * sin;
            pair[1] = a * sin + b * cos;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_depend_on_the_distance_only() {
        let table = RopeTable::new(&[1.0, 0.1], 64, 1.0);
        let score = |p: usize, q: usize| {
            let (mut a, mut b) = ([0.3, -0.7, 0.2, 0.9], [0.5, 0.1, -0.4, 0.8]);
            table.rotate(&mut a, p);
            table.rotate(&mut b, q);
            a.iter().zip(&b).map(|(x, y)| x * y).sum::<f32>()
        };
        assert!((score(3, 10) - score(43, 50)).abs() < 1e-5);
        assert!((score(3, 10) - score(3, 11)).abs() > 1e-3);
    }
}

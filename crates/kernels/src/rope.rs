//! Rotary position embedding (RoFormer, arXiv 2104.09864). Frequencies and their scaling (YaRN, Llama 3) come
//! from the model; this module makes the sines and cosines and rotates.
use candle_core::{Result, Tensor, bail};

use crate::pool;
use crate::slices::{tensor, with_slice};

/// Which elements of a vector form a rotated pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RopeStyle {
    /// (x0, x1), (x2, x3), …: DeepSeek's MLA, also in its cache.
    Interleaved,
    /// (x0, x_half), (x1, x_half+1), …: `rotate_half` of Llama and Qwen.
    Neox,
}

/// The rotation of each pair per position.
pub struct Rope {
    pub style: RopeStyle,
    /// Radians per position, [half].
    pub inv_freq: Vec<f64>,
    /// Factor of cosine and sine: the attention scaling of YaRN.
    pub scale: f64,
}

impl Rope {
    /// The rotations of these tokens, for all layers, computed in f64. A table of all positions would take
    /// megabytes that most chats never use.
    pub fn table(&self, positions: &[usize]) -> RotaryTable {
        let (half, count) = (self.inv_freq.len(), positions.len() * self.inv_freq.len());
        let (mut cos, mut sin) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for &position in positions {
            for frequency in &self.inv_freq {
                let (sine, cosine) = (position as f64 * frequency).sin_cos();
                sin.push((sine * self.scale) as f32);
                cos.push((cosine * self.scale) as f32);
            }
        }
        RotaryTable { style: self.style, half, tokens: positions.len(), cos, sin }
    }
}

/// Cosines and sines of each token of a batch and each pair.
pub struct RotaryTable {
    style: RopeStyle,
    half: usize,
    tokens: usize,
    /// [tokens, half]
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl RotaryTable {
    /// Rotates the last `2 * half` elements of every row of `x` [T, .., dim] by its token's position.
    ///
    /// # Errors
    /// When rows are too short, or the table is for another number of tokens.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (tokens, dim) = (x.dim(0)?, x.dim(x.rank() - 1)?);
        if dim < 2 * self.half || tokens != self.tokens {
            bail!(
                "shape mismatch: rotary table of {} tokens and {} elements, input {:?}",
                self.tokens,
                2 * self.half,
                x.dims()
            );
        }
        let rotated = with_slice(x, |x| {
            let mut x = x.to_vec();
            let each = x.len().checked_div(tokens).unwrap_or(0).max(1);
            pool::rows_mut(&mut x, each, |first, tokens| {
                for (token, own) in tokens.chunks_exact_mut(each).enumerate() {
                    own.chunks_exact_mut(dim).for_each(|row| self.rotate(row, first + token));
                }
            });
            Ok(x)
        })?;
        tensor(rotated, x.shape())
    }

    /// Rotates the last `2 * half` elements of `row` by the position of token `token`, in place.
    fn rotate(&self, row: &mut [f32], token: usize) {
        let start = row.len() - 2 * self.half;
        let row = &mut row[start..];
        let cos = &self.cos[token * self.half..][..self.half];
        let sin = &self.sin[token * self.half..][..self.half];
        match self.style {
            RopeStyle::Interleaved => {
                for ((pair, cos), sin) in row.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
                    let [a, b] = *pair;
                    *pair = [a * cos - b * sin, a * sin + b * cos];
                }
            }
            RopeStyle::Neox => {
                let (first, second) = row.split_at_mut(self.half);
                for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, uniform};

    fn table(style: RopeStyle, positions: &[usize]) -> RotaryTable {
        let rope = Rope { style, inv_freq: vec![1.0, 0.1, 0.01], scale: 1.0 };
        rope.table(positions)
    }

    #[test]
    fn scores_depend_on_the_distance_only() {
        for style in [RopeStyle::Interleaved, RopeStyle::Neox] {
            let score = |p: usize, q: usize| {
                let (mut a, mut b) = ([0.3, -0.7, 0.2, 0.9, 0.4, 0.6], [0.5, 0.1, -0.4, 0.8, 0.7, -0.3]);
                let table = table(style, &[p, q]);
                table.rotate(&mut a, 0);
                table.rotate(&mut b, 1);
                a.iter().zip(&b).map(|(x, y)| x * y).sum::<f32>()
            };
            assert!((score(3, 10) - score(43, 50)).abs() < 1e-5);
            assert!((score(3, 10) - score(3, 11)).abs() > 1e-3);
        }
    }

    #[test]
    fn each_style_rotates_its_own_pairs() {
        let check = |style, expect: [f64; 6]| {
            let mut row = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
            table(style, &[7]).rotate(&mut row, 0);
            close(&row, &expect.map(|x| x as f32), 1e-5);
        };
        let rotate = |a: f64, b: f64, f: f64| {
            let (sin, cos) = (7.0 * f).sin_cos();
            (a * cos - b * sin, a * sin + b * cos)
        };
        let (p, q, r) = (rotate(1.0, 2.0, 1.0), rotate(3.0, 4.0, 0.1), rotate(5.0, 6.0, 0.01));
        check(RopeStyle::Interleaved, [p.0, p.1, q.0, q.1, r.0, r.1]);
        let (p, q, r) = (rotate(1.0, 4.0, 1.0), rotate(2.0, 5.0, 0.1), rotate(3.0, 6.0, 0.01));
        check(RopeStyle::Neox, [p.0, q.0, r.0, p.1, q.1, r.1]);
    }

    #[test]
    fn the_end_of_each_row_rotates_and_the_rest_stays() {
        for style in [RopeStyle::Interleaved, RopeStyle::Neox] {
            let table = table(style, &[5, 63, 0]);
            let x = tensor(uniform(3 * 2 * 10, 1), (3, 2, 10)).unwrap();
            let fused = table.apply(&x).unwrap();
            let values = |y: &Tensor| y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            for (index, (row, before)) in values(&fused).chunks(10).zip(values(&x).chunks(10)).enumerate() {
                let mut expected = before.to_vec();
                table.rotate(&mut expected[4..], index / 2);
                assert_eq!(row, expected);
            }
            assert!(table.apply(&x.narrow(0, 0, 2).unwrap()).is_err(), "another number of tokens");
            assert!(table.apply(&x.narrow(2, 0, 5).unwrap()).is_err(), "too narrow");
        }
    }
}

//! Rotary positions. The frequencies, and whatever stretches them, are the model's; here are the turns.
use candle_core::{Device, Result, Tensor, bail};

use crate::slices::{tensor, with_slice};

/// Which numbers of a vector turn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairs {
    /// (x0, x1), (x2, x3), …: DeepSeek's latent attention, and the order its cache is stored in.
    Interleaved,
    /// (x0, x_half), (x1, x_half+1), …: `rotate_half` of Llama and Qwen.
    Halves,
}

/// How far each pair turns with each position.
pub struct Rope {
    pub pairs: Pairs,
    /// Radians a position, [half].
    pub inverse_frequencies: Vec<f64>,
    /// Multiplies cosine and sine.
    pub scale: f64,
}

impl Rope {
    /// The turns of these tokens, which every layer uses; they are made in f64. A table of all positions would take
    /// megabytes that most conversations never reach.
    ///
    /// # Errors
    /// When the device has no memory.
    pub fn turns(&self, positions: &[usize], device: &Device) -> Result<Turns> {
        let (half, numbers) =
            (self.inverse_frequencies.len(), positions.len() * self.inverse_frequencies.len());
        let (mut cos, mut sin) = (Vec::with_capacity(numbers), Vec::with_capacity(numbers));
        for &position in positions {
            for frequency in &self.inverse_frequencies {
                let turn = (position as f64 * frequency).sin_cos();
                sin.push((turn.0 * self.scale) as f32);
                cos.push((turn.1 * self.scale) as f32);
            }
        }
        let mut turns = Turns { pairs: self.pairs, half, tokens: positions.len(), cos, sin, on_device: None };
        if !device.is_cpu() {
            turns.on_device = Some(turns.in_tensors(device)?);
        }
        Ok(turns)
    }
}

/// Cosines and sines for each token of a batch and each pair.
pub struct Turns {
    pairs: Pairs,
    half: usize,
    tokens: usize,
    /// [tokens, half]
    cos: Vec<f32>,
    sin: Vec<f32>,
    /// The same on the model's device, when that is not the CPU, [tokens, 1, half].
    on_device: Option<(Tensor, Tensor)>,
}

impl Turns {
    fn in_tensors(&self, device: &Device) -> Result<(Tensor, Tensor)> {
        let tensor = |values: &[f32]| Tensor::from_slice(values, (self.tokens, 1, self.half), device);
        Ok((tensor(&self.cos)?, tensor(&self.sin)?))
    }

    /// Turns the last `2 * half` numbers of every row of `x` [T, .., dim] to its token's position; the rest stays.
    ///
    /// # Errors
    /// When rows are too narrow, or the tokens are not as many as the turns are for.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let (tokens, dim) = (x.dim(0)?, x.dim(x.rank() - 1)?);
        if dim < 2 * self.half || tokens != self.tokens {
            bail!("turns of {} tokens and {} numbers meet {:?}", self.tokens, 2 * self.half, x.dims());
        }
        if let Some((cos, sin)) = &self.on_device {
            return self.apply_in_tensors(x, cos, sin);
        }
        let turned = with_slice(x, |x| {
            let mut x = x.to_vec();
            let each = x.len().checked_div(tokens).unwrap_or(0).max(1);
            for (token, own) in x.chunks_exact_mut(each).enumerate() {
                own.chunks_exact_mut(dim).for_each(|row| self.rotate(row, token));
            }
            Ok(x)
        })?;
        tensor(turned, x.shape())
    }

    /// Turns the last `2 * half` numbers of `row` as those of token `token`, in place.
    fn rotate(&self, row: &mut [f32], token: usize) {
        let start = row.len() - 2 * self.half;
        let row = &mut row[start..];
        let cos = &self.cos[token * self.half..][..self.half];
        let sin = &self.sin[token * self.half..][..self.half];
        match self.pairs {
            Pairs::Interleaved => {
                for ((pair, cos), sin) in row.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
                    let [a, b] = *pair;
                    *pair = [a * cos - b * sin, a * sin + b * cos];
                }
            }
            Pairs::Halves => {
                let (first, second) = row.split_at_mut(self.half);
                for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }

    fn apply_in_tensors(&self, x: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
        let (tokens, last) = (self.tokens, x.rank() - 1);
        let dim = x.dim(last)?;
        let flat = x.contiguous()?.reshape((tokens, (), dim))?; // [T, rows, dim]
        let kept = dim - 2 * self.half;
        let rotated = flat.narrow(2, kept, 2 * self.half)?.contiguous()?;
        let rows = rotated.dim(1)?;
        let (pair_dims, across) = match self.pairs {
            Pairs::Interleaved => ((tokens, rows, self.half, 2), 3),
            Pairs::Halves => ((tokens, rows, 2, self.half), 2),
        };
        let pairs = rotated.reshape(pair_dims)?;
        let side = |index| pairs.narrow(across, index, 1)?.squeeze(across)?.contiguous();
        let (a, b) = (side(0)?, side(1)?);
        let first = (a.broadcast_mul(cos)? - b.broadcast_mul(sin)?)?;
        let second = (a.broadcast_mul(sin)? + b.broadcast_mul(cos)?)?;
        let turned = Tensor::stack(&[first, second], across)?.reshape((tokens, rows, 2 * self.half))?;
        Tensor::cat(&[&flat.narrow(2, 0, kept)?, &turned], 2)?.reshape(x.shape())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{close, numbers};

    fn turns(pairs: Pairs, positions: &[usize]) -> Turns {
        let rope = Rope { pairs, inverse_frequencies: vec![1.0, 0.1, 0.01], scale: 1.0 };
        rope.turns(positions, &Device::Cpu).expect("memory")
    }

    #[test]
    fn scores_depend_on_the_distance_only() {
        for pairs in [Pairs::Interleaved, Pairs::Halves] {
            let score = |p: usize, q: usize| {
                let (mut a, mut b) = ([0.3, -0.7, 0.2, 0.9, 0.4, 0.6], [0.5, 0.1, -0.4, 0.8, 0.7, -0.3]);
                let turns = turns(pairs, &[p, q]);
                turns.rotate(&mut a, 0);
                turns.rotate(&mut b, 1);
                a.iter().zip(&b).map(|(x, y)| x * y).sum::<f32>()
            };
            assert!((score(3, 10) - score(43, 50)).abs() < 1e-5);
            assert!((score(3, 10) - score(3, 11)).abs() > 1e-3);
        }
    }

    #[test]
    fn each_order_turns_its_own_pairs() {
        let check = |pairs, expect: [f64; 6]| {
            let mut row = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
            turns(pairs, &[7]).rotate(&mut row, 0);
            close(&row, &expect.map(|x| x as f32), 1e-5);
        };
        let turn = |a: f64, b: f64, f: f64| {
            let (sin, cos) = (7.0 * f).sin_cos();
            (a * cos - b * sin, a * sin + b * cos)
        };
        let (p, q, r) = (turn(1.0, 2.0, 1.0), turn(3.0, 4.0, 0.1), turn(5.0, 6.0, 0.01));
        check(Pairs::Interleaved, [p.0, p.1, q.0, q.1, r.0, r.1]);
        let (p, q, r) = (turn(1.0, 4.0, 1.0), turn(2.0, 5.0, 0.1), turn(3.0, 6.0, 0.01));
        check(Pairs::Halves, [p.0, q.0, r.0, p.1, q.1, r.1]);
    }

    #[test]
    fn both_forms_turn_the_end_of_each_row_and_leave_the_rest() {
        for pairs in [Pairs::Interleaved, Pairs::Halves] {
            let turns = turns(pairs, &[5, 63, 0]);
            let x = tensor(numbers(3 * 2 * 10, 1), (3, 2, 10)).unwrap();
            let fused = turns.apply(&x).unwrap();
            let (cos, sin) = turns.in_tensors(&Device::Cpu).unwrap();
            let plain = turns.apply_in_tensors(&x, &cos, &sin).unwrap();
            let values = |y: &Tensor| y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            close(&values(&plain), &values(&fused), 1e-6);
            for (index, (row, before)) in values(&fused).chunks(10).zip(values(&x).chunks(10)).enumerate() {
                let mut expected = before.to_vec();
                turns.rotate(&mut expected[4..], index / 2);
                assert_eq!(row, expected);
            }
            assert!(turns.apply(&x.narrow(0, 0, 2).unwrap()).is_err(), "a turn for each token");
            assert!(turns.apply(&x.narrow(2, 0, 5).unwrap()).is_err(), "too narrow");
        }
    }
}

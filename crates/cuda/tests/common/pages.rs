//! What the tests of attention share: records, rows of sequences with their pages, and the definition in f64.
//! Pages are given out in another order than that of the positions.
#![allow(dead_code, reason = "every test program uses a part of it")]
use cuda::ops::rope::{PageDtype, Pairs};
use cuda::{Buffer, Card, Dtype};
use formats::{E4M3, f32_to_e4m3};

use crate::common::{Random, decoded, uploaded};

pub const TYPES: [PageDtype; 3] = [PageDtype::F32, PageDtype::Bf16, PageDtype::Fp8];
pub const PAGE: usize = 64;

/// A record as `kernels::cache` lays it out.
#[derive(Clone, Copy)]
pub struct Record {
    pub dtype: PageDtype,
    pub quantised: usize,
    pub rest: usize,
    pub group: usize,
}

impl Record {
    pub fn bytes(&self) -> usize {
        let values = self.quantised + self.rest;
        match self.dtype {
            PageDtype::F32 => 4 * values,
            PageDtype::Bf16 => 2 * values,
            PageDtype::Fp8 => self.quantised + 4 * self.quantised.div_ceil(self.group) + 2 * self.rest,
        }
    }

    pub fn encode(&self, values: &[f32]) -> Vec<u8> {
        let mut out = Vec::new();
        match self.dtype {
            PageDtype::F32 => formats::encode(Dtype::F32, values, &mut out),
            PageDtype::Bf16 => formats::encode(Dtype::BF16, values, &mut out),
            PageDtype::Fp8 => {
                let (quantised, rest) = values.split_at(self.quantised);
                let mut scales = Vec::new();
                for group in quantised.chunks(self.group) {
                    let largest = group.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
                    let bits = (largest / 448.0).max(f32::MIN_POSITIVE).to_bits();
                    let scale = f32::from_bits((bits + 0x7F_FFFF) & !0x7F_FFFF);
                    scales.extend(scale.to_le_bytes());
                    out.extend(group.iter().map(|value| f32_to_e4m3(value / scale)));
                }
                out.extend(scales);
                formats::encode(Dtype::BF16, rest, &mut out);
            }
        }
        out
    }

    pub fn decode(&self, bytes: &[u8]) -> Vec<f64> {
        let values =
            |dtype, bytes, count| decoded(dtype, bytes, count).into_iter().map(f64::from).collect::<Vec<_>>();
        match self.dtype {
            PageDtype::F32 => values(Dtype::F32, bytes, self.quantised + self.rest),
            PageDtype::Bf16 => values(Dtype::BF16, bytes, self.quantised + self.rest),
            PageDtype::Fp8 => {
                let (codes, after) = bytes.split_at(self.quantised);
                let (scales, rest) = after.split_at(4 * self.quantised.div_ceil(self.group));
                let scales = values(Dtype::F32, scales, scales.len() / 4);
                let code =
                    |(at, code): (usize, &u8)| f64::from(E4M3[*code as usize]) * scales[at / self.group];
                let mut out: Vec<f64> = codes.iter().enumerate().map(code).collect();
                out.extend(values(Dtype::BF16, rest, self.rest));
                out
            }
        }
    }
}

/// The last rows of some sequences, with their pages in disorder.
pub struct Rows {
    pub positions: Vec<i32>,
    pub tables: Vec<i32>,
    pub slots: Vec<i32>,
    pub pages: Vec<u32>,
}

impl Rows {
    /// Sequences as (positions, rows).
    pub fn new(sequences: &[(usize, usize)]) -> Self {
        let count: usize = sequences.iter().map(|(end, _)| end.div_ceil(PAGE)).sum();
        let pages: Vec<u32> = (0..count as u32).rev().collect();
        let (mut positions, mut tables, mut slots, mut first) = (vec![], vec![], vec![], 0);
        for &(end, rows) in sequences {
            for position in end - rows..end {
                positions.push(position as i32);
                tables.push(first as i32);
                slots.push(pages[first + position / PAGE] as i32 * PAGE as i32 + (position % PAGE) as i32);
            }
            first += end.div_ceil(PAGE);
        }
        Self { positions, tables, slots, pages }
    }

    pub fn len(&self) -> usize {
        self.positions.len()
    }

    pub fn longest(&self) -> usize {
        *self.positions.iter().max().expect("rows") as usize + 1
    }

    /// The records of the positions that a row attends.
    pub fn attended(&self, row: usize, record: &Record, cache: &[u8]) -> Vec<Vec<f64>> {
        let slot = |p: usize| self.pages[self.tables[row] as usize + p / PAGE] as usize * PAGE + p % PAGE;
        let bytes = |p| &cache[slot(p) * record.bytes()..][..record.bytes()];
        (0..=self.positions[row] as usize).map(|p| record.decode(bytes(p))).collect()
    }

    pub fn random_cache(&self, record: &Record, random: &mut Random) -> Vec<u8> {
        let values = record.quantised + record.rest;
        (0..self.pages.len() * PAGE).flat_map(|_| record.encode(&random.values(values))).collect()
    }

    pub fn upload(&self, card: &Card) -> [Buffer; 4] {
        let words = |values: &[i32]| uploaded(card, values);
        [words(&self.positions), words(&self.tables), words(&self.slots), uploaded(card, &self.pages)]
    }
}

/// The weighted sum of `values`, with the softmax of the scores of `keys`.
pub fn attend<'a>(scores: Vec<f64>, values: impl Iterator<Item = &'a [f64]>, width: usize) -> Vec<f64> {
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
    let total: f64 = weights.iter().sum();
    let mut out = vec![0.0; width];
    for (weight, value) in weights.iter().zip(values) {
        out.iter_mut().zip(value).for_each(|(out, value)| *out += weight * value / total);
    }
    out
}

pub fn dot<A: Copy + Into<f64>>(a: &[A], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (*a).into() * b).sum()
}

pub fn rotate(x: &mut [f32], pairs: Pairs, cos: &[f32], sin: &[f32]) {
    let (half, start) = (cos.len(), x.len() - 2 * cos.len());
    for pair in 0..half {
        let (first, second) = match pairs {
            Pairs::Interleaved => (start + 2 * pair, start + 2 * pair + 1),
            Pairs::Neox => (start + pair, start + half + pair),
        };
        let (a, b) = (x[first], x[second]);
        (x[first], x[second]) = (a * cos[pair] - b * sin[pair], a * sin[pair] + b * cos[pair]);
    }
}

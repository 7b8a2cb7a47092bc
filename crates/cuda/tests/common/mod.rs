//! What the tests of kernels share: a card if there is one, random weights in every format, buffers full of
//! what must not be read, and the comparison with a reference in f64.
#![allow(dead_code, reason = "every test program uses a part of it")]
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use cuda::{Buffer, Card, Dtype, Matrix};
use parking_lot::{Mutex, MutexGuard};

/// The card, for one test at a time: work of another thread would be captured with a graph.
pub struct Turn {
    card: Arc<Card>,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Turn {
    type Target = Card;

    fn deref(&self) -> &Card {
        &self.card
    }
}

/// The first usable card, opened once. Where there is none the test prints why and has nothing to do.
pub fn card() -> Option<Turn> {
    static CARD: OnceLock<Result<Arc<Card>, String>> = OnceLock::new();
    static TURN: Mutex<()> = Mutex::new(());
    let open = || {
        let cards = cuda::places().map_err(|reason| reason.to_string())?;
        let usable = cards.iter().find(|card| card.usable());
        let Some(card) = usable else {
            let reasons: Vec<_> = cards.iter().filter_map(|card| card.refused.clone()).collect();
            return Err(format!("{reasons:?}"));
        };
        // From here on a failure is one of the code under test.
        Ok(Card::open(card.index).expect("a usable card opens"))
    };
    let turn = TURN.lock();
    match CARD.get_or_init(open) {
        Ok(card) => Some(Turn { card: Arc::clone(card), _turn: turn }),
        Err(reason) => {
            println!("not run: no card ({reason})");
            None
        }
    }
}

/// The same numbers in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (self.0 >> 32) as u32
    }

    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.bits()) * u64::from(end)) >> 32) as u32
    }

    /// Between -1 and 1.
    pub fn value(&mut self) -> f32 {
        self.bits().cast_signed() as f32 / 2f32.powi(31)
    }

    pub fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    /// Weights [rows, cols] as a file has them: any bits, but scales that are small numbers.
    pub fn weights(&mut self, dtype: Dtype, rows: usize, cols: usize) -> Vec<u8> {
        let count = dtype.bytes_of(rows * cols).expect("whole blocks");
        let mut bytes: Vec<u8> = (0..count).map(|_| (self.bits() >> 24) as u8).collect();
        match dtype {
            Dtype::F32 => {
                for bytes in bytes.as_chunks_mut::<4>().0 {
                    *bytes = self.value().to_le_bytes();
                }
            }
            Dtype::F16 => {
                for bytes in bytes.as_chunks_mut::<2>().0 {
                    *bytes = self.half();
                }
            }
            Dtype::BF16 => {
                for bytes in bytes.as_chunks_mut::<2>().0 {
                    let value = self.value().to_le_bytes();
                    *bytes = [value[2], value[3]];
                }
            }
            // The two codes of no number.
            Dtype::F8E4M3 => bytes.iter_mut().filter(|code| **code & 127 == 127).for_each(|code| *code ^= 1),
            _ => {
                for block in bytes.chunks_mut(dtype.block_bytes()) {
                    for &at in halves(dtype) {
                        block[at..at + 2].copy_from_slice(&self.half());
                    }
                    if dtype == Dtype::MXFP4 {
                        block[0] = 120 + (self.bits() >> 29) as u8;
                    }
                }
            }
        }
        bytes
    }

    /// A half whose magnitude is between 2^-7 and 2^-3.
    fn half(&mut self) -> [u8; 2] {
        let exponent = 8 + self.below(4) as u16;
        ((self.bits() & 0x83FF) as u16 | exponent << 10).to_le_bytes()
    }
}

/// Where a block has halves that are its scales.
fn halves(dtype: Dtype) -> &'static [usize] {
    match dtype {
        Dtype::Q4_0 | Dtype::Q5_0 | Dtype::Q8_0 | Dtype::IQ4NL | Dtype::IQ4XS => &[0],
        Dtype::Q4_1 | Dtype::Q5_1 | Dtype::Q4K | Dtype::Q5K => &[0, 2],
        Dtype::Q2K => &[80, 82],
        Dtype::Q3K => &[108],
        Dtype::Q6K => &[208],
        _ => &[],
    }
}

/// Every format that kernels read.
pub fn formats() -> impl Iterator<Item = Dtype> {
    Dtype::ALL.iter().copied().filter(|&dtype| Matrix::supports(dtype))
}

/// The values of encoded weights.
pub fn decoded(dtype: Dtype, bytes: &[u8], count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    formats::decode(dtype, bytes, &mut values);
    values
}

/// A buffer of NaN: a result that was not written, or an input that was read too far, is seen.
pub fn poisoned(card: &Card, bytes: usize) -> Buffer {
    let buffer = Buffer::new(card, bytes).expect("room for a test");
    buffer.fill(0xFF).expect("the card works");
    buffer
}

/// Values in a buffer that ends with a poisoned line.
pub fn uploaded<T: bytemuck::Pod>(card: &Card, values: &[T]) -> Buffer {
    let buffer = poisoned(card, size_of_val(values) + 256);
    buffer.write(0, values).expect("the card works");
    buffer
}

/// Fails unless every value is within `bound` of the reference, relative to the largest of it.
pub fn close(what: &str, got: &[f32], want: &[f64], bound: f64) {
    assert_eq!(got.len(), want.len(), "{what}: lengths");
    let largest = want.iter().fold(1e-30, |largest: f64, value| largest.max(value.abs()));
    for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
        let off = (f64::from(got) - want).abs() / largest;
        assert!(off <= bound, "{what}: value {at} is {got} for {want}: {off:.1e} of the largest");
    }
}

use formats::{Dtype, e4m3_to_f32};

use super::Layout;

/// Rows that differ everywhere; some blocks have scales that are infinite or no number.
pub(in crate::matrix) fn random_bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed * 2 + 1;
    let step = |_| {
        state = state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        (state >> 56) as u8
    };
    (0..count).map(step).collect()
}

const IQ4: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];
const FP4: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// A row as a kernel finds it: where each section begins, and how to read one weight from it. Written from
/// the description of the sections and not from the table under test.
struct Reader<'a> {
    row: &'a [u8],
    starts: [usize; 4],
}

impl Reader<'_> {
    fn byte(&self, section: usize, at: usize) -> u8 {
        self.row[self.starts[section] + at]
    }

    fn i8(&self, section: usize, at: usize) -> f32 {
        f32::from(self.byte(section, at).cast_signed())
    }

    fn u16(&self, section: usize, at: usize) -> u16 {
        u16::from_le_bytes([self.byte(section, at), self.byte(section, at + 1)])
    }

    fn f16(&self, section: usize, at: usize) -> f32 {
        let mut out = [0.0];
        formats::decode(Dtype::F16, &self.u16(section, at).to_le_bytes(), &mut out);
        out[0]
    }

    /// A nibble of a block of 32 whose low nibbles come first.
    fn nibble32(&self, col: usize) -> u8 {
        let (unit, within) = (col / 32, col % 32);
        self.byte(0, 16 * unit + within % 16) >> (within / 16 * 4) & 15
    }

    fn fifth_bit(&self, col: usize) -> u8 {
        self.byte(1, 4 * (col / 32) + col % 32 / 8) >> (col % 8) & 1
    }

    /// The scale and minimum of a block of 32 in 12 bytes behind two halves.
    fn scale_min(&self, section: usize, head: usize, sub_block: usize) -> (f32, f32) {
        let packed = |at| self.byte(section, head + 4 + at);
        let (scale, min) = if sub_block < 4 {
            (packed(sub_block) & 63, packed(sub_block + 4) & 63)
        } else {
            let low = packed(sub_block + 4);
            (low & 15 | packed(sub_block - 4) >> 6 << 4, low >> 4 | packed(sub_block) >> 6 << 4)
        };
        (self.f16(section, head) * f32::from(scale), self.f16(section, head + 2) * f32::from(min))
    }

    fn weight(&self, dtype: Dtype, col: usize) -> f32 {
        let (unit, block, within) = (col / 32, col / 256, col % 256);
        let (half, quarter) = (within / 128, within % 128 / 32);
        match dtype {
            Dtype::F32 => {
                f32::from_bits(u32::from(self.u16(0, 4 * col)) | u32::from(self.u16(0, 4 * col + 2)) << 16)
            }
            Dtype::F16 => self.f16(0, 2 * col),
            Dtype::BF16 => f32::from_bits(u32::from(self.u16(0, 2 * col)) << 16),
            Dtype::F8E4M3 => e4m3_to_f32(self.byte(0, col)),
            Dtype::Q4_0 => self.f16(1, 2 * unit) * (f32::from(self.nibble32(col)) - 8.0),
            Dtype::Q4_1 => self.f16(1, 4 * unit) * f32::from(self.nibble32(col)) + self.f16(1, 4 * unit + 2),
            Dtype::Q5_0 => {
                let code = self.nibble32(col) | self.fifth_bit(col) << 4;
                self.f16(2, 2 * unit) * (f32::from(code) - 16.0)
            }
            Dtype::Q5_1 => {
                let code = self.nibble32(col) | self.fifth_bit(col) << 4;
                self.f16(2, 4 * unit) * f32::from(code) + self.f16(2, 4 * unit + 2)
            }
            Dtype::Q8_0 => self.i8(0, col) * self.f16(1, 2 * unit),
            Dtype::Q2K => {
                let code = self.byte(0, 64 * block + 32 * half + within % 32) >> (2 * quarter) & 3;
                let pair = self.byte(1, 16 * block + within / 16);
                self.f16(2, 4 * block) * f32::from(pair & 15) * f32::from(code)
                    - self.f16(2, 4 * block + 2) * f32::from(pair >> 4)
            }
            Dtype::Q3K => {
                let code = self.byte(0, 64 * block + 32 * half + within % 32) >> (2 * quarter) & 3;
                let third = self.byte(1, 32 * block + within % 32) >> (within / 32) & 1;
                let sub_block = within / 16;
                let low = self.byte(2, 12 * block + sub_block % 8) >> (sub_block / 8 * 4) & 15;
                let high = self.byte(2, 12 * block + 8 + sub_block % 4) >> (sub_block / 4 * 2) & 3;
                let scale = f32::from(low | high << 4) - 32.0;
                self.f16(3, 2 * block) * scale * (f32::from(code | third << 2) - 4.0)
            }
            Dtype::Q4K => {
                let byte = self.byte(0, 128 * block + within / 64 * 32 + within % 32);
                let (scale, min) = self.scale_min(1, 16 * block, within / 32);
                scale * f32::from(byte >> (within % 64 / 32 * 4) & 15) - min
            }
            Dtype::Q5K => {
                let byte = self.byte(0, 128 * block + within / 64 * 32 + within % 32);
                let fifth = self.byte(1, 32 * block + within % 32) >> (within / 32) & 1;
                let (scale, min) = self.scale_min(2, 16 * block, within / 32);
                scale * f32::from(byte >> (within % 64 / 32 * 4) & 15 | fifth << 4) - min
            }
            Dtype::Q6K => {
                let low = self.byte(0, 128 * block + 64 * half + quarter % 2 * 32 + within % 32);
                let high = self.byte(1, 64 * block + 32 * half + within % 32);
                let code = low >> (quarter / 2 * 4) & 15 | (high >> (2 * quarter) & 3) << 4;
                let scale = self.f16(3, 2 * block) * self.i8(2, 16 * block + within / 16);
                scale * (f32::from(code) - 32.0)
            }
            Dtype::IQ4NL => self.f16(1, 2 * unit) * f32::from(IQ4[usize::from(self.nibble32(col))]),
            Dtype::IQ4XS => {
                // The blocks of 32 follow one another through the super-blocks.
                let sub_block = within / 32;
                let low = self.byte(1, 8 * block + 4 + sub_block / 2) >> (sub_block % 2 * 4) & 15;
                let high = (self.u16(1, 8 * block + 2) >> (2 * sub_block) & 3) as u8;
                let scale = self.f16(1, 8 * block) * (f32::from(low | high << 4) - 32.0);
                scale * f32::from(IQ4[usize::from(self.nibble32(col))])
            }
            Dtype::MXFP4 => {
                let exponent = i32::from(self.byte(1, unit)) - 128;
                (f64::from(FP4[usize::from(self.nibble32(col))]) * 2f64.powi(exponent)) as f32
            }
            other => panic!("{} has no layout", other.name()),
        }
    }
}

#[test]
fn rearranged_rows_hold_the_weights_of_the_file() {
    let mut checked = 0;
    for &dtype in Dtype::ALL.iter().filter(|&&dtype| Layout::supports(dtype)) {
        // Sections that end within 16 bytes, and dense rows that end within a unit.
        for blocks in [1, 3, 16, 44] {
            let cols = blocks * dtype.block_len() + if dtype.block_len() == 1 { 9 } else { 0 };
            let layout = Layout::new(dtype, cols).expect("whole blocks");
            assert!(layout.row_bytes.is_multiple_of(16), "{dtype:?}: {}", layout.row_bytes);
            assert!(layout.starts.iter().all(|start| start.is_multiple_of(16)), "{dtype:?}");
            let rows = 3;
            let file = random_bytes(rows * layout.file_row_bytes, cols as u64);
            let mut card = vec![0xAA; rows * layout.row_bytes];
            layout.rearrange(&file, &mut card);
            for (file, card) in file.chunks(layout.file_row_bytes).zip(card.chunks(layout.row_bytes)) {
                let mut want = vec![0.0; cols];
                formats::decode(dtype, file, &mut want);
                let reader = Reader { row: card, starts: layout.starts };
                for (col, &want) in want.iter().enumerate() {
                    let got = reader.weight(dtype, col);
                    let same = got == want || got.is_nan() && want.is_nan();
                    let close = (got - want).abs() <= 1e-5 * want.abs().max(1e-30);
                    assert!(same || close, "{dtype:?}, {cols} columns, column {col}: {got} for {want}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50_000);
}

#[test]
fn every_byte_of_a_file_is_on_the_card_and_the_rest_is_zero() {
    for &dtype in Dtype::ALL.iter().filter(|&&dtype| Layout::supports(dtype)) {
        let cols = 3 * dtype.block_len();
        let layout = Layout::new(dtype, cols).expect("whole blocks");
        let mut card = vec![0xAA; layout.row_bytes];
        layout.rearrange(&vec![1; layout.file_row_bytes], &mut card);
        let (ones, zeros) = card.iter().fold((0, 0), |(ones, zeros), byte| match byte {
            0 => (ones, zeros + 1),
            1 => (ones + 1, zeros),
            other => panic!("{dtype:?}: a byte {other:#x} was left"),
        });
        assert_eq!((ones, ones + zeros), (layout.file_row_bytes, layout.row_bytes), "{dtype:?}");
    }
}

#[test]
fn a_row_that_fits_no_layout_has_none() {
    assert!(Layout::new(Dtype::Q4K, 255).is_none());
    assert!(Layout::new(Dtype::IQ1S, 256).is_none());
}

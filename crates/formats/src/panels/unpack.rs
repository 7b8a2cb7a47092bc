//! How encoded rows become panels: the codes of each format are unpacked as for `planes`, and eight rows at a
//! time are transposed. With AVX2 only, as [`crate::has_planes`] says.
use std::ops::Range;

use super::{PANEL_ROWS, WeightPanel};
use crate::Dtype;

impl WeightPanel {
    /// Unpacks the columns of `blocks`, in blocks of 256, of 16 encoded rows. A last block that is not full
    /// is padded with zeros.
    ///
    /// # Panics
    /// For a format for which [`crate::has_planes`] is false.
    pub fn unpack(&mut self, dtype: Dtype, rows: [&[u8]; PANEL_ROWS], blocks: Range<usize>) {
        self.blocks = blocks;
        #[cfg(target_arch = "x86_64")]
        if crate::has_planes(dtype) {
            // SAFETY: the function includes AVX2, FMA and F16C.
            return unsafe { x86::unpack(self, dtype, rows) };
        }
        let _ = rows;
        panic!("rows of {} are not multiplied in whole numbers", dtype.name());
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::{Line, PAIRS, PANEL_BLOCK, PANEL_ROWS, WeightPanel};
    use crate::Dtype;
    use crate::planes::x86::{Avx2, BlockFormat, SuperFormat, blocks, super_formats};

    /// Rows whose codes are transposed together.
    const EIGHT: usize = 8;

    /// # Safety
    /// The processor has AVX2, FMA and F16C.
    ///
    /// # Panics
    /// For a format that is not multiplied in whole numbers.
    #[target_feature(enable = "avx2,fma,f16c")]
    pub unsafe fn unpack(panel: &mut WeightPanel, dtype: Dtype, rows: [&[u8]; PANEL_ROWS]) {
        match dtype {
            Dtype::Q4_0 => of_blocks(panel, rows, blocks::Q4_0),
            Dtype::Q4_1 => of_blocks(panel, rows, blocks::Q4_1),
            Dtype::Q5_0 => of_blocks(panel, rows, blocks::Q5_0),
            Dtype::Q5_1 => of_blocks(panel, rows, blocks::Q5_1),
            Dtype::Q8_0 => of_blocks(panel, rows, blocks::Q8_0),
            Dtype::IQ4NL => of_blocks(panel, rows, blocks::Iq4Nl),
            Dtype::MXFP4 => of_blocks(panel, rows, blocks::Mxfp4),
            Dtype::Q2K => of_super_blocks(panel, rows, super_formats::Q2K),
            Dtype::Q3K => of_super_blocks(panel, rows, super_formats::Q3K),
            Dtype::Q4K => of_super_blocks(panel, rows, super_formats::Q4K),
            Dtype::Q5K => of_super_blocks(panel, rows, super_formats::Q5K),
            Dtype::Q6K => of_super_blocks(panel, rows, super_formats::Q6K),
            other => panic!("rows of {} are not multiplied in whole numbers", other.name()),
        }
    }

    // SAFETY (of all below): only `unpack` calls these, and includes the instructions; each `transmute` is
    // between types of the same size in which every bit pattern is valid.

    #[inline(always)]
    fn of_super_blocks<const BYTES: usize, F: SuperFormat<BYTES>>(
        panel: &mut WeightPanel,
        rows: [&[u8]; PANEL_ROWS],
        _: F,
    ) {
        let has_mins = F::ZERO == 0;
        panel.resize(F::SUB_BLOCK, has_mins);
        let subs = PANEL_BLOCK / F::SUB_BLOCK;
        for (at, block) in panel.blocks.clone().enumerate() {
            let mut blocks = [&[0; BYTES]; PANEL_ROWS];
            for r in 0..PANEL_ROWS {
                blocks[r] = &rows[r].as_chunks::<BYTES>().0[block];
                let ([scales, mins], [factor, min_factor]) = (F::scales(blocks[r]), F::factors(blocks[r]));
                let (scales, mins) = (times(scales, factor), times(mins, min_factor));
                for sub in 0..subs {
                    panel.scales[at * subs + sub].0[r] = scales[sub];
                    if has_mins {
                        panel.mins[at * subs + sub].0[r] = mins[sub];
                    }
                }
            }
            let values = panel.values[at * PAIRS..].first_chunk_mut().expect("a block of the panel");
            macro_rules! columns {
                ($($k:literal)*) => { $({
                    for first in [0, EIGHT] {
                        let mut codes = [unsafe { _mm256_setzero_si256() }; EIGHT];
                        for r in 0..EIGHT {
                            codes[r] = F::codes::<$k>(blocks[first + r]);
                        }
                        store(codes, F::ZERO, values, 16 * $k, first);
                    }
                })* };
            }
            columns!(0 1 2 3 4 5 6 7);
        }
    }

    #[inline(always)]
    fn of_blocks<const BYTES: usize, F: BlockFormat<BYTES>>(
        panel: &mut WeightPanel,
        rows: [&[u8]; PANEL_ROWS],
        _: F,
    ) {
        let (has_mins, simd) = (F::ZERO == 0, unsafe { Avx2::new() });
        panel.resize(32, has_mins);
        for (at, block) in panel.blocks.clone().enumerate() {
            let mut eights = [[[0; BYTES]; 8]; PANEL_ROWS];
            for r in 0..PANEL_ROWS {
                let stored = &rows[r].as_chunks::<BYTES>().0[8 * block..];
                let count = stored.len().min(8);
                eights[r][..count].copy_from_slice(&stored[..count]);
                let mut factors = [[0; 8]; 2];
                for sub in 0..8 {
                    [factors[0][sub], factors[1][sub]] = F::factors(&eights[r][sub]);
                }
                let [scales, mins] = F::to_f32(simd, factors);
                let (scales, mins) = unsafe {
                    (
                        std::mem::transmute::<__m256, [f32; 8]>(scales),
                        std::mem::transmute::<__m256, [f32; 8]>(mins),
                    )
                };
                for sub in 0..8 {
                    panel.scales[8 * at + sub].0[r] = scales[sub];
                    if has_mins {
                        panel.mins[8 * at + sub].0[r] = mins[sub];
                    }
                }
            }
            let values = panel.values[at * PAIRS..].first_chunk_mut().expect("a block of the panel");
            for k in 0..8 {
                for first in [0, EIGHT] {
                    let mut codes = [unsafe { _mm256_setzero_si256() }; EIGHT];
                    for r in 0..EIGHT {
                        codes[r] = F::codes(simd, &eights[first + r][k]);
                    }
                    store(codes, F::ZERO, values, 16 * k, first);
                }
            }
        }
    }

    /// Signed bytes times `factor`.
    #[inline(always)]
    fn times(bytes: __m128i, factor: __m256) -> [f32; 16] {
        unsafe {
            let low = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes));
            let high = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128::<8>(bytes)));
            std::mem::transmute::<[__m256; 2], [f32; 16]>([
                _mm256_mul_ps(low, factor),
                _mm256_mul_ps(high, factor),
            ])
        }
    }

    /// Stores the codes of 32 columns of eight rows, less `zero`, from pair `pair` and row `row` on.
    #[inline(always)]
    fn store(
        codes: [__m256i; EIGHT],
        zero: i16,
        values: &mut [Line<i16, { 2 * PANEL_ROWS }>; PAIRS],
        pair: usize,
        row: usize,
    ) {
        unsafe {
            let zero = _mm256_set1_epi16(zero);
            let (mut low, mut high) = (codes, codes);
            for r in 0..EIGHT {
                low[r] = _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(codes[r])), zero);
                high[r] =
                    _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm256_extracti128_si256::<1>(codes[r])), zero);
            }
            for (half, rows) in [transpose(low), transpose(high)].into_iter().enumerate() {
                for at in 0..EIGHT {
                    let line = &mut values[pair + EIGHT * half + at].0;
                    let pairs = std::mem::transmute::<__m256i, [i16; 2 * EIGHT]>(rows[at]);
                    line[2 * row..2 * row + 2 * EIGHT].copy_from_slice(&pairs);
                }
            }
        }
    }

    /// Eight rows of eight 32-bit numbers as eight columns.
    #[inline(always)]
    unsafe fn transpose(rows: [__m256i; EIGHT]) -> [__m256i; EIGHT] {
        unsafe {
            let mut twos = rows;
            for at in 0..4 {
                twos[2 * at] = _mm256_unpacklo_epi32(rows[2 * at], rows[2 * at + 1]);
                twos[2 * at + 1] = _mm256_unpackhi_epi32(rows[2 * at], rows[2 * at + 1]);
            }
            // Columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of four rows each.
            let mut fours = twos;
            for half in 0..2 {
                let [a, b, c, d] =
                    [twos[4 * half], twos[4 * half + 1], twos[4 * half + 2], twos[4 * half + 3]];
                fours[4 * half] = _mm256_unpacklo_epi64(a, c);
                fours[4 * half + 1] = _mm256_unpackhi_epi64(a, c);
                fours[4 * half + 2] = _mm256_unpacklo_epi64(b, d);
                fours[4 * half + 3] = _mm256_unpackhi_epi64(b, d);
            }
            let mut columns = fours;
            for at in 0..4 {
                columns[at] = _mm256_permute2x128_si256::<0x20>(fours[at], fours[4 + at]);
                columns[4 + at] = _mm256_permute2x128_si256::<0x31>(fours[at], fours[4 + at]);
            }
            columns
        }
    }
}

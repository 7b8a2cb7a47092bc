//! 16 weight rows times up to eight rows of activations. `scalar` is the definition; the others have its
//! bits, because sums of whole numbers are exact and every f32 step is the same fused operation.
use super::{ActivationPanel, PAIRS, PANEL_BLOCK, PANEL_ROWS, PanelSums, WeightPanel};
#[cfg(target_arch = "x86_64")]
use crate::Isa;

pub fn run(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
    assert!(weights.blocks.end <= x.blocks(), "activations of as many columns");
    #[cfg(target_arch = "x86_64")]
    match Isa::detect() {
        // SAFETY: the instructions were detected.
        Isa::Vnni => return unsafe { x86::vnni(weights, x, sums) },
        // SAFETY: as above.
        Isa::Avx512 => return unsafe { x86::avx512(weights, x, sums) },
        // SAFETY: as above.
        Isa::Avx2 => return unsafe { x86::avx2(weights, x, sums) },
        Isa::Scalar => {}
    }
    scalar(weights, x, sums);
}

/// The definition, for any processor.
pub fn scalar(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
    let (subs, pairs) = (PANEL_BLOCK / weights.sub_block, weights.sub_block / 2);
    for (at, block) in weights.blocks.clone().enumerate() {
        for t in 0..x.rows {
            for r in 0..PANEL_ROWS {
                let mut part = 0.0f32;
                for sub in 0..subs {
                    let mut dot = 0i32;
                    for pair in 0..pairs {
                        let values = &weights.values[at * PAIRS + sub * pairs + pair].0;
                        let [a, b] = x.values[block * PAIRS + sub * pairs + pair][t];
                        dot += i32::from(values[2 * r]) * i32::from(a);
                        dot += i32::from(values[2 * r + 1]) * i32::from(b);
                    }
                    part = (dot as f32).mul_add(weights.scales[at * subs + sub].0[r], part);
                    if let Some(mins) = weights.mins.get(at * subs + sub) {
                        part = (-mins.0[r]).mul_add(x.sums(block, weights.sub_block)[sub][t], part);
                    }
                }
                sums[t][r] = part.mul_add(x.scales[block][t], sums[t][r]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
pub mod x86 {
    use std::arch::x86_64::*;

    use super::super::{
        ACTIVATION_ROWS, ActivationPanel, Line, PAIRS, PANEL_BLOCK, PANEL_ROWS, PanelSums, WeightPanel,
    };

    /// Registers of one width.
    ///
    /// # Safety
    /// All functions need the processor to have the instructions.
    trait Vector: Copy {
        /// Weight rows of a register.
        const ROWS: usize;
        type Int: Copy;
        type Float: Copy;

        unsafe fn zero() -> Self::Int;
        /// Register `at` of a line.
        unsafe fn load_pairs(pairs: &Line<i16, { 2 * PANEL_ROWS }>, at: usize) -> Self::Int;
        /// `sum` plus the products of two columns with those of one row of activations.
        unsafe fn dot(sum: Self::Int, pairs: Self::Int, x: Self::Int) -> Self::Int;
        unsafe fn splat_pair(x: [i16; 2]) -> Self::Int;
        unsafe fn to_f32(sum: Self::Int) -> Self::Float;
        unsafe fn splat(x: f32) -> Self::Float;
        unsafe fn load(values: &[f32; PANEL_ROWS], at: usize) -> Self::Float;
        unsafe fn store(values: &mut [f32; PANEL_ROWS], at: usize, register: Self::Float);
        /// `a * b + c`.
        unsafe fn fma(a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;
        /// `c - a * b`.
        unsafe fn fnma(a: Self::Float, b: Self::Float, c: Self::Float) -> Self::Float;
    }

    macro_rules! vector {
        ($name:ident, $rows:literal, $int:ident, $float:ident, [$zero:ident $set1:ident $to_f32:ident]
         [$splat:ident $fma:ident $fnma:ident],
         |$sum:ident, $pairs:ident, $x:ident| $dot:expr) => {
            #[derive(Clone, Copy)]
            struct $name;

            // SAFETY (of all below): by the contract of the trait; the pointers are to as many values.
            impl Vector for $name {
                const ROWS: usize = $rows;
                type Int = $int;
                type Float = $float;

                #[inline(always)]
                unsafe fn zero() -> $int {
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn load_pairs(pairs: &Line<i16, { 2 * PANEL_ROWS }>, at: usize) -> $int {
                    unsafe {
                        std::mem::transmute::<[i16; 2 * $rows], $int>(
                            pairs.0.as_chunks::<{ 2 * $rows }>().0[at],
                        )
                    }
                }
                #[inline(always)]
                unsafe fn dot($sum: $int, $pairs: $int, $x: $int) -> $int {
                    unsafe { $dot }
                }
                #[inline(always)]
                unsafe fn splat_pair(x: [i16; 2]) -> $int {
                    unsafe { $set1(i32::from(x[0] as u16) | i32::from(x[1]) << 16) }
                }
                #[inline(always)]
                unsafe fn to_f32(sum: $int) -> $float {
                    unsafe { $to_f32(sum) }
                }
                #[inline(always)]
                unsafe fn splat(x: f32) -> $float {
                    unsafe { $splat(x) }
                }
                #[inline(always)]
                unsafe fn load(values: &[f32; PANEL_ROWS], at: usize) -> $float {
                    unsafe { std::mem::transmute::<[f32; $rows], $float>(values.as_chunks::<$rows>().0[at]) }
                }
                #[inline(always)]
                unsafe fn store(values: &mut [f32; PANEL_ROWS], at: usize, register: $float) {
                    values.as_chunks_mut::<$rows>().0[at] =
                        unsafe { std::mem::transmute::<$float, [f32; $rows]>(register) };
                }
                #[inline(always)]
                unsafe fn fma(a: $float, b: $float, c: $float) -> $float {
                    unsafe { $fma(a, b, c) }
                }
                #[inline(always)]
                unsafe fn fnma(a: $float, b: $float, c: $float) -> $float {
                    unsafe { $fnma(a, b, c) }
                }
            }
        };
    }

    vector!(Avx2, 8, __m256i, __m256,
        [_mm256_setzero_si256 _mm256_set1_epi32 _mm256_cvtepi32_ps]
        [_mm256_set1_ps _mm256_fmadd_ps _mm256_fnmadd_ps],
        |sum, pairs, x| _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, x)));
    vector!(Avx512, 16, __m512i, __m512,
        [_mm512_setzero_si512 _mm512_set1_epi32 _mm512_cvtepi32_ps]
        [_mm512_set1_ps _mm512_fmadd_ps _mm512_fnmadd_ps],
        |sum, pairs, x| _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, x)));
    vector!(Vnni, 16, __m512i, __m512,
        [_mm512_setzero_si512 _mm512_set1_epi32 _mm512_cvtepi32_ps]
        [_mm512_set1_ps _mm512_fmadd_ps _mm512_fnmadd_ps],
        |sum, pairs, x| _mm512_dpwssd_epi32(sum, pairs, x));

    /// # Safety
    /// The processor has AVX-512 with VNNI.
    #[target_feature(enable = "avx512vnni,avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub unsafe fn vnni(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
        unsafe { by_rows::<Vnni, 8, 1>(weights, x, sums) }
    }

    /// # Safety
    /// The processor has AVX-512 with BW.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub unsafe fn avx512(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
        unsafe { by_rows::<Avx512, 8, 1>(weights, x, sums) }
    }

    /// # Safety
    /// The processor has AVX2 and FMA.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn avx2(weights: &WeightPanel, x: &ActivationPanel, sums: &mut PanelSums) {
        unsafe { by_rows::<Avx2, 4, 2>(weights, x, sums) }
    }

    /// At most `MOST` rows of activations at a time: their sums stay in registers.
    #[inline(always)]
    unsafe fn by_rows<V: Vector, const MOST: usize, const REGISTERS: usize>(
        weights: &WeightPanel,
        x: &ActivationPanel,
        sums: &mut PanelSums,
    ) {
        let mut first = 0;
        while first < x.rows {
            let rest = (x.rows - first).min(MOST);
            // SAFETY: by the contract of the callers.
            unsafe {
                match rest {
                    1 => by_format::<V, REGISTERS, 1>(weights, x, first, sums),
                    2 => by_format::<V, REGISTERS, 2>(weights, x, first, sums),
                    3 | 4 => by_format::<V, REGISTERS, 4>(weights, x, first, sums),
                    // Rows that are not there are zeros.
                    _ => by_format::<V, REGISTERS, 8>(weights, x, first, sums),
                }
            }
            first += rest;
        }
    }

    #[inline(always)]
    unsafe fn by_format<V: Vector, const REGISTERS: usize, const T: usize>(
        weights: &WeightPanel,
        x: &ActivationPanel,
        first: usize,
        sums: &mut PanelSums,
    ) {
        // SAFETY: by the contract of the callers.
        unsafe {
            match (weights.sub_block, weights.mins.is_empty()) {
                (16, true) => product::<V, REGISTERS, T, 8, false>(weights, x, first, sums),
                (16, false) => product::<V, REGISTERS, T, 8, true>(weights, x, first, sums),
                (_, true) => product::<V, REGISTERS, T, 16, false>(weights, x, first, sums),
                (_, false) => product::<V, REGISTERS, T, 16, true>(weights, x, first, sums),
            }
        }
    }

    /// `T` rows of activations from `first` on; `SUB` pairs of columns have one scale. The weight rows fill
    /// `REGISTERS`.
    #[inline(always)]
    unsafe fn product<
        V: Vector,
        const REGISTERS: usize,
        const T: usize,
        const SUB: usize,
        const MINS: bool,
    >(
        weights: &WeightPanel,
        x: &ActivationPanel,
        first: usize,
        sums: &mut PanelSums,
    ) {
        assert!(first + T <= ACTIVATION_ROWS && REGISTERS * V::ROWS == PANEL_ROWS);
        let subs = PANEL_BLOCK / (2 * SUB);
        let blocks = weights.blocks.len();
        let values = &weights.values.as_chunks::<SUB>().0[..blocks * subs];
        let scales = &weights.scales[..blocks * subs];
        let mins = if MINS { &weights.mins[..blocks * subs] } else { &[][..] };
        let x_values = &x.values[weights.blocks.start * PAIRS..].as_chunks::<SUB>().0[..blocks * subs];
        let x_scales = &x.scales[weights.blocks.clone()];
        let x_sums = &x.sums(weights.blocks.start, 2 * SUB)[..blocks * subs];
        // Loads through pointers are checked in debug builds, so everything is read by value.
        // SAFETY: by the contract of the callers.
        unsafe {
            let mut totals = [[V::splat(0.0); REGISTERS]; T];
            for t in 0..T {
                for r in 0..REGISTERS {
                    totals[t][r] = V::load(&sums[first + t], r);
                }
            }
            for at in 0..blocks {
                let mut parts = [[V::splat(0.0); REGISTERS]; T];
                for sub in at * subs..(at + 1) * subs {
                    let mut dots = [[V::zero(); REGISTERS]; T];
                    for (line, x) in values[sub].iter().zip(&x_values[sub]) {
                        let mut pairs = [V::zero(); REGISTERS];
                        for r in 0..REGISTERS {
                            pairs[r] = V::load_pairs(line, r);
                        }
                        for t in 0..T {
                            let x = V::splat_pair(x[first + t]);
                            for r in 0..REGISTERS {
                                dots[t][r] = V::dot(dots[t][r], pairs[r], x);
                            }
                        }
                    }
                    for r in 0..REGISTERS {
                        let scale = V::load(&scales[sub].0, r);
                        for t in 0..T {
                            parts[t][r] = V::fma(V::to_f32(dots[t][r]), scale, parts[t][r]);
                        }
                        if MINS {
                            let min = V::load(&mins[sub].0, r);
                            for t in 0..T {
                                let of_x = V::splat(x_sums[sub][first + t]);
                                parts[t][r] = V::fnma(min, of_x, parts[t][r]);
                            }
                        }
                    }
                }
                for t in 0..T {
                    let scale = V::splat(x_scales[at][first + t]);
                    for r in 0..REGISTERS {
                        totals[t][r] = V::fma(parts[t][r], scale, totals[t][r]);
                    }
                }
            }
            for t in 0..T {
                for r in 0..REGISTERS {
                    V::store(&mut sums[first + t], r, totals[t][r]);
                }
            }
        }
    }
}

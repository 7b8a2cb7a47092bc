//! Packing into the order of AMX tiles. An A tile is 16 rows of 32 values; a B tile is 16 rows of 16 pairs, a
//! pair being two consecutive values of a column (VNNI order). The end of each row is padded with zeros;
//! missing rows and columns keep old values, and the output of those is not used.
use formats::LANES;

use super::{PackedMatrix, TILE_K, TILE_LEN, TILE_N};

/// Splits f32 values into bf16 terms: the value rounded, then each remainder rounded. Callers must have
/// AVX-512 with bf16, which `available` includes.
#[inline(always)]
fn split_terms<const TERMS: usize>(values: [f32; LANES]) -> [[u16; LANES]; TERMS] {
    use std::arch::x86_64::{
        __m256bh, __m256i, __m512, _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh,
        _mm512_slli_epi32, _mm512_sub_ps,
    };
    let mut terms = [[0; LANES]; TERMS];
    // SAFETY: `available` includes these instructions; each `transmute` is between types of the same size in
    // which every bit pattern is valid.
    unsafe {
        let mut rest = std::mem::transmute::<[f32; LANES], __m512>(values);
        for term in &mut terms {
            let halves = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(rest));
            *term = std::mem::transmute::<__m256i, [u16; LANES]>(halves);
            let rounded = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves));
            rest = _mm512_sub_ps(rest, _mm512_castsi512_ps(rounded));
        }
    }
    terms
}

/// The first 16 of `values` times `scale`, padded with zeros.
#[inline(always)]
fn load16(values: &[f32], scale: f32) -> [f32; LANES] {
    let mut out = [0.0; LANES];
    match values.first_chunk::<LANES>() {
        Some(values) => out = *values,
        None => out[..values.len()].copy_from_slice(values),
    }
    for value in &mut out {
        *value *= scale;
    }
    out
}

/// Tiles along K for rows of `values` values.
pub fn k_tiles(values: usize) -> usize {
    values.div_ceil(TILE_K)
}

/// Packs row `r` of 16 of A, times `scale`, into its block `out` [K tiles, TERMS, 16, 32].
#[inline(always)]
pub fn pack_row<const TERMS: usize>(values: &[f32], scale: f32, r: usize, out: &mut [u16]) {
    for (tiles, values) in out.chunks_exact_mut(TERMS * TILE_LEN).zip(values.chunks(TILE_K)) {
        let (low, high) = values.split_at(values.len().min(LANES));
        let (low, high) =
            (split_terms::<TERMS>(load16(low, scale)), split_terms::<TERMS>(load16(high, scale)));
        for (term, tile) in tiles.chunks_exact_mut(TILE_LEN).enumerate() {
            tile[r * TILE_K..][..LANES].copy_from_slice(&low[term]);
            tile[r * TILE_K + LANES..][..LANES].copy_from_slice(&high[term]);
        }
    }
}

/// Packs up to 16 rows of A into their block.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
pub fn pack_rows<'a, const TERMS: usize>(rows: impl Iterator<Item = &'a [f32]>, out: &mut [u16]) {
    for (r, values) in rows.enumerate() {
        pack_row::<TERMS>(values, 1.0, r, out);
    }
}

/// Packs 16 columns of B, each given as a slice, into their block `out` [K tiles, TERMS, 16, 16, 2].
/// `staging` is scratch memory.
#[inline(always)]
pub fn pack_columns<'a, const TERMS: usize>(
    values: impl Iterator<Item = &'a [f32]>,
    staging: &mut PackedMatrix,
    out: &mut [u16],
) {
    let width = out.len() / (TERMS * TILE_LEN) * TILE_K;
    // [TERMS, 16, width]; missing columns keep old values.
    staging.resize(TERMS * TILE_N * width);
    for (column, values) in values.enumerate() {
        for at in 0..width / LANES {
            let terms = split_terms::<TERMS>(load16(values.get(at * LANES..).unwrap_or_default(), 1.0));
            for (staged, term) in staging.chunks_exact_mut(TILE_N * width).zip(&terms) {
                staged[column * width + at * LANES..][..LANES].copy_from_slice(term);
            }
        }
    }
    for (term, staged) in staging.chunks_exact(TILE_N * width).enumerate() {
        for (at, tile) in out.chunks_exact_mut(TILE_LEN).skip(term).step_by(TERMS).enumerate() {
            transpose_pairs(&staged[at * TILE_K..], width, tile);
        }
    }
}

/// Packs 16 columns of B, each given as little-endian bf16 bytes, into their block `out`
/// [K tiles, 16, 16, 2].
#[inline(always)]
pub fn pack_bf16_columns<'a>(
    bytes: impl Iterator<Item = &'a [u8]>,
    staging: &mut PackedMatrix,
    out: &mut [u16],
) {
    let width = out.len() / TILE_LEN * TILE_K;
    staging.resize(TILE_N * width);
    // Zeros for the padding at the end of each row, also of missing ones.
    staging.chunks_exact_mut(width).for_each(|row| row[width - TILE_K..].fill(0));
    for (staged, bytes) in staging.chunks_exact_mut(width).zip(bytes) {
        let halves = bytes.as_chunks::<2>().0;
        staged.iter_mut().zip(halves).for_each(|(half, bytes)| *half = u16::from_le_bytes(*bytes));
    }
    for (at, tile) in out.chunks_exact_mut(TILE_LEN).enumerate() {
        transpose_pairs(&staging[at * TILE_K..], width, tile);
    }
}

/// Packs rows `t, t + 1` of B, given row-major, into `out` [K tiles][column blocks][TERMS, 16, 16, 2].
#[inline(always)]
pub fn pack_row_pair<'a, const TERMS: usize>(t: usize, pair: [&'a [f32]; 2], blocks: usize, out: &mut [u16]) {
    let (at, tile_row) = (t / TILE_K, t % TILE_K / 2);
    let tiles = &mut out[at * blocks * TERMS * TILE_LEN..][..blocks * TERMS * TILE_LEN];
    for (block, tiles) in tiles.chunks_exact_mut(TERMS * TILE_LEN).enumerate() {
        let own = |row: &'a [f32]| row.get(block * TILE_N..).unwrap_or_default();
        let (even, odd) = (load16(own(pair[0]), 1.0), load16(own(pair[1]), 1.0));
        let (even, odd) = (split_terms::<TERMS>(even), split_terms::<TERMS>(odd));
        for (term, tile) in tiles.chunks_exact_mut(TILE_LEN).enumerate() {
            let tile_row = tile[tile_row * TILE_K..].first_chunk_mut::<TILE_K>().expect("a tile has 16 rows");
            for column in 0..TILE_N {
                (tile_row[2 * column], tile_row[2 * column + 1]) = (even[term][column], odd[term][column]);
            }
        }
    }
}

/// Transposes 16 rows of 16 pairs, `stride` values apart: row `c` of the input becomes column `c` of pairs.
#[inline(always)]
fn transpose_pairs(rows: &[u16], stride: usize, out: &mut [u16]) {
    let mut lines = [&[0; TILE_K]; TILE_N];
    for (r, line) in lines.iter_mut().enumerate() {
        *line = rows[r * stride..].first_chunk().expect("a row has 32 values");
    }
    let out: &mut [u16; TILE_LEN] = out.first_chunk_mut().expect("a tile");
    // SAFETY: packing requires AMX, and `available` includes AVX-512.
    unsafe { transpose_avx512(lines, out) };
}

#[target_feature(enable = "avx512f")]
fn transpose_avx512(rows: [&[u16; TILE_K]; TILE_N], out: &mut [u16; TILE_LEN]) {
    use std::arch::x86_64::{
        __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    };
    // Loops, because a closure passed to `map` is not compiled with AVX-512.
    // SAFETY: every bit pattern is a valid register.
    let mut lines: [__m512i; TILE_N] = unsafe { std::mem::zeroed() };
    for (line, row) in lines.iter_mut().zip(rows) {
        // SAFETY: both are 64 bytes, and every bit pattern is valid in both.
        *line = unsafe { std::mem::transmute::<[u16; TILE_K], __m512i>(*row) };
    }
    let rows = lines;
    let mut by_two = rows;
    for pair in 0..8 {
        by_two[2 * pair] = _mm512_unpacklo_epi32(rows[2 * pair], rows[2 * pair + 1]);
        by_two[2 * pair + 1] = _mm512_unpackhi_epi32(rows[2 * pair], rows[2 * pair + 1]);
    }
    // Register c of each four: column c of each quarter of four rows.
    let mut by_four = by_two;
    for four in 0..4 {
        for half in 0..2 {
            let (a, b) = (by_two[4 * four + half], by_two[4 * four + 2 + half]);
            by_four[4 * four + 2 * half] = _mm512_unpacklo_epi64(a, b);
            by_four[4 * four + 2 * half + 1] = _mm512_unpackhi_epi64(a, b);
        }
    }
    for column in 0..4 {
        let (a, b, c, d) = (by_four[column], by_four[4 + column], by_four[8 + column], by_four[12 + column]);
        let (ab_even, ab_odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xDD>(a, b));
        let (cd_even, cd_odd) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xDD>(c, d));
        let transposed = [
            _mm512_shuffle_i32x4::<0x88>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0x88>(ab_odd, cd_odd),
            _mm512_shuffle_i32x4::<0xDD>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0xDD>(ab_odd, cd_odd),
        ];
        for (quarter, line) in transposed.into_iter().enumerate() {
            // SAFETY: both are 64 bytes, and every bit pattern is valid in both.
            let line = unsafe { std::mem::transmute::<__m512i, [u16; TILE_K]>(line) };
            out[(4 * quarter + column) * TILE_K..][..TILE_K].copy_from_slice(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::amx::available;

    #[test]
    fn a_transposed_tile_has_its_rows_as_columns() {
        if !available() {
            return eprintln!("skipped: no AMX here");
        }
        let rows: Vec<u16> = (0..16 * 40).collect();
        let mut tile = vec![0; TILE_LEN];
        transpose_pairs(&rows, 40, &mut tile);
        for (line, column) in (0..16).flat_map(|line| (0..16).map(move |column| (line, column))) {
            let pair = &tile[line * TILE_K + 2 * column..][..2];
            assert_eq!(pair, &rows[column * 40 + 2 * line..][..2], "{line} {column}");
        }
    }

    #[test]
    fn two_terms_keep_sixteen_bits_and_three_keep_all() {
        if !available() {
            return eprintln!("skipped: no AMX here");
        }
        #[target_feature(enable = "avx512f,avx512bf16")]
        fn reconstruct<const TERMS: usize>(x: f32) -> f32 {
            let terms = split_terms::<TERMS>([x; LANES]);
            terms.iter().rev().map(|term| f32::from_bits(u32::from(term[5]) << 16)).sum()
        }
        for x in [1.0f32, -3.3, 1e-20, 0.1, 12345.678, -0.0, 16_777_215.0] {
            // SAFETY: `available` includes both features.
            let (two, three) = unsafe { (reconstruct::<2>(x), reconstruct::<3>(x)) };
            assert!((two - x).abs() <= x.abs() * 2f32.powi(-16), "{x}");
            assert_eq!(three, x);
        }
    }
}

//! Numbers in the order in which tiles take them. Of a matrix of rows that are multiplied, a tile has 16 rows and 32 numbers of each;
//! of the matrix that they meet, two numbers of each of 16 columns lie together. The end of each row is filled up with zeros; rows and
//! columns that are missing give numbers that nobody reads.
use super::{DEPTH, Packed, SIDE, TILE};

/// The parts of numbers: each rounded to bf16, and each rest rounded to bf16. Whoever packs has tiles, and whoever has tiles has
/// AVX-512 with bf16 (`available`).
#[inline(always)]
fn parts<const TERMS: usize>(numbers: [f32; SIDE]) -> [[u16; SIDE]; TERMS] {
    use std::arch::x86_64::{
        __m256bh, __m256i, __m512, _mm512_castsi512_ps, _mm512_cvtepu16_epi32, _mm512_cvtneps_pbh,
        _mm512_slli_epi32, _mm512_sub_ps,
    };
    let mut parts = [[0; SIDE]; TERMS];
    // SAFETY: the processor has these, and registers are as long as what they are made of.
    unsafe {
        let mut rest = std::mem::transmute::<[f32; SIDE], __m512>(numbers);
        for part in &mut parts {
            let halves = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(rest));
            *part = std::mem::transmute::<__m256i, [u16; SIDE]>(halves);
            let taken = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves));
            rest = _mm512_sub_ps(rest, _mm512_castsi512_ps(taken));
        }
    }
    parts
}

/// The first of `numbers`, times `scale`, and zeros where there are too few.
#[inline(always)]
fn first(numbers: &[f32], scale: f32) -> [f32; SIDE] {
    let mut out = [0.0; SIDE];
    match numbers.first_chunk::<SIDE>() {
        Some(numbers) => out = *numbers,
        None => out[..numbers.len()].copy_from_slice(numbers),
    }
    for number in &mut out {
        *number *= scale;
    }
    out
}

/// Tiles along the depth for numbers of one row.
pub fn depth_of(numbers: usize) -> usize {
    numbers.div_ceil(DEPTH)
}

/// Writes row `r` of 16 into the tiles of its block `out` [depth, TERMS, 16, 32].
#[inline(always)]
pub fn row<const TERMS: usize>(numbers: &[f32], scale: f32, r: usize, out: &mut [u16]) {
    for (tiles, numbers) in out.chunks_exact_mut(TERMS * TILE).zip(numbers.chunks(DEPTH)) {
        let (low, high) = numbers.split_at(numbers.len().min(SIDE));
        let (low, high) = (parts::<TERMS>(first(low, scale)), parts::<TERMS>(first(high, scale)));
        for (part, tile) in tiles.chunks_exact_mut(TILE).enumerate() {
            tile[r * DEPTH..][..SIDE].copy_from_slice(&low[part]);
            tile[r * DEPTH + SIDE..][..SIDE].copy_from_slice(&high[part]);
        }
    }
}

/// Writes up to 16 rows into the tiles of their block.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
pub fn rows<'a, const TERMS: usize>(rows: impl Iterator<Item = &'a [f32]>, out: &mut [u16]) {
    for (r, numbers) in rows.enumerate() {
        row::<TERMS>(numbers, 1.0, r, out);
    }
}

/// Writes 16 columns, each a run of `numbers` [16][count], into their block `out` [depth, TERMS, 16, 16, 2].
/// `staging` is what it needs.
#[inline(always)]
pub fn columns_in_parts<'a, const TERMS: usize>(
    numbers: impl Iterator<Item = &'a [f32]>,
    staging: &mut Packed,
    out: &mut [u16],
) {
    let width = out.len() / (TERMS * TILE) * DEPTH;
    // [TERMS, 16, width]; columns that are missing keep what was there.
    staging.resize(TERMS * SIDE * width);
    for (column, numbers) in numbers.enumerate() {
        for at in 0..width / SIDE {
            let parts = parts::<TERMS>(first(numbers.get(at * SIDE..).unwrap_or_default(), 1.0));
            for (staged, part) in staging.chunks_exact_mut(SIDE * width).zip(&parts) {
                staged[column * width + at * SIDE..][..SIDE].copy_from_slice(part);
            }
        }
    }
    for (part, staged) in staging.chunks_exact(SIDE * width).enumerate() {
        for (at, tile) in out.chunks_exact_mut(TILE).skip(part).step_by(TERMS).enumerate() {
            turn(&staged[at * DEPTH..], width, tile);
        }
    }
}

/// Writes 16 columns, each little-endian bf16 numbers, into their block `out` [depth, 16, 16, 2].
#[inline(always)]
pub fn columns_of_bf16<'a>(bytes: impl Iterator<Item = &'a [u8]>, staging: &mut Packed, out: &mut [u16]) {
    let width = out.len() / TILE * DEPTH;
    staging.resize(SIDE * width);
    // Rows that are missing, and the end of each row.
    staging.chunks_exact_mut(width).for_each(|row| row[width - DEPTH..].fill(0));
    for (staged, bytes) in staging.chunks_exact_mut(width).zip(bytes) {
        let halves = bytes.as_chunks::<2>().0;
        staged.iter_mut().zip(halves).for_each(|(half, bytes)| *half = u16::from_le_bytes(*bytes));
    }
    for (at, tile) in out.chunks_exact_mut(TILE).enumerate() {
        turn(&staging[at * DEPTH..], width, tile);
    }
}

/// Writes rows `t, t + 1` of a matrix whose *columns* are multiplied into `out` [depth][blocks of columns][TERMS, 16, 16, 2].
#[inline(always)]
pub fn pair_of_rows<'a, const TERMS: usize>(t: usize, pair: [&'a [f32]; 2], blocks: usize, out: &mut [u16]) {
    let (at, line) = (t / DEPTH, t % DEPTH / 2);
    let tiles = &mut out[at * blocks * TERMS * TILE..][..blocks * TERMS * TILE];
    for (block, tiles) in tiles.chunks_exact_mut(TERMS * TILE).enumerate() {
        let own = |row: &'a [f32]| row.get(block * SIDE..).unwrap_or_default();
        let (even, odd) = (first(own(pair[0]), 1.0), first(own(pair[1]), 1.0));
        let (even, odd) = (parts::<TERMS>(even), parts::<TERMS>(odd));
        for (part, tile) in tiles.chunks_exact_mut(TILE).enumerate() {
            let line = tile[line * DEPTH..].first_chunk_mut::<DEPTH>().expect("a tile has sixteen lines");
            for column in 0..SIDE {
                (line[2 * column], line[2 * column + 1]) = (even[part][column], odd[part][column]);
            }
        }
    }
}

/// 16 rows of 32 numbers, `stride` apart, to 16 rows of 16 pairs: pair after pair of each row becomes a column.
#[inline(always)]
fn turn(rows: &[u16], stride: usize, out: &mut [u16]) {
    let mut lines = [&[0; DEPTH]; SIDE];
    for (r, line) in lines.iter_mut().enumerate() {
        *line = rows[r * stride..].first_chunk().expect("a row has its tile");
    }
    let out: &mut [u16; TILE] = out.first_chunk_mut().expect("a tile");
    // SAFETY: whoever packs has tiles, and whoever has tiles has AVX-512 (`available`).
    unsafe { turn_in_registers(lines, out) };
}

#[target_feature(enable = "avx512f")]
fn turn_in_registers(rows: [&[u16; DEPTH]; SIDE], out: &mut [u16; TILE]) {
    use std::arch::x86_64::{
        __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    };
    // Loops, because what a closure holds stays behind when it is given to `map`.
    // SAFETY: all numbers of a register may be 0.
    let mut lines: [__m512i; SIDE] = unsafe { std::mem::zeroed() };
    for (line, row) in lines.iter_mut().zip(rows) {
        // SAFETY: both are 64 bytes, and any of them are numbers.
        *line = unsafe { std::mem::transmute::<[u16; DEPTH], __m512i>(*row) };
    }
    let rows = lines;
    let mut twos = rows;
    for pair in 0..8 {
        twos[2 * pair] = _mm512_unpacklo_epi32(rows[2 * pair], rows[2 * pair + 1]);
        twos[2 * pair + 1] = _mm512_unpackhi_epi32(rows[2 * pair], rows[2 * pair + 1]);
    }
    // Column c of each quarter of a register, of four rows.
    let mut fours = twos;
    for four in 0..4 {
        for half in 0..2 {
            let (a, b) = (twos[4 * four + half], twos[4 * four + 2 + half]);
            fours[4 * four + 2 * half] = _mm512_unpacklo_epi64(a, b);
            fours[4 * four + 2 * half + 1] = _mm512_unpackhi_epi64(a, b);
        }
    }
    for column in 0..4 {
        let (a, b, c, d) = (fours[column], fours[4 + column], fours[8 + column], fours[12 + column]);
        let (ab_even, ab_odd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xDD>(a, b));
        let (cd_even, cd_odd) = (_mm512_shuffle_i32x4::<0x88>(c, d), _mm512_shuffle_i32x4::<0xDD>(c, d));
        let turned = [
            _mm512_shuffle_i32x4::<0x88>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0x88>(ab_odd, cd_odd),
            _mm512_shuffle_i32x4::<0xDD>(ab_even, cd_even),
            _mm512_shuffle_i32x4::<0xDD>(ab_odd, cd_odd),
        ];
        for (quarter, line) in turned.into_iter().enumerate() {
            // SAFETY: as above.
            let line = unsafe { std::mem::transmute::<__m512i, [u16; DEPTH]>(line) };
            out[(4 * quarter + column) * DEPTH..][..DEPTH].copy_from_slice(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::amx::available;

    #[test]
    fn a_turned_tile_has_its_rows_as_columns() {
        if !available() {
            return eprintln!("skipped: no AMX here");
        }
        let rows: Vec<u16> = (0..16 * 40).collect();
        let mut tile = vec![0; TILE];
        turn(&rows, 40, &mut tile);
        for (line, column) in (0..16).flat_map(|line| (0..16).map(move |column| (line, column))) {
            let pair = &tile[line * DEPTH + 2 * column..][..2];
            assert_eq!(pair, &rows[column * 40 + 2 * line..][..2], "{line} {column}");
        }
    }

    #[test]
    fn two_parts_keep_sixteen_bits_and_three_keep_all() {
        if !available() {
            return eprintln!("skipped: no AMX here");
        }
        #[target_feature(enable = "avx512f,avx512bf16")]
        fn compiled<const TERMS: usize>(x: f32) -> f32 {
            let parts = parts::<TERMS>([x; SIDE]);
            parts.iter().rev().map(|part| f32::from_bits(u32::from(part[5]) << 16)).sum()
        }
        for x in [1.0f32, -3.3, 1e-20, 0.1, 12345.678, -0.0, 16_777_215.0] {
            // SAFETY: AMX comes with both (`available`).
            let (two, three) = unsafe { (compiled::<2>(x), compiled::<3>(x)) };
            assert!((two - x).abs() <= x.abs() * 2f32.powi(-16), "{x}");
            assert_eq!(three, x);
        }
    }
}

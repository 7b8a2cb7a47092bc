//! Numbers in the order in which tiles take them. Of a matrix of rows that are multiplied, a tile has 16 rows and 32 numbers of each;
//! of the matrix that they meet, two numbers of each of 16 columns lie together. The end of each row is filled up with zeros; rows and
//! columns that are missing give numbers that nobody reads.
use super::{DEPTH, Packed, SIDE, TILE};

/// The two parts of a number: rounded to bf16, and the rest rounded to bf16.
#[inline(always)]
fn parts(x: f32) -> [u16; 2] {
    let high = rounded(x);
    [high, rounded(x - f32::from_bits(u32::from(high) << 16))]
}

/// To the nearest bf16, of two as near to the even one.
#[inline(always)]
fn rounded(x: f32) -> u16 {
    let bits = x.to_bits();
    (bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16) as u16
}

/// Tiles along the depth for numbers of one row.
pub fn depth_of(numbers: usize) -> usize {
    numbers.div_ceil(DEPTH)
}

/// Writes row `r` of 16 into the tiles of its block `out` [depth, 2, 16, 32], in two parts.
#[inline(always)]
pub fn row(numbers: &[f32], scale: f32, r: usize, out: &mut [u16]) {
    for (tiles, numbers) in out.chunks_exact_mut(2 * TILE).zip(numbers.chunks(DEPTH)) {
        let (high, low) = tiles.split_at_mut(TILE);
        let (high, low) = (&mut high[r * DEPTH..][..DEPTH], &mut low[r * DEPTH..][..DEPTH]);
        // The room may have been used before.
        high[numbers.len()..].fill(0);
        low[numbers.len()..].fill(0);
        for ((high, low), x) in high.iter_mut().zip(low).zip(numbers) {
            [*high, *low] = parts(*x * scale);
        }
    }
}

/// Writes 16 columns, each a run of `numbers` [16][count], into their block `out` [depth, 2, 16, 16, 2], in two parts.
/// `staging` is what it needs.
#[inline(always)]
pub fn columns_in_parts<'a>(numbers: impl Iterator<Item = &'a [f32]>, staging: &mut Packed, out: &mut [u16]) {
    let width = out.len() / (2 * TILE) * DEPTH;
    staging.resize(2 * SIDE * width);
    staging.fill(0);
    let (high, low) = staging.split_at_mut(SIDE * width);
    for (column, numbers) in numbers.enumerate() {
        let (high, low) = (&mut high[column * width..][..width], &mut low[column * width..][..width]);
        for ((high, low), x) in high.iter_mut().zip(low).zip(numbers) {
            [*high, *low] = parts(*x);
        }
    }
    for (part, staged) in [high, low].into_iter().enumerate() {
        for (at, tile) in out.chunks_exact_mut(TILE).skip(part).step_by(2).enumerate() {
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

/// Writes rows `first, first + 1` of a matrix whose *columns* are multiplied into `out` [blocks of columns][depth, 2, 16, 16, 2].
#[inline(always)]
pub fn pair_of_rows(first: usize, pair: [&[f32]; 2], depth: usize, out: &mut [u16]) {
    let (at, line) = (first / DEPTH, first % DEPTH / 2);
    for (block, tiles) in out.chunks_exact_mut(depth * 2 * TILE).enumerate() {
        let (high, low) = tiles[at * 2 * TILE..][..2 * TILE].split_at_mut(TILE);
        let (high, low) = (&mut high[line * DEPTH..][..DEPTH], &mut low[line * DEPTH..][..DEPTH]);
        for (side, row) in pair.into_iter().enumerate() {
            for (column, x) in row.iter().skip(block * SIDE).take(SIDE).enumerate() {
                [high[2 * column + side], low[2 * column + side]] = parts(*x);
            }
        }
    }
}

/// 16 rows of 32 numbers, `stride` apart, to 16 rows of 16 pairs: pair after pair of each row becomes a column.
#[inline(always)]
fn turn(rows: &[u16], stride: usize, out: &mut [u16]) {
    let rows: [&[u16; DEPTH]; SIDE] =
        std::array::from_fn(|r| rows[r * stride..].first_chunk().expect("a row has its tile"));
    let out: &mut [u16; TILE] = out.first_chunk_mut().expect("a tile");
    // SAFETY: whoever packs has tiles, and whoever has tiles has AVX-512 (`available`).
    unsafe { turn_in_registers(rows, out) };
}

#[target_feature(enable = "avx512f")]
fn turn_in_registers(rows: [&[u16; DEPTH]; SIDE], out: &mut [u16; TILE]) {
    use std::arch::x86_64::{
        __m512i, _mm512_shuffle_i32x4, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32,
        _mm512_unpacklo_epi64,
    };
    // SAFETY: both are 64 bytes, and any of them are numbers.
    let load = |row: &[u16; DEPTH]| unsafe { std::mem::transmute::<[u16; DEPTH], __m512i>(*row) };
    let rows = rows.map(load);
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
        let [a, b, c, d] = [0, 4, 8, 12].map(|four| fours[four + column]);
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
    use crate::amx::available;

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
    fn two_parts_keep_sixteen_bits() {
        for x in [1.0f32, -3.3, 1e-20, 0.1, 12345.678, -0.0] {
            let [high, low] = parts(x).map(|part| f32::from_bits(u32::from(part) << 16));
            assert!((high + low - x).abs() <= x.abs() * 2f32.powi(-16), "{x}: {high} {low}");
        }
    }
}

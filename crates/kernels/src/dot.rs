//! The two inner loops of the engine, `sum(a * b)` and `y += a * x`, in the widest registers this processor has.
//!
//! A dot product has the same order of additions however many stand beside it, so the result for one token does not
//! depend on what else is in the batch: speculation and plain decoding agree to the last bit.

use formats::{Dtype, LANES};

/// `N` dot products against the same `x`. Lengths are the caller's contract: the shortest counts.
#[inline]
pub fn dots<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    #[cfg(target_arch = "x86_64")]
    if wide() {
        // SAFETY: `wide` has just seen that the processor has AVX2 and FMA.
        return unsafe { dots_wide(x, rows) };
    }
    dots_in_lanes(x, rows)
}

/// `M * N` dot products, [x][row], each as `dots` gives it: what is loaded once meets several others.
#[inline]
pub fn dot_tile<const M: usize, const N: usize>(x: [&[f32]; M], rows: [&[f32]; N]) -> [[f32; N]; M] {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has AVX-512.
        return unsafe { dot_tile_widest(x, rows) };
    }
    x.map(|x| dots(x, rows))
}

/// `M * N` dot products, [x][row], each as `dots` gives it to the last bit, with rows as they are stored, which are decoded on their
/// way; nothing where `dots` has to meet decoded rows. While it reads, memory is asked for what lies `ahead` bytes after: the rows
/// that come next. All have one length.
#[inline]
pub fn dots_of_stored<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    ahead: usize,
) -> Option<[[f32; N]; M]> {
    let sums = formats::dequant_dot_partial(dtype, x, rows, ahead)?;
    let len = x[0].len();
    let whole = len / LANES * LANES;
    let mut out = [[0.0; N]; M];
    for n in 0..N {
        let mut rest = [0.0; LANES];
        let rest = &mut rest[..len - whole];
        if let Some(start) = dtype.bytes_of(whole).filter(|_| !rest.is_empty()) {
            formats::decode(dtype, &rows[n][start..], rest);
        }
        for m in 0..M {
            out[m][n] = joined(sums[n][m], &x[m][whole..], rest);
        }
    }
    Some(out)
}

/// `y += weights[i] * rows[i * stride ..]` for every weight, in their order.
#[inline]
pub fn add_rows(y: &mut [f32], weights: &[f32], rows: &[f32], stride: usize) {
    #[cfg(target_arch = "x86_64")]
    if wide() {
        // SAFETY: as above.
        return unsafe { add_rows_wide(y, weights, rows, stride) };
    }
    add_in_turn(y, 0, weights, rows, stride);
}

/// `y += a * x`.
#[inline]
pub fn add_scaled(y: &mut [f32], a: f32, x: &[f32]) {
    add_rows(y, &[a], x, x.len().max(1));
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn wide() -> bool {
    std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma")
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dots_wide<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_setzero_ps};
    let len = shortest(x, &rows);
    let whole = len / LANES * LANES;
    // Cut to one length, so that the compiler sees that no index is beyond it.
    let count = whole / LANES;
    let x_runs = &x.as_chunks::<LANES>().0[..count];
    let row_runs = rows.map(|row| &row.as_chunks::<LANES>().0[..count]);
    let (mut low, mut high) = ([_mm256_setzero_ps(); N], [_mm256_setzero_ps(); N]);
    for at in 0..count {
        let (x_low, x_high) = halves(&x_runs[at]);
        for index in 0..N {
            let (row_low, row_high) = halves(&row_runs[index][at]);
            low[index] = _mm256_fmadd_ps(x_low, row_low, low[index]);
            high[index] = _mm256_fmadd_ps(x_high, row_high, high[index]);
        }
    }
    // Plain loops: a closure that borrows the sums would keep them in memory instead of registers.
    let mut out = [0.0; N];
    for index in 0..N {
        let mut sums = [0.0f32; LANES];
        sums[..8].copy_from_slice(&store(low[index]));
        sums[8..].copy_from_slice(&store(high[index]));
        out[index] = joined(sums, &x[whole..len], &rows[index][whole..len]);
    }
    out
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn halves(lanes: &[f32; LANES]) -> (std::arch::x86_64::__m256, std::arch::x86_64::__m256) {
    // SAFETY: both are 64 bytes, and any of them are numbers.
    let [low, high] = unsafe { std::mem::transmute::<[f32; LANES], [std::arch::x86_64::__m256; 2]>(*lanes) };
    (low, high)
}

/// One register holds all lanes of a dot product, and there are enough for sixteen of them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dot_tile_widest<const M: usize, const N: usize>(x: [&[f32]; M], rows: [&[f32]; N]) -> [[f32; N]; M] {
    use std::arch::x86_64::{__m512, _mm512_fmadd_ps, _mm512_setzero_ps};
    // SAFETY (of both): as in `load`, for 64 bytes.
    let load = |numbers: &[f32; LANES]| unsafe { std::mem::transmute::<[f32; LANES], __m512>(*numbers) };
    let store = |register: __m512| unsafe { std::mem::transmute::<__m512, [f32; LANES]>(register) };
    let len = x.iter().fold(shortest(x[0], &rows), |len, x| len.min(x.len()));
    let whole = len / LANES * LANES;
    // Cut to one length, so that the compiler sees that no index is beyond it.
    let count = whole / LANES;
    let x_runs = x.map(|x| &x.as_chunks::<LANES>().0[..count]);
    let row_runs = rows.map(|row| &row.as_chunks::<LANES>().0[..count]);
    let mut sums = [[_mm512_setzero_ps(); N]; M];
    for at in 0..count {
        let row: [__m512; N] = std::array::from_fn(|n| load(&row_runs[n][at]));
        for m in 0..M {
            let x = load(&x_runs[m][at]);
            for n in 0..N {
                sums[m][n] = _mm512_fmadd_ps(x, row[n], sums[m][n]);
            }
        }
    }
    // Plain loops: a closure that borrows the sums would keep them in memory instead of registers.
    let mut out = [[0.0; N]; M];
    for m in 0..M {
        for n in 0..N {
            out[m][n] = joined(store(sums[m][n]), &x[m][whole..len], &rows[n][whole..len]);
        }
    }
    out
}

/// By value, because the loads of `std::arch` check their pointers in every build that is not a release.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn load(numbers: &[f32; 8]) -> std::arch::x86_64::__m256 {
    // SAFETY: both are 32 bytes, and any of them are numbers.
    unsafe { std::mem::transmute(*numbers) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn store(register: std::arch::x86_64::__m256) -> [f32; 8] {
    // SAFETY: as above.
    unsafe { std::mem::transmute(register) }
}

/// What `dots_wide` computes, for the compiler to put into whatever registers there are.
fn dots_in_lanes<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    let len = shortest(x, &rows);
    let whole = len / LANES * LANES;
    rows.map(|row| {
        let mut sums = [0.0f32; LANES];
        for (x, row) in x[..whole].as_chunks::<LANES>().0.iter().zip(row[..whole].as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sums[lane] += x[lane] * row[lane];
            }
        }
        joined(sums, &x[whole..len], &row[whole..len])
    })
}

fn shortest<const N: usize>(x: &[f32], rows: &[&[f32]; N]) -> usize {
    rows.iter().fold(x.len(), |len, row| len.min(row.len()))
}

/// The lanes, halved until one is left, and what did not fill them: in one order everywhere.
#[inline]
fn joined(mut sums: [f32; LANES], x: &[f32], row: &[f32]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0] + x.iter().zip(row).map(|(a, b)| a * b).sum::<f32>()
}

/// A block of sums stays in registers while all rows pass by.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn add_rows_wide(y: &mut [f32], weights: &[f32], rows: &[f32], stride: usize) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    const REGISTERS: usize = 8;
    const BLOCK: usize = 8 * REGISTERS;
    let (blocks, rest) = y.as_chunks_mut::<BLOCK>();
    let mut start = 0;
    for y in blocks {
        let runs = y.as_chunks_mut::<8>().0;
        let mut sums: [_; REGISTERS] = std::array::from_fn(|r| load(&runs[r]));
        for (weight, row) in weights.iter().zip(rows.chunks(stride)) {
            let weight = _mm256_set1_ps(*weight);
            let row = row[start..start + BLOCK].as_chunks::<8>().0;
            for r in 0..REGISTERS {
                sums[r] = _mm256_fmadd_ps(weight, load(&row[r]), sums[r]);
            }
        }
        for r in 0..REGISTERS {
            runs[r] = store(sums[r]);
        }
        start += BLOCK;
    }
    add_in_turn(rest, start, weights, rows, stride);
}

/// One row after the other onto numbers that begin at `start` of each row.
fn add_in_turn(y: &mut [f32], start: usize, weights: &[f32], rows: &[f32], stride: usize) {
    if y.is_empty() {
        return;
    }
    for (weight, row) in weights.iter().zip(rows.chunks(stride)) {
        y.iter_mut().zip(&row[start..]).for_each(|(y, x)| *y += weight * x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::numbers;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        dots(a, [b])[0]
    }

    #[test]
    fn every_length_equals_the_definition_and_company_changes_nothing() {
        for len in [0, 1, 15, 16, 17, 100, 576] {
            let (x, row) = (numbers(len, 1), numbers(len, 2));
            let other = numbers(len, 3);
            let slow: f64 = x.iter().zip(&row).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let fast = dot(&x, &row);
            assert!((f64::from(fast) - slow).abs() < 1e-5, "{len}: {fast} {slow}");
            assert_eq!(dots(&x, [&other, &row, &other, &other])[1].to_bits(), fast.to_bits(), "{len}");
            let tile = dot_tile([&other, &x, &other], [&row, &other]);
            assert_eq!(tile[1][0].to_bits(), fast.to_bits(), "{len}");
            assert_eq!(tile[2][1].to_bits(), dot(&other, &other).to_bits(), "{len}");
            let mut y = other.clone();
            add_scaled(&mut y, 0.5, &x);
            assert!(y.iter().zip(&other).zip(&x).all(|((y, o), x)| (y - (o + 0.5 * x)).abs() < 1e-6));
        }
    }

    #[test]
    fn stored_rows_give_the_same_bits_as_decoded_ones() {
        let dense = [0, 1, 15, 16, 17, 100, 896, 1283];
        let dense =
            [Dtype::F32, Dtype::F16, Dtype::BF16].into_iter().flat_map(|dtype| dense.map(|len| (dtype, len)));
        let blocks = [Dtype::Q8_0, Dtype::Q4K, Dtype::Q6K]
            .into_iter()
            .flat_map(|dtype| [0, 256, 768].map(|len| (dtype, len)));
        for (dtype, len) in dense.chain(blocks) {
            let x = [numbers(len, 1), numbers(len, 6)];
            let rows = [2, 3, 4, 5].map(|seed| {
                let mut bytes = Vec::new();
                formats::encode(dtype, &numbers(len, seed), &mut bytes);
                bytes
            });
            let decoded = rows.each_ref().map(|bytes| {
                let mut row = vec![0.0; len];
                formats::decode(dtype, bytes, &mut row);
                row
            });
            let slow = x.each_ref().map(|x| dots(x, decoded.each_ref().map(Vec::as_slice)).map(f32::to_bits));
            let rows = rows.each_ref().map(Vec::as_slice);
            let fast = dots_of_stored(dtype, x.each_ref().map(Vec::as_slice), rows, 4096);
            #[cfg(target_arch = "x86_64")]
            assert_eq!(fast.is_some(), wide(), "{dtype:?}");
            fast.into_iter()
                .for_each(|fast| assert_eq!(fast.map(|x| x.map(f32::to_bits)), slow, "{dtype:?} {len}"));
        }
    }

    #[test]
    fn the_narrow_form_equals_the_wide_one_within_rounding() {
        let (x, row) = (numbers(777, 4), numbers(777, 5));
        assert!((dots_in_lanes(&x, [&row])[0] - dot(&x, &row)).abs() < 1e-5);
        for width in [1, 63, 64, 130] {
            let (rows, weights) = (numbers(9 * 140, 6), numbers(9, 7));
            let (mut fast, mut slow) = (numbers(width, 8), numbers(width, 8));
            add_rows(&mut fast, &weights, &rows, 140);
            add_in_turn(&mut slow, 0, &weights, &rows, 140);
            crate::testing::close(&fast, &slow, 1e-6);
        }
    }
}

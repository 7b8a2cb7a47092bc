//! The two inner loops of the engine, dot product and axpy (`y += a * x`), for each instruction set.
//!
//! A dot product adds in the same order whether it is computed alone or beside others, so results are
//! batch-invariant: speculative and plain decoding agree bit for bit.

#[cfg(target_arch = "x86_64")]
use formats::Isa;
use formats::{Dtype, LANES};

/// `N` dot products with the same `x`. The shortest slice determines the length.
#[inline]
pub fn dots<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    #[cfg(target_arch = "x86_64")]
    if Isa::detect() >= Isa::Avx2 {
        // SAFETY: AVX2 and FMA were detected.
        return unsafe { dots_avx2(x, rows) };
    }
    dots_scalar(x, rows)
}

/// `M * N` dot products, [x][row], each with the same bits as `dots`: every loaded value is used several
/// times.
#[inline]
pub fn dot_microkernel<const M: usize, const N: usize>(x: [&[f32]; M], rows: [&[f32]; N]) -> [[f32; N]; M] {
    #[cfg(target_arch = "x86_64")]
    if Isa::detect() >= Isa::Avx512 {
        // SAFETY: AVX-512 was detected.
        return unsafe { dot_microkernel_avx512(x, rows) };
    }
    x.map(|x| dots(x, rows))
}

/// `M * N` dot products, [x][row], with encoded rows, each with the same bits as `dots` of the decoded row.
/// `None` when the rows must be decoded first. Prefetches `prefetch_distance` bytes ahead: the rows that come
/// next. All vectors and rows have one length.
#[inline]
pub fn dequant_dot<const M: usize, const N: usize>(
    dtype: Dtype,
    x: [&[f32]; M],
    rows: [&[u8]; N],
    prefetch_distance: usize,
) -> Option<[[f32; N]; M]> {
    let sums = formats::dequant_dot_partial(dtype, x, rows, prefetch_distance)?;
    let len = x[0].len();
    let aligned = len / LANES * LANES;
    let mut out = [[0.0; N]; M];
    for n in 0..N {
        let mut rest = [0.0; LANES];
        let rest = &mut rest[..len - aligned];
        if let Some(start) = dtype.bytes_of(aligned).filter(|_| !rest.is_empty()) {
            formats::decode(dtype, &rows[n][start..], rest);
        }
        for m in 0..M {
            out[m][n] = reduce(sums[n][m], &x[m][aligned..], rest);
        }
    }
    Some(out)
}

/// `y += weights[i] * rows[i * stride ..]` for each weight in order.
#[inline]
pub fn axpy_rows(y: &mut [f32], weights: &[f32], rows: &[f32], stride: usize) {
    #[cfg(target_arch = "x86_64")]
    if Isa::detect() >= Isa::Avx2 {
        // SAFETY: AVX2 and FMA were detected.
        return unsafe { axpy_rows_avx2(y, weights, rows, stride) };
    }
    axpy_rows_scalar(y, 0, weights, rows, stride);
}

/// `y += a * x`.
#[inline]
pub fn axpy(y: &mut [f32], a: f32, x: &[f32]) {
    axpy_rows(y, &[a], x, x.len().max(1));
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn dots_avx2<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_setzero_ps};
    let len = common_len(x, &rows);
    let aligned = len / LANES * LANES;
    // Slices of one length let the compiler drop the bounds checks.
    let count = aligned / LANES;
    let x_chunks = &x.as_chunks::<LANES>().0[..count];
    let row_chunks = rows.map(|row| &row.as_chunks::<LANES>().0[..count]);
    let (mut low, mut high) = ([_mm256_setzero_ps(); N], [_mm256_setzero_ps(); N]);
    for at in 0..count {
        let (x_low, x_high) = load16(&x_chunks[at]);
        for index in 0..N {
            let (row_low, row_high) = load16(&row_chunks[index][at]);
            low[index] = _mm256_fmadd_ps(x_low, row_low, low[index]);
            high[index] = _mm256_fmadd_ps(x_high, row_high, high[index]);
        }
    }
    // Plain loops: a closure that borrows the sums would keep them in memory instead of registers.
    let mut out = [0.0; N];
    for index in 0..N {
        let mut sums = [0.0f32; LANES];
        sums[..8].copy_from_slice(&store8(low[index]));
        sums[8..].copy_from_slice(&store8(high[index]));
        out[index] = reduce(sums, &x[aligned..len], &rows[index][aligned..len]);
    }
    out
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn load16(lanes: &[f32; LANES]) -> (std::arch::x86_64::__m256, std::arch::x86_64::__m256) {
    // SAFETY: both are 64 bytes, and every bit pattern is valid in both.
    let [low, high] = unsafe { std::mem::transmute::<[f32; LANES], [std::arch::x86_64::__m256; 2]>(*lanes) };
    (low, high)
}

/// One register holds all partial sums of a dot product, and 16 dot products fit the register file.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn dot_microkernel_avx512<const M: usize, const N: usize>(
    x: [&[f32]; M],
    rows: [&[f32]; N],
) -> [[f32; N]; M] {
    use std::arch::x86_64::{__m512, _mm512_fmadd_ps, _mm512_setzero_ps};
    // SAFETY (of both): both types are 64 bytes, and every bit pattern is valid in both.
    let load = |values: &[f32; LANES]| unsafe { std::mem::transmute::<[f32; LANES], __m512>(*values) };
    let store = |register: __m512| unsafe { std::mem::transmute::<__m512, [f32; LANES]>(register) };
    let len = x.iter().fold(common_len(x[0], &rows), |len, x| len.min(x.len()));
    let aligned = len / LANES * LANES;
    // Slices of one length let the compiler drop the bounds checks.
    let count = aligned / LANES;
    let x_chunks = x.map(|x| &x.as_chunks::<LANES>().0[..count]);
    let row_chunks = rows.map(|row| &row.as_chunks::<LANES>().0[..count]);
    let mut sums = [[_mm512_setzero_ps(); N]; M];
    for at in 0..count {
        let row: [__m512; N] = std::array::from_fn(|n| load(&row_chunks[n][at]));
        for m in 0..M {
            let x = load(&x_chunks[m][at]);
            for n in 0..N {
                sums[m][n] = _mm512_fmadd_ps(x, row[n], sums[m][n]);
            }
        }
    }
    // Plain loops: a closure that borrows the sums would keep them in memory instead of registers.
    let mut out = [[0.0; N]; M];
    for m in 0..M {
        for n in 0..N {
            out[m][n] = reduce(store(sums[m][n]), &x[m][aligned..len], &rows[n][aligned..len]);
        }
    }
    out
}

/// By value, because the loads of `std::arch` check their pointers in debug builds.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn load8(values: &[f32; 8]) -> std::arch::x86_64::__m256 {
    // SAFETY: both are 32 bytes, and every bit pattern is valid in both.
    unsafe { std::mem::transmute(*values) }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn store8(register: std::arch::x86_64::__m256) -> [f32; 8] {
    // SAFETY: both are 32 bytes, and every bit pattern is valid in both.
    unsafe { std::mem::transmute(register) }
}

/// `dots_avx2` without intrinsics, and without fused multiply-add.
fn dots_scalar<const N: usize>(x: &[f32], rows: [&[f32]; N]) -> [f32; N] {
    let len = common_len(x, &rows);
    let aligned = len / LANES * LANES;
    rows.map(|row| {
        let mut sums = [0.0f32; LANES];
        for (x, row) in x[..aligned].as_chunks::<LANES>().0.iter().zip(row[..aligned].as_chunks::<LANES>().0)
        {
            for lane in 0..LANES {
                sums[lane] += x[lane] * row[lane];
            }
        }
        reduce(sums, &x[aligned..len], &row[aligned..len])
    })
}

fn common_len<const N: usize>(x: &[f32], rows: &[&[f32]; N]) -> usize {
    rows.iter().fold(x.len(), |len, row| len.min(row.len()))
}

/// The sum of the partial sums, by halving, plus the tail that filled no chunk: in the same order everywhere.
#[inline]
fn reduce(mut sums: [f32; LANES], x: &[f32], row: &[f32]) -> f32 {
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0] + x.iter().zip(row).map(|(a, b)| a * b).sum::<f32>()
}

/// A block of `y` stays in registers for all rows.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn axpy_rows_avx2(y: &mut [f32], weights: &[f32], rows: &[f32], stride: usize) {
    use std::arch::x86_64::{_mm256_fmadd_ps, _mm256_set1_ps};
    const REGISTERS: usize = 8;
    const BLOCK: usize = 8 * REGISTERS;
    let (blocks, rest) = y.as_chunks_mut::<BLOCK>();
    let mut start = 0;
    for y in blocks {
        let chunks = y.as_chunks_mut::<8>().0;
        let mut sums: [_; REGISTERS] = std::array::from_fn(|r| load8(&chunks[r]));
        for (weight, row) in weights.iter().zip(rows.chunks(stride)) {
            let weight = _mm256_set1_ps(*weight);
            let row = row[start..start + BLOCK].as_chunks::<8>().0;
            for r in 0..REGISTERS {
                sums[r] = _mm256_fmadd_ps(weight, load8(&row[r]), sums[r]);
            }
        }
        for r in 0..REGISTERS {
            chunks[r] = store8(sums[r]);
        }
        start += BLOCK;
    }
    axpy_rows_scalar(rest, start, weights, rows, stride);
}

/// `axpy_rows` on the elements from `start` of each row on, one row after the other.
fn axpy_rows_scalar(y: &mut [f32], start: usize, weights: &[f32], rows: &[f32], stride: usize) {
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
    use crate::testing::uniform;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        dots(a, [b])[0]
    }

    #[test]
    fn every_length_equals_the_definition_and_is_batch_invariant() {
        for len in [0, 1, 15, 16, 17, 100, 576] {
            let (x, row) = (uniform(len, 1), uniform(len, 2));
            let other = uniform(len, 3);
            let expected: f64 = x.iter().zip(&row).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            let actual = dot(&x, &row);
            assert!((f64::from(actual) - expected).abs() < 1e-5, "{len}: {actual} {expected}");
            assert_eq!(dots(&x, [&other, &row, &other, &other])[1].to_bits(), actual.to_bits(), "{len}");
            let tile = dot_microkernel([&other, &x, &other], [&row, &other]);
            assert_eq!(tile[1][0].to_bits(), actual.to_bits(), "{len}");
            assert_eq!(tile[2][1].to_bits(), dot(&other, &other).to_bits(), "{len}");
            let mut y = other.clone();
            axpy(&mut y, 0.5, &x);
            assert!(y.iter().zip(&other).zip(&x).all(|((y, o), x)| (y - (o + 0.5 * x)).abs() < 1e-6));
        }
    }

    #[test]
    fn encoded_rows_give_the_same_bits_as_decoded_ones() {
        let lens = [0, 1, 15, 16, 17, 100, 896, 1283];
        let dense =
            [Dtype::F32, Dtype::F16, Dtype::BF16].into_iter().flat_map(|dtype| lens.map(|len| (dtype, len)));
        let blocks = [Dtype::Q8_0, Dtype::Q4K, Dtype::Q6K]
            .into_iter()
            .flat_map(|dtype| [0, 256, 768].map(|len| (dtype, len)));
        for (dtype, len) in dense.chain(blocks) {
            let x = [uniform(len, 1), uniform(len, 6)];
            let rows = [2, 3, 4, 5].map(|seed| {
                let mut bytes = Vec::new();
                formats::encode(dtype, &uniform(len, seed), &mut bytes);
                bytes
            });
            let decoded = rows.each_ref().map(|bytes| {
                let mut row = vec![0.0; len];
                formats::decode(dtype, bytes, &mut row);
                row
            });
            let expected =
                x.each_ref().map(|x| dots(x, decoded.each_ref().map(Vec::as_slice)).map(f32::to_bits));
            let rows = rows.each_ref().map(Vec::as_slice);
            let actual = dequant_dot(dtype, x.each_ref().map(Vec::as_slice), rows, 4096);
            #[cfg(target_arch = "x86_64")]
            assert_eq!(actual.is_some(), Isa::detect() >= Isa::Avx2, "{dtype:?}");
            actual.into_iter().for_each(|actual| {
                assert_eq!(actual.map(|x| x.map(f32::to_bits)), expected, "{dtype:?} {len}")
            });
        }
    }

    #[test]
    fn the_scalar_form_equals_the_simd_one_within_rounding() {
        let (x, row) = (uniform(777, 4), uniform(777, 5));
        assert!((dots_scalar(&x, [&row])[0] - dot(&x, &row)).abs() < 1e-5);
        for width in [1, 63, 64, 130] {
            let (rows, weights) = (uniform(9 * 140, 6), uniform(9, 7));
            let (mut actual, mut expected) = (uniform(width, 8), uniform(width, 8));
            axpy_rows(&mut actual, &weights, &rows, 140);
            axpy_rows_scalar(&mut expected, 0, &weights, &rows, 140);
            crate::testing::close(&actual, &expected, 1e-6);
        }
    }
}

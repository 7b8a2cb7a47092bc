//! Q6_K and Q4_K from f32. The scale of each sub-block is searched around max / code range for the least
//! squared error, weighted by magnitude, as in the reference implementation (ggml).
use half::f16;

/// 16 sub-blocks of 16 values: codes of -32 to 31, an i8 scale per sub-block and one f16 scale.
pub fn q6_k(values: &[f32; 256]) -> [u8; 210] {
    let sub_blocks = values.as_chunks::<16>().0;
    let mut scales = [0.0f32; 16];
    for (scale, sub_block) in scales.iter_mut().zip(sub_blocks) {
        *scale = fit_scale(sub_block);
    }
    // The scale of the largest magnitude becomes -128, so that the whole range of i8 is used.
    let max_scale = scales
        .iter()
        .fold(0.0f32, |max_scale, &scale| if scale.abs() > max_scale.abs() { scale } else { max_scale });
    let mut block = [0; 210];
    let base = f16::from_f32(max_scale / -128.0);
    if base.to_f32() == 0.0 {
        return block;
    }
    block[208..].copy_from_slice(&base.to_le_bytes());
    let mut codes = [0u8; 256];
    for (at, (sub_block, scale)) in sub_blocks.iter().zip(scales).enumerate() {
        let sub_scale = (scale * (-128.0 / max_scale)).round_ties_even().min(127.0) as i8;
        block[192 + at] = sub_scale as u8;
        let step = base.to_f32() * f32::from(sub_scale);
        for (code, value) in codes[at * 16..].iter_mut().zip(sub_block) {
            let code_f32 = if step == 0.0 { 0.0 } else { (value / step).round_ties_even() };
            *code = (code_f32.clamp(-32.0, 31.0) + 32.0) as u8;
        }
    }
    for (half, codes) in codes.as_chunks::<128>().0.iter().enumerate() {
        for at in 0..32 {
            let four = [codes[at], codes[at + 32], codes[at + 64], codes[at + 96]];
            block[half * 64 + at] = four[0] & 15 | (four[2] & 15) << 4;
            block[half * 64 + at + 32] = four[1] & 15 | (four[3] & 15) << 4;
            block[128 + half * 32 + at] =
                four[0] >> 4 | four[1] >> 4 << 2 | four[2] >> 4 << 4 | four[3] >> 4 << 6;
        }
    }
    block
}

/// 8 sub-blocks of 32 values: codes of 0 to 15, a 6-bit scale and a 6-bit minimum per sub-block.
pub fn q4_k(values: &[f32; 256]) -> [u8; 144] {
    let sub_blocks = values.as_chunks::<32>().0;
    let mut fits = [(0.0f32, 0.0f32); 8];
    for (fit, sub_block) in fits.iter_mut().zip(sub_blocks) {
        *fit = fit_scale_min(sub_block);
    }
    let (max_scale, max_min) =
        fits.iter().fold((0.0f32, 0.0f32), |max, fit| (max.0.max(fit.0), max.1.max(fit.1)));
    let base = (f16::from_f32(max_scale / 63.0), f16::from_f32(max_min / 63.0));
    let mut block = [0; 144];
    block[..2].copy_from_slice(&base.0.to_le_bytes());
    block[2..4].copy_from_slice(&base.1.to_le_bytes());
    for (at, (sub_block, fit)) in sub_blocks.iter().zip(fits).enumerate() {
        let (sub_scale, sub_min) = (quantise_6bit(fit.0, max_scale), quantise_6bit(fit.1, max_min));
        pack_scale_min(&mut block[4..16], at, sub_scale, sub_min);
        let (step, min) = (base.0.to_f32() * f32::from(sub_scale), base.1.to_f32() * f32::from(sub_min));
        for (byte, value) in block[16 + at / 2 * 32..].iter_mut().zip(sub_block) {
            let code_f32 = if step == 0.0 { 0.0 } else { ((value + min) / step).round_ties_even() };
            *byte |= (code_f32.clamp(0.0, 15.0) as u8) << (at % 2 * 4);
        }
    }
    block
}

/// The step that reproduces 16 values best with codes of -32 to 31. Its sign maps the value of largest
/// magnitude to -32.
fn fit_scale(sub_block: &[f32; 16]) -> f32 {
    let largest = sub_block
        .iter()
        .fold(0.0f32, |largest, &value| if value.abs() > largest.abs() { value } else { largest });
    if largest.abs() < 1e-15 {
        return 0.0;
    }
    let mut best = (0.0f32, 0.0f32);
    for offset in -9..=9i8 {
        let inverse = -(32.0 + 0.1 * f32::from(offset)) / largest;
        let (mut product, mut square) = (0.0f32, 0.0f32);
        for &value in sub_block {
            let code = (value * inverse).round_ties_even().clamp(-32.0, 31.0);
            let weight = value * value;
            product += weight * value * code;
            square += weight * code * code;
        }
        // The error of the best step for these codes decreases with product^2 / square.
        if square > 0.0 && product * product > best.0 * square {
            best = (product * product / square, product / square);
        }
    }
    best.1
}

/// The step and the minimum (never negative) that reproduce 32 values best as `step * code - min`.
fn fit_scale_min(sub_block: &[f32; 32]) -> (f32, f32) {
    let low = sub_block.iter().fold(0.0f32, |low, &value| low.min(value));
    let high = sub_block.iter().fold(f32::NEG_INFINITY, |high, &value| high.max(value));
    let width = high - low;
    if !(width > 1e-30 && width.is_finite()) {
        return (0.0, -low.max(f32::MIN));
    }
    let rms = (sub_block.iter().map(|value| value * value).sum::<f32>() / 32.0).sqrt();
    let weights = sub_block.map(|value| rms + value.abs());
    let mut best = (f32::INFINITY, width / 15.0, low);
    for offset in -11..=10i8 {
        let inverse = (15.0 + 0.1 * f32::from(offset)) / width;
        let codes = sub_block.map(|value| ((value - low) * inverse).round_ties_even().clamp(0.0, 15.0));
        let (step, min) = fit_line(sub_block, &codes, &weights);
        let error = sub_block.iter().zip(&codes).zip(&weights);
        let error = error.map(|((value, code), weight)| weight * (step * code + min - value).powi(2)).sum();
        if step > 0.0 && error < best.0 {
            best = (error, step, min);
        }
    }
    (best.1, -best.2)
}

/// Weighted least squares of `value = step * code + min` with `min` at most zero.
fn fit_line(values: &[f32; 32], codes: &[f32; 32], weights: &[f32; 32]) -> (f32, f32) {
    let mut sums = [0.0f32; 5];
    for ((value, code), weight) in values.iter().zip(codes).zip(weights) {
        let terms = [1.0, *code, code * code, *value, value * code];
        sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += weight * term);
    }
    let [all, code, square, value, product] = sums;
    let determinant = all * square - code * code;
    if determinant <= 0.0 {
        return (0.0, 0.0);
    }
    let min = (square * value - code * product) / determinant;
    if min > 0.0 { (product / square, 0.0) } else { ((all * product - code * value) / determinant, min) }
}

fn quantise_6bit(value: f32, largest: f32) -> u8 {
    if largest > 0.0 { (value / largest * 63.0).round_ties_even() as u8 & 63 } else { 0 }
}

/// The inverse of [`crate::superblocks::scales_and_minima`].
fn pack_scale_min(packed: &mut [u8], sub_block: usize, scale: u8, min: u8) {
    if sub_block < 4 {
        packed[sub_block] |= scale;
        packed[sub_block + 4] |= min;
    } else {
        packed[sub_block + 4] = scale & 15 | min << 4;
        packed[sub_block - 4] |= scale >> 4 << 6;
        packed[sub_block] |= min >> 4 << 6;
    }
}

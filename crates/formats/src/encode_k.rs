//! Q6_K and Q4_K from `f32`. The scale of each run is searched near the obvious one for the least squared error, large
//! numbers counting more, as the reference implementation of these formats does.
use half::f16;

/// 256 numbers in 16 runs of 16: codes of -32 to 31, a signed byte of scale for each run, one half-precision scale.
pub fn q6_k(values: &[f32; 256]) -> [u8; 210] {
    let runs = values.as_chunks::<16>().0;
    let mut scales = [0.0f32; 16];
    for (scale, run) in scales.iter_mut().zip(runs) {
        *scale = symmetric_scale(run);
    }
    // The scale of the largest magnitude takes -128, so that all of the byte is used.
    let widest =
        scales.iter().fold(0.0f32, |widest, &scale| if scale.abs() > widest.abs() { scale } else { widest });
    let mut block = [0; 210];
    let base = f16::from_f32(widest / -128.0);
    if base.to_f32() == 0.0 {
        return block;
    }
    block[208..].copy_from_slice(&base.to_le_bytes());
    let mut codes = [0u8; 256];
    for (at, (run, scale)) in runs.iter().zip(scales).enumerate() {
        let small = (scale * (-128.0 / widest)).round_ties_even().min(127.0) as i8;
        block[192 + at] = small as u8;
        let step = base.to_f32() * f32::from(small);
        for (code, value) in codes[at * 16..].iter_mut().zip(run) {
            let nearest = if step == 0.0 { 0.0 } else { (value / step).round_ties_even() };
            *code = (nearest.clamp(-32.0, 31.0) + 32.0) as u8;
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

/// 256 numbers in 8 runs of 32: codes of 0 to 15, six bits of scale and of minimum for each run.
pub fn q4_k(values: &[f32; 256]) -> [u8; 144] {
    let runs = values.as_chunks::<32>().0;
    let mut fits = [(0.0f32, 0.0f32); 8];
    for (fit, run) in fits.iter_mut().zip(runs) {
        *fit = affine(run);
    }
    let (scale, min) = fits.iter().fold((0.0f32, 0.0f32), |most, fit| (most.0.max(fit.0), most.1.max(fit.1)));
    let base = (f16::from_f32(scale / 63.0), f16::from_f32(min / 63.0));
    let mut block = [0; 144];
    block[..2].copy_from_slice(&base.0.to_le_bytes());
    block[2..4].copy_from_slice(&base.1.to_le_bytes());
    for (at, (run, fit)) in runs.iter().zip(fits).enumerate() {
        let (small, offset) = (six_bits(fit.0, scale), six_bits(fit.1, min));
        pack(&mut block[4..16], at, small, offset);
        let (step, min) = (base.0.to_f32() * f32::from(small), base.1.to_f32() * f32::from(offset));
        for (byte, value) in block[16 + at / 2 * 32..].iter_mut().zip(run) {
            let nearest = if step == 0.0 { 0.0 } else { ((value + min) / step).round_ties_even() };
            *byte |= (nearest.clamp(0.0, 15.0) as u8) << (at % 2 * 4);
        }
    }
    block
}

/// The step of 16 numbers, so that codes of -32 to 31 give them back best. Its sign puts the largest number at -32.
fn symmetric_scale(run: &[f32; 16]) -> f32 {
    let largest =
        run.iter().fold(0.0f32, |largest, &value| if value.abs() > largest.abs() { value } else { largest });
    if largest.abs() < 1e-15 {
        return 0.0;
    }
    let mut best = (0.0f32, 0.0f32);
    for nudge in -9..=9i8 {
        let inverse = -(32.0 + 0.1 * f32::from(nudge)) / largest;
        let (mut product, mut square) = (0.0f32, 0.0f32);
        for &value in run {
            let code = (value * inverse).round_ties_even().clamp(-32.0, 31.0);
            let weight = value * value;
            product += weight * value * code;
            square += weight * code * code;
        }
        // The error of the best step for these codes falls as product^2 / square grows.
        if square > 0.0 && product * product > best.0 * square {
            best = (product * product / square, product / square);
        }
    }
    best.1
}

/// The step and the (never negative) offset of 32 numbers, so that `step * code - offset` gives them back best.
fn affine(run: &[f32; 32]) -> (f32, f32) {
    let low = run.iter().fold(0.0f32, |low, &value| low.min(value));
    let high = run.iter().fold(f32::NEG_INFINITY, |high, &value| high.max(value));
    let width = high - low;
    if !(width > 1e-30 && width.is_finite()) {
        return (0.0, -low.max(f32::MIN));
    }
    let typical = (run.iter().map(|value| value * value).sum::<f32>() / 32.0).sqrt();
    let weights = run.map(|value| typical + value.abs());
    let mut best = (f32::INFINITY, width / 15.0, low);
    for nudge in -11..=10i8 {
        let inverse = (15.0 + 0.1 * f32::from(nudge)) / width;
        let codes = run.map(|value| ((value - low) * inverse).round_ties_even().clamp(0.0, 15.0));
        let (step, min) = line(run, &codes, &weights);
        let error = run.iter().zip(&codes).zip(&weights);
        let error = error.map(|((value, code), weight)| weight * (step * code + min - value).powi(2)).sum();
        if step > 0.0 && error < best.0 {
            best = (error, step, min);
        }
    }
    (best.1, -best.2)
}

/// Weighted least squares of `value = step * code + min` with `min` at most zero.
fn line(values: &[f32; 32], codes: &[f32; 32], weights: &[f32; 32]) -> (f32, f32) {
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

fn six_bits(value: f32, largest: f32) -> u8 {
    if largest > 0.0 { (value / largest * 63.0).round_ties_even() as u8 & 63 } else { 0 }
}

/// The inverse of [`crate::superblocks::scales_and_minima`].
fn pack(packed: &mut [u8], run: usize, scale: u8, min: u8) {
    if run < 4 {
        packed[run] |= scale;
        packed[run + 4] |= min;
    } else {
        packed[run + 4] = scale & 15 | min << 4;
        packed[run - 4] |= scale >> 4 << 6;
        packed[run] |= min >> 4 << 6;
    }
}

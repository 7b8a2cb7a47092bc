//! Bicubic resampling, bit-exact with Pillow, so that images equal those of training: coefficients in 22-bit
//! fixed point, a horizontal pass and then a vertical pass, each rounded to 8 bits. Pillow 11 and older use
//! this order; a later release runs the vertical pass first for tall images, but the models were trained
//! before it.
use crate::Image;

/// 32 bits minus 8 of the image and 2 for coefficients outside 0..1.
const PRECISION: u32 = 32 - 8 - 2;
/// Support of the cubic filter in source pixels to either side, at scale 1.
const SUPPORT: f64 = 2.0;

/// For each output pixel along one dimension: the first source pixel and the coefficients.
struct Coefficients {
    taps: Vec<(usize, Vec<i32>)>,
}

/// Resizes to `width` x `height`, both at least 1.
pub fn resize(image: &Image, width: usize, height: usize) -> Image {
    assert!(width > 0 && height > 0, "an image has pixels");
    let mut out = image.clone();
    if width != out.width {
        out = resample_horizontal(&out, &Coefficients::new(out.width, width), width);
    }
    if height != out.height {
        out = resample_vertical(&out, &Coefficients::new(out.height, height), height);
    }
    out
}

impl Coefficients {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        // Downscaling widens the filter so that every source pixel contributes.
        let filter_scale = scale.max(1.0);
        let (support, shrunk) = (SUPPORT * filter_scale, 1.0 / filter_scale);
        let taps_of = |at: usize| {
            let centre = (at as f64 + 0.5) * scale;
            let first = ((centre - support + 0.5) as i64).max(0) as usize;
            let last = ((centre + support + 0.5) as usize).min(from);
            let mut weights: Vec<f64> =
                (first..last).map(|x| cubic((x as f64 - centre + 0.5) * shrunk)).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            (first, weights.into_iter().map(fixed).collect())
        };
        Self { taps: (0..to).map(taps_of).collect() }
    }
}

/// Keys' cubic convolution kernel with a = -0.5.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// To fixed point, rounded half away from zero.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

fn resample_horizontal(image: &Image, coefficients: &Coefficients, width: usize) -> Image {
    let mut rgb = Vec::with_capacity(width * image.height * 3);
    for row in image.rgb.chunks_exact(image.width * 3) {
        for (first, weights) in &coefficients.taps {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[first * 3..].chunks_exact(3).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            rgb.extend(sums.map(byte));
        }
    }
    Image { width, height: image.height, rgb }
}

fn resample_vertical(image: &Image, coefficients: &Coefficients, height: usize) -> Image {
    let stride = image.width * 3;
    let mut rgb = Vec::with_capacity(stride * height);
    let mut sums = vec![HALF; stride];
    for (first, weights) in &coefficients.taps {
        sums.fill(HALF);
        for (row, weight) in image.rgb[first * stride..].chunks_exact(stride).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        rgb.extend(sums.iter().map(|&sum| byte(sum)));
    }
    Image { width: image.width, height, rgb }
}

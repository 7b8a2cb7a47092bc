//! Bicubic resizing in Pillow's arithmetic, so that a picture has the very bytes it had in training: weights in fixed
//! point of 22 bits, one pass along rows and then one along columns, each rounded to eight bits. That order is Pillow's up
//! to 11 at least; a later one takes columns first for tall pictures, which a model of 2024 has not seen.
use crate::Picture;

/// 32 bits less eight of the picture and two for weights outside 0..1.
const PRECISION: u32 = 32 - 8 - 2;
/// Source pixels on either side that a cubic reaches, at scale 1.
const REACH: f64 = 2.0;

/// For each place of one dimension: the first source pixel and the weights from there on.
struct Weights {
    places: Vec<(usize, Vec<i32>)>,
}

/// The picture at another size, both at least 1.
pub fn resize(picture: &Picture, width: usize, height: usize) -> Picture {
    assert!(width > 0 && height > 0, "a picture has pixels");
    let mut out = picture.clone();
    if width != out.width {
        out = across(&out, &Weights::new(out.width, width), width);
    }
    if height != out.height {
        out = down(&out, &Weights::new(out.height, height), height);
    }
    out
}

impl Weights {
    fn new(from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        // Shrinking widens the cubic so that every source pixel counts.
        let wide = scale.max(1.0);
        let (reach, shrunk) = (REACH * wide, 1.0 / wide);
        let place = |at: usize| {
            let centre = (at as f64 + 0.5) * scale;
            let first = ((centre - reach + 0.5) as i64).max(0) as usize;
            let last = ((centre + reach + 0.5) as usize).min(from);
            let mut weights: Vec<f64> =
                (first..last).map(|x| cubic((x as f64 - centre + 0.5) * shrunk)).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            (first, weights.into_iter().map(fixed).collect())
        };
        Self { places: (0..to).map(place).collect() }
    }
}

/// Keys' cubic with a = -0.5.
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

/// Rounded half away from zero.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1u32 << PRECISION);
    (if weight < 0.0 { scaled - 0.5 } else { scaled + 0.5 }) as i32
}

fn byte(sum: i32) -> u8 {
    (sum >> PRECISION).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION - 1);

fn across(picture: &Picture, weights: &Weights, width: usize) -> Picture {
    let mut rgb = Vec::with_capacity(width * picture.height * 3);
    for row in picture.rgb.chunks_exact(picture.width * 3) {
        for (first, weights) in &weights.places {
            let mut sums = [HALF; 3];
            for (pixel, weight) in row[first * 3..].chunks_exact(3).zip(weights) {
                for (sum, value) in sums.iter_mut().zip(pixel) {
                    *sum += i32::from(*value) * weight;
                }
            }
            rgb.extend(sums.map(byte));
        }
    }
    Picture { width, height: picture.height, rgb }
}

fn down(picture: &Picture, weights: &Weights, height: usize) -> Picture {
    let stride = picture.width * 3;
    let mut rgb = Vec::with_capacity(stride * height);
    let mut sums = vec![HALF; stride];
    for (first, weights) in &weights.places {
        sums.fill(HALF);
        for (row, weight) in picture.rgb[first * stride..].chunks_exact(stride).zip(weights) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += i32::from(*value) * weight;
            }
        }
        rgb.extend(sums.iter().map(|&sum| byte(sum)));
    }
    Picture { width: picture.width, height, rgb }
}

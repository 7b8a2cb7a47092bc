//! Llama 3.1 rope scaling. GGUF stores the factor of each frequency; `config.json` has the four parameters
//! that define them. The parameters are restored only if they reproduce the stored factors.
use serde_json::{Value as Json, json};

use super::MetadataError;

/// The values of every published Llama 3.1, 3.3 and distilled model. 3.2 differs only in `factor`, which is
/// the largest stored factor.
const LOW_FREQ_FACTOR: f64 = 1.0;
const HIGH_FREQ_FACTOR: f64 = 4.0;
const ORIGINAL: f64 = 8192.0;
const TOLERANCE: f64 = 1e-3;

/// The `rope_scaling` of stored factors.
///
/// # Errors
/// Factors that no known scaling reproduces.
pub fn llama3(factors: &[f32], theta: f64) -> Result<Json, MetadataError> {
    let largest = factors.iter().fold(0.0f32, |largest, &factor| largest.max(factor));
    if factors.iter().all(|&factor| factor == 1.0) {
        return Ok(Json::Null);
    }
    let known = factors.iter().enumerate().all(|(at, &stored)| {
        let frequency = theta.powf(-(at as f64) / factors.len() as f64);
        let expect = expected(2.0 * std::f64::consts::PI / frequency, f64::from(largest));
        (expect - f64::from(stored)).abs() <= TOLERANCE * expect
    });
    if !known {
        return Err(MetadataError::unsupported(
            "rope_freqs.weight",
            "factors that are not those of Llama 3.1",
        ));
    }
    Ok(json!({
        "rope_type": "llama3",
        "factor": largest,
        "low_freq_factor": LOW_FREQ_FACTOR,
        "high_freq_factor": HIGH_FREQ_FACTOR,
        "original_max_position_embeddings": ORIGINAL,
    }))
}

/// The factor of a wavelength: `factor` for long ones, 1 for short ones, interpolated between.
fn expected(wave: f64, factor: f64) -> f64 {
    if wave < ORIGINAL / HIGH_FREQ_FACTOR {
        return 1.0;
    }
    if wave > ORIGINAL / LOW_FREQ_FACTOR {
        return factor;
    }
    let smooth = (ORIGINAL / wave - LOW_FREQ_FACTOR) / (HIGH_FREQ_FACTOR - LOW_FREQ_FACTOR);
    1.0 / ((1.0 - smooth) / factor + smooth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_of_a_published_model_give_its_numbers_back() {
        // R1-Distill-Llama-8B: 64 frequencies, base 500000, as written by the converter.
        let factors: Vec<f32> = (0..64)
            .map(|at| {
                let wave = 2.0 * std::f64::consts::PI * 500000f64.powf(f64::from(at) / 64.0);
                expected(wave, 8.0) as f32
            })
            .collect();
        let scaling = llama3(&factors, 500000.0).expect("known");
        assert_eq!((scaling["factor"].as_f64(), scaling["rope_type"].as_str()), (Some(8.0), Some("llama3")));
        let mut other = factors.clone();
        other[32] *= 1.1;
        assert!(llama3(&other, 500000.0).is_err(), "a changed factor is noticed");
        assert!(llama3(&factors, 10000.0).is_err(), "so is another base");
        assert_eq!(llama3(&[1.0; 64], 500000.0), Ok(Json::Null));
    }
}

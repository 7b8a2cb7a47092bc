//! The vision tower and the projector at their real size against DeepSeek's code, in fp32. The weights are
//! too large to store: both sides generate them as in tests/fixtures/vl2/make_real.py.
//!
//! `make test` uses two layers; all 27 take ten seconds and 1 GB:
//!     cargo test -p models --test vision_tower -- --ignored
mod fixture;

use std::collections::BTreeMap;

use checkpoint::{Checkpoint, Dtype, ModelConfig, TensorView, TokenizerSource, WeightError, WeightSource};
use fixture::reference;
use serde_json::{Value, json};

const NEAR: f64 = 1e-4;

/// Random value `at` of the sequence that begins with `start`.
fn mixed(start: u64, at: u64) -> u64 {
    let z = start.wrapping_add((at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

fn uniform(name: &str, count: usize) -> impl Iterator<Item = f32> {
    let start = name
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    (0..count as u64).map(move |at| (mixed(start, at) >> 40) as f32 / 8_388_608.0 - 1.0)
}

/// Every tensor of a configuration, generated on request.
struct Computed(BTreeMap<String, Vec<usize>>);

impl WeightSource for Computed {
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<TensorView, WeightError> {
        let (dtype, shape) = self.layout(name)?;
        let columns: usize = shape[1..].iter().product();
        let scale = match name {
            name if !name.ends_with("weight") || name.contains("norm") => 0.1,
            _ => (3.0 / columns as f64).sqrt() as f32,
        };
        let base = if name.contains("norm") && name.ends_with("weight") { Some(1.0) } else { None };
        let value = |u: f32| base.map_or(u * scale, |base: f32| base + u * scale);
        let values = uniform(name, shape.iter().product());
        let bytes = values.flat_map(|u| ((value(u).to_bits() >> 16) as u16).to_le_bytes()).collect();
        Ok(TensorView::owned(dtype, shape, bytes))
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        let shape = self.0.get(name).ok_or_else(|| WeightError::Missing(name.to_owned()))?;
        Ok((Dtype::BF16, shape.clone()))
    }

    fn total_bytes(&self) -> u64 {
        self.0.values().map(|shape| 2 * shape.iter().product::<usize>() as u64).sum()
    }
}

fn near(actual: &[f32], expected: &Value, what: &str) {
    let at: Vec<usize> = serde_json::from_value(expected["at"].clone()).expect("indices");
    let values: Vec<f64> = serde_json::from_value(expected["values"].clone()).expect("values");
    let apart = at.iter().zip(&values).map(|(&at, value)| (f64::from(actual[at]) - value).abs());
    let apart = apart.fold(0.0, f64::max);
    let length = actual.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    let norm = expected["norm"].as_f64().expect("a length");
    println!("{what}: {apart:.2e} apart at most, lengths {length:.6} and {norm:.6}");
    assert!(at.len() == 300 && apart < NEAR, "{what}: {apart}");
    assert!((length - norm).abs() < 1e-5 * norm, "{what}: {length} {norm}");
}

fn check(layers: usize) {
    let shape =
        std::fs::read(fixture::folder("../../bench/shapes/vl2-tiny.json")).expect("the shape is there");
    let mut shape: Value = serde_json::from_slice(&shape).expect("it is JSON");
    shape["vision_config"]["layers"] = json!(layers);
    // The text model is not used here.
    for (field, size) in [("num_hidden_layers", 1), ("vocab_size", 256), ("intermediate_size", 64)] {
        shape["language_config"][field] = json!(size);
    }
    let config = ModelConfig::from_json(shape).expect("it is supported");
    let weights = Box::new(Computed(config.tensors().into_iter().collect()));
    let files = Checkpoint { config, weights, tokenizer: TokenizerSource::Folder(Default::default()) };
    let model = models::load(&files, &fixture::options(), &mut |_, _| {}).expect("it loads");
    let pixels: Vec<f32> = uniform("pixels", 3 * 384 * 384).collect();
    let [features, projected] =
        model.vision().expect("a vision model").features(&pixels).expect("it is encoded");
    let expected = &reference("vl2/real")["layers"][layers.to_string()];
    near(&features, &expected["features"], &format!("features after {layers} layers"));
    near(&projected, &expected["projected"], &format!("projected after {layers} layers"));
}

#[test]
fn two_layers_and_the_projector_equal_the_reference() {
    check(2);
}

#[test]
#[ignore = "430 million weights are generated; see above"]
fn all_layers_equal_the_reference() {
    check(27);
}

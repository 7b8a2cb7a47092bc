//! DeepSeek-VL2 against DeepSeek's own repository on tiny random checkpoints: features, the order of the
//! rows, logits, and 32 greedy tokens, for conversations of 0 to 5 images.
mod fixture;

use fixture::{Run, apart, argmax, folder, load, open, options, reference, rows, tokens};
use models::{
    CacheDtype, ForwardError, InputEmbeds, LoadOptions, Model, OutputRequest, Pass, VisionProgress,
};
use serde_json::Value;
use vision::{Image, Tiling};

const NEAR: f32 = 1e-4;

/// The pixels of tests/fixtures/vl2/make_pixels.py.
fn pattern(width: usize, height: usize) -> Image {
    let byte = |x: u32, y: u32, c: u32| {
        let mixed = x * 73 + y * 151 + c * 199 + x.wrapping_mul(y) % 251 * 31;
        (mixed.wrapping_mul(2_654_435_761) >> 13) as u8
    };
    let pixels = (0..height as u32).flat_map(|y| (0..width as u32).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| [0, 1, 2].map(|c| byte(x, y, c))).collect();
    Image { width, height, rgb }
}

fn tiling(case: &str) -> Tiling {
    let checkpoint = checkpoint::open(&folder(case)).expect("the files are sound");
    let images = checkpoint.config.images().expect("it takes images").clone();
    Tiling {
        candidate_resolutions: images.candidate_resolutions,
        image_size: images.image_size,
        patch_size: images.patch_size,
        downsample_ratio: images.downsample_ratio,
        image_mean: images.image_mean,
        image_std: images.image_std,
    }
}

/// The rows of all images of a conversation, one after another, and their grids.
fn encoded(model: &dyn Model, tiling: &Tiling, talk: &Value) -> (Vec<f32>, Vec<[usize; 2]>) {
    let sizes: Vec<[usize; 2]> = serde_json::from_value(talk["pictures"].clone()).expect("sizes");
    let vision = model.vision().expect("a vision model");
    let (mut all, mut grids) = (Vec::new(), Vec::new());
    for [width, height] in &sizes {
        let grid = tiling.grid(*width, *height, sizes.len());
        let tiles = tiling.tiles(&pattern(*width, *height), grid);
        let rows = vision.encode(&tiles.pixels, [grid.width, grid.height], &|_| true).expect("it is encoded");
        assert_eq!(rows.len(), tiling.tokens(grid) * model.hidden_size());
        all.extend(rows);
        grids.push([grid.width, grid.height]);
    }
    (all, grids)
}

/// Runs of positions that take input embeddings: (first, count).
fn runs(mask: &[u32]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, _) in mask.iter().enumerate().filter(|(_, set)| **set == 1) {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == at => *count += 1,
            _ => runs.push((at, 1)),
        }
    }
    runs
}

fn check(case: &str) {
    let (model, reference, tiling) = (load(case), reference(case), tiling(case));
    let width = model.hidden_size();
    let talks = reference["talks"].as_array().expect("talks");
    assert_eq!(talks.len(), 6);
    for talk in talks {
        let (prompt, mask) = (tokens(&talk["input_ids"]), tokens(&talk["mask"]));
        let (values, grids) = encoded(&*model, &tiling, talk);
        assert_eq!(serde_json::json!(grids), talk["grids"], "{case}");
        let mut rest = &values[..];
        let mut embeds = Vec::new();
        for (row, count) in runs(&mask) {
            let (values, after) = rest.split_at(count * width);
            embeds.push(InputEmbeds { row, values });
            rest = after;
        }
        assert!(rest.is_empty(), "{case}: every row has a position");
        let images = grids.len();
        let mut run = Run::new(&*model, CacheDtype::F32);
        let go = || false;
        let output =
            run.read_with(&prompt, OutputRequest::All, &mut Pass { input_embeds: &embeds, ..Pass::new(&go) });
        let vocab = model.vocab_size();
        let at = tokens(&talk["positions"]);
        let logits: Vec<f32> =
            at.iter().flat_map(|&p| &output.logits[p as usize * vocab..][..vocab]).copied().collect();
        let apart = apart(&logits, &rows(&talk["logits"]).concat());
        assert!(apart < NEAR, "{case}, {images} images: {apart}");

        let mut next = argmax(&output.logits[output.logits.len() - vocab..]);
        let mut greedy = vec![next];
        while greedy.len() < 32 {
            next = argmax(&run.read(&[next], OutputRequest::Last).logits);
            greedy.push(next);
        }
        assert_eq!(greedy, tokens(&talk["greedy"]), "{case}, {images} images");
    }
}

#[test]
fn tiny_with_ordinary_attention_answers_as_the_reference_does() {
    check("vl2/tiny");
}

#[test]
fn vl2_with_latent_attention_and_a_sigmoid_gate_answers_as_the_reference_does() {
    check("vl2/vl2");
}

#[test]
fn features_and_their_order_are_the_references() {
    for case in ["vl2/tiny", "vl2/vl2"] {
        let (model, reference, tiling) = (load(case), reference(case), tiling(case));
        let talk = &reference["talks"][1];
        let size: Vec<[usize; 2]> = serde_json::from_value(talk["pictures"].clone()).expect("sizes");
        let [width, height] = size[0];
        let tiles = tiling.tiles(&pattern(width, height), tiling.grid(width, height, 1));
        let vision = model.vision().expect("a vision model");
        let views: Vec<&[f32]> =
            tiles.pixels.chunks_exact(3 * tiling.image_size * tiling.image_size).collect();
        assert_eq!(views.len(), reference["vision"].as_array().expect("views").len());
        for (at, view) in views.iter().enumerate() {
            let [features, projected] = vision.features(view).expect("it is encoded");
            let features = apart(&features, &rows(&reference["vision"][at]).concat());
            let projected = apart(&projected, &rows(&reference["projector"][at]).concat());
            assert!(features < NEAR && projected < NEAR, "{case}, view {at}: {features} {projected}");
        }
        let (values, _) = encoded(&*model, &tiling, talk);
        let apart = apart(&values, &rows(&reference["embeds"]).concat());
        assert!(apart < NEAR, "{case}: {apart}");
    }
}

#[test]
fn chunks_that_cut_an_image_give_the_same() {
    let (model, reference, tiling) = (load("vl2/tiny"), reference("vl2/tiny"), tiling("vl2/tiny"));
    let talk = &reference["talks"][2];
    let (prompt, mask) = (tokens(&talk["input_ids"]), tokens(&talk["mask"]));
    let (values, _) = encoded(&*model, &tiling, talk);
    let width = model.hidden_size();
    let mut rest = &values[..];
    let mut row_of = vec![None; prompt.len()];
    for at in (0..prompt.len()).filter(|&at| mask[at] == 1) {
        let (own, after) = rest.split_at(width);
        (row_of[at], rest) = (Some(own), after);
    }
    let mut run = Run::new(&*model, CacheDtype::F32);
    let (go, mut last) = (|| false, models::Logits::default());
    for start in (0..prompt.len()).step_by(5) {
        let end = (start + 5).min(prompt.len());
        let embeds: Vec<InputEmbeds> = (start..end)
            .filter_map(|at| Some(InputEmbeds { row: at - start, values: row_of[at]? }))
            .collect();
        let mut pass = Pass { input_embeds: &embeds, ..Pass::new(&go) };
        last = run.read_with(&prompt[start..end], OutputRequest::Last, &mut pass).logits;
    }
    let apart = apart(&last, rows(&talk["logits"]).last().expect("the last position"));
    assert!(apart < NEAR, "{apart}");
}

#[test]
fn rows_and_pixels_that_do_not_fit_are_refused() {
    let model = load("vl2/tiny");
    let width = model.hidden_size();
    let values = vec![0.0; 3 * width];
    let cases = [
        InputEmbeds { row: 2, values: &values },
        InputEmbeds { row: usize::MAX, values: &values },
        InputEmbeds { row: 0, values: &values[1..] },
    ];
    for embeds in cases {
        let mut kv = fixture::cache(&*model, 1, CacheDtype::F32);
        let step = models::Step {
            tokens: &[5, 6, 7],
            pages: &[0],
            past: 0,
            output: OutputRequest::Last,
            prefill: true,
        };
        let go = || false;
        let error = model.forward(&[step], &mut kv, &mut Pass { input_embeds: &[embeds], ..Pass::new(&go) });
        assert!(matches!(error, Err(ForwardError::InputEmbeds { .. })), "{embeds:?}");
    }
    let vision = model.vision().expect("a vision model");
    for grid in [[1, 1], [0, 1], [usize::MAX, 2]] {
        let error = vision.encode(&[0.0; 7], grid, &|_| true);
        assert!(matches!(error, Err(ForwardError::Pixels { .. })), "{grid:?}");
    }
    let pixels = vec![0.0; 2 * 3 * 24 * 24];
    // Called before each layer of each tile; two layers and two tiles here.
    for after in 0..4 {
        let calls = std::cell::RefCell::new(Vec::new());
        let should_continue = |progress: VisionProgress| {
            calls.borrow_mut().push(progress);
            progress.layers < after
        };
        assert!(
            matches!(vision.encode(&pixels, [1, 1], &should_continue), Err(ForwardError::Cancelled)),
            "{after}"
        );
        let expected: Vec<VisionProgress> =
            (0..=after).map(|layers| VisionProgress { layers, total: 4 }).collect();
        assert_eq!(calls.into_inner(), expected);
    }
}

#[test]
fn the_vision_tower_is_requantized_to_q8_and_not_further() {
    let requantized = LoadOptions { requantize: Some(checkpoint::Dtype::Q4K), ..options() };
    let (original, small) = (load("vl2/tiny"), open(&folder("vl2/tiny"), &requantized).expect("it loads"));
    let vision = |model: &dyn Model| model.ledger().kind(models::WeightKind::Vision);
    // A GPU keeps quantised matrices in bf16.
    assert!(vision(&*small) < vision(&*original) || !fixture::on_host());
    assert!(small.ledger().formats().any(|(name, _)| name == "Q8_0"));
    let (reference, tiling) = (reference("vl2/tiny"), tiling("vl2/tiny"));
    let rows_of = |model: &dyn Model| encoded(model, &tiling, &reference["talks"][1]).0;
    let cosine = fixture::cosine(&rows_of(&*original), &rows_of(&*small));
    assert!(cosine > 0.999, "{cosine}");
}

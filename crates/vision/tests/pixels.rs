//! Compares pixels with Pillow bit for bit and tiles with the reference; malformed files give an image or a
//! clear error. The expected values come from tests/fixtures/vl2/make_pixels.py.
use std::path::PathBuf;

use serde_json::Value;
use sha2::{Digest, Sha256};
use vision::{Grid, Image, ImageError, Tiling, decode, pad};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vl2/pixels")
}

fn reference() -> Value {
    let text = std::fs::read(folder().join("reference.json")).expect("the fixture is there");
    serde_json::from_slice(&text).expect("the fixture is JSON")
}

fn number(row: &Value, at: usize) -> usize {
    row[at].as_u64().expect("a number") as usize
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The same synthetic image as in the script.
fn synthetic_image(width: usize, height: usize) -> Image {
    let mut rgb = Vec::with_capacity(width * height * 3);
    for y in 0..height as u32 {
        for x in 0..width as u32 {
            for c in 0..3u32 {
                let mixed = x * 73 + y * 151 + c * 199 + x.wrapping_mul(y) % 251 * 31;
                rgb.push((mixed.wrapping_mul(2_654_435_761) >> 13) as u8);
            }
        }
    }
    Image { width, height, rgb }
}

fn vl2() -> Tiling {
    let mut frames: Vec<(usize, usize)> = vec![(384, 384), (384, 768), (768, 384), (384, 1152), (1152, 384)];
    frames.extend([(384, 1536), (768, 768), (1536, 384), (384, 1920), (1920, 384), (384, 2304), (768, 1152)]);
    frames.extend([
        (1152, 768),
        (2304, 384),
        (384, 2688),
        (2688, 384),
        (384, 3072),
        (768, 1536),
        (1536, 768),
    ]);
    frames.extend([(3072, 384), (384, 3456), (1152, 1152), (3456, 384)]);
    Tiling {
        candidate_resolutions: frames,
        image_size: 384,
        patch_size: 14,
        downsample_ratio: 2,
        image_mean: [0.5; 3],
        image_std: [0.5; 3],
    }
}

#[test]
fn padded_images_are_pillows_to_the_bit() {
    let pads = reference()["pads"].as_array().expect("a list").clone();
    assert!(pads.len() > 40);
    for row in &pads {
        let image = synthetic_image(number(row, 0), number(row, 1));
        let out = pad(&image, number(row, 2), number(row, 3), [127; 3]);
        assert_eq!((out.width, out.height), (number(row, 2), number(row, 3)));
        assert_eq!(sha(&out.rgb), row[4].as_str().expect("a hash"), "{row}");
    }
}

#[test]
fn tiles_of_five_hundred_sizes_are_the_references() {
    let choices = reference()["choices"].as_array().expect("a list").clone();
    assert_eq!(choices.len(), 500);
    for row in &choices {
        let grid = vl2().grid(number(row, 0), number(row, 1), 1);
        assert_eq!([grid.width * 384, grid.height * 384], [number(row, 2), number(row, 3)], "{row}");
    }
}

#[test]
fn normalised_tiles_and_token_counts_are_the_references() {
    for row in reference()["tiles"].as_array().expect("a list") {
        let (width, height) = (number(row, 0), number(row, 1));
        let grid = vl2().grid(width, height, number(row, 2));
        assert_eq!(grid, Grid { width: number(row, 3), height: number(row, 4) }, "{row}");
        assert_eq!(vl2().tokens(grid), number(row, 5), "{row}");
        let bytes: Vec<u8> = vl2()
            .tiles(&synthetic_image(width, height), grid)
            .pixels
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        assert_eq!(sha(&bytes), row[6].as_str().expect("a hash"), "{row}");
    }
}

#[test]
fn token_counts_are_the_published_ones() {
    let count = |width, height| vl2().tokens(Grid { width, height });
    assert_eq!([count(1, 1), count(2, 1), count(3, 3)], [421, 617, 2017]);
}

#[test]
fn every_format_reads_as_pillow_reads_it() {
    let files = reference()["files"].as_object().expect("an object").clone();
    for (name, row) in &files {
        let bytes = std::fs::read(folder().join(name)).expect("the file is there");
        let image = decode(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((image.width, image.height), (number(row, 0), number(row, 1)), "{name}");
        let expected = row[2].as_str().expect("a text");
        if row[3] == true {
            assert_eq!(sha(&image.rgb), expected, "{name}");
            continue;
        }
        // Other decoders round differently. A wrong orientation or wrong colours differ far more than this.
        let byte = |at: usize| u8::from_str_radix(&expected[2 * at..2 * at + 2], 16).expect("hex");
        let apart = (0..image.rgb.len()).map(|at| image.rgb[at].abs_diff(byte(at))).max();
        assert!(apart.is_some_and(|most| most <= 8), "{name}: {apart:?}");
    }
}

#[test]
fn cut_files_are_errors_wherever_they_are_cut() {
    for name in ["rgb.png", "turned.jpg", "first.gif", "rgb.bmp", "lossless.webp", "deep.png"] {
        let bytes = std::fs::read(folder().join(name)).expect("the file is there");
        for end in (0..bytes.len()).step_by(7) {
            // A decoder may accept partial data; it must not panic.
            let _ = decode(&bytes[..end]);
        }
        assert!(decode(&bytes[..bytes.len() / 3]).is_err(), "{name}");
    }
    assert_eq!(decode(b"not an image at all"), Err(ImageError::Format));
    assert_eq!(decode(b""), Err(ImageError::Format));
}

/// A PNG of a few bytes whose header declares gigabytes.
#[test]
fn a_bomb_is_refused_by_its_header() {
    let mut bytes = std::fs::read(folder().join("rgb.png")).expect("the file is there");
    for (width, height) in [(60_000u32, 60_000u32), (1_000_000, 1_000_000), (u32::MAX >> 1, 2)] {
        bytes[16..20].copy_from_slice(&width.to_be_bytes());
        bytes[20..24].copy_from_slice(&height.to_be_bytes());
        let crc = crc(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        let error = decode(&bytes).expect_err("it is too large");
        assert!(matches!(error, ImageError::TooLarge { .. } | ImageError::Broken(_)), "{error}");
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn a_strip_and_a_single_pixel_are_images() {
    for (width, height) in [(1, 20_000), (20_000, 1), (1, 1)] {
        let image = Image { width, height, rgb: vec![200; width * height * 3] };
        let grid = vl2().grid(width, height, 1);
        let tiles = vl2().tiles(&image, grid);
        assert_eq!(tiles.pixels.len(), (1 + grid.tiles()) * 3 * 384 * 384);
        let shown = |v: &f32| (*v - (200.0 / 255.0 - 0.5) / 0.5).abs() < 1e-6;
        assert!(tiles.pixels.iter().any(shown), "{width}x{height} has left a trace");
    }
}

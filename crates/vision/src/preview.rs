//! A preview of the image that the model gets: without transparency, and only the first frame of an
//! animation. Knows nothing of the page that shows it.
use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ColorType, ExtendedColorType, ImageEncoder, ImageFormat, ImageReader};

use crate::{ImageError, decode};

/// A PNG of the result of [`decode`] if a browser would render the file differently; `None` if it renders the
/// same.
///
/// # Errors
/// Those of [`decode`].
pub fn preview(bytes: &[u8]) -> Result<Option<Vec<u8>>, ImageError> {
    if differs(bytes) { png(bytes).map(Some) } else { Ok(None) }
}

/// The result of [`decode`] as a PNG, for what reads no other format.
///
/// # Errors
/// Those of [`decode`].
pub fn png(bytes: &[u8]) -> Result<Vec<u8>, ImageError> {
    let image = decode(bytes)?;
    let side = |side: usize| u32::try_from(side).expect("decode bounds the sides");
    let mut png = Vec::new();
    image::codecs::png::PngEncoder::new(&mut png)
        .write_image(&image.rgb, side(image.width), side(image.height), ExtendedColorType::Rgb8)
        .map_err(|error| ImageError::Broken(error.to_string()))?;
    Ok(png)
}

/// Whether the file may have an alpha channel or several frames according to its header.
fn differs(bytes: &[u8]) -> bool {
    match image::guess_format(bytes) {
        // The transparent colour and the frames follow the header.
        Ok(ImageFormat::Gif | ImageFormat::WebP) => true,
        Ok(ImageFormat::Png) => PngDecoder::new(Cursor::new(bytes))
            .is_ok_and(|png| png.is_apng().unwrap_or(true) || has_alpha(bytes)),
        Ok(ImageFormat::Bmp) => has_alpha(bytes),
        _ => false,
    }
}

fn has_alpha(bytes: &[u8]) -> bool {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let color = reader.ok().and_then(|reader| reader.into_decoder().ok()).map(|decoder| {
        use image::ImageDecoder;
        decoder.color_type()
    });
    color.is_none_or(ColorType::has_alpha)
}

#[cfg(test)]
mod tests {
    use image::codecs::gif::GifEncoder;
    use image::{Frame, Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn encode(image: impl Into<image::DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, format).expect("writes");
        bytes.into_inner()
    }

    #[test]
    fn transparent_pixels_show_the_colour_that_the_model_gets() {
        let image =
            RgbaImage::from_fn(2, 1, |x, _| if x == 0 { Rgba([255, 0, 0, 0]) } else { Rgba([1, 2, 3, 255]) });
        for format in [ImageFormat::Png, ImageFormat::WebP] {
            let shown = preview(&encode(image.clone(), format)).expect("reads").expect("differs");
            let shown = image::load_from_memory(&shown).expect("is a PNG");
            assert!(!shown.color().has_alpha());
            assert_eq!(shown.to_rgb8().into_raw(), [255, 0, 0, 1, 2, 3], "{format:?}");
        }
    }

    #[test]
    fn an_animation_shows_its_first_frame() {
        let frame = |red| Frame::new(RgbaImage::from_pixel(3, 2, Rgba([red, 0, 0, 255])));
        let mut gif = Vec::new();
        GifEncoder::new(&mut gif).encode_frames([frame(255), frame(0)]).expect("writes");
        let shown = preview(&gif).expect("reads").expect("differs");
        assert_eq!(shown[1..4], *b"PNG");
        assert_eq!(
            image::load_from_memory(&shown).expect("reads").to_rgb8().get_pixel(0, 0),
            &Rgb([255, 0, 0])
        );
    }

    #[test]
    fn an_opaque_file_is_shown_as_it_is() {
        let image = RgbImage::from_pixel(2, 2, Rgb([9, 8, 7]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp] {
            assert_eq!(preview(&encode(image.clone(), format)), Ok(None), "{format:?}");
        }
    }

    #[test]
    fn every_format_becomes_a_png() {
        let image = RgbImage::from_pixel(2, 2, Rgb([9, 8, 7]));
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
            let shown = png(&encode(image.clone(), format)).expect("reads");
            assert_eq!(image::guess_format(&shown).ok(), Some(ImageFormat::Png), "{format:?}");
        }
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        assert!(preview(b"GIF89a").is_err() && png(b"GIF89a").is_err());
    }
}

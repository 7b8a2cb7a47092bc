//! Decodes an untrusted image file to RGB like Pillow's `convert("RGB")`: alpha is dropped and 16-bit
//! channels keep their upper byte. The EXIF orientation is applied. Limits are checked on the header before
//! decoding.
use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

/// Above the resolution of common cameras. A decoded image has at most eight times as many bytes.
pub const MAX_PIXELS: u64 = 50_000_000;
/// Limit of the file size.
pub const MAX_BYTES: usize = 32 << 20;
/// Limit of width and height.
const MAX_SIDE: u32 = 65_535;
/// Limit of a decoder's allocations besides the image itself.
const MAX_ALLOC: u64 = 512 << 20;

/// An 8-bit RGB image, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub width: usize,
    pub height: usize,
    /// [height, width, 3]
    pub rgb: Vec<u8>,
}

/// Why an image file is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("read the image: its format is none of JPEG, PNG, WebP, GIF and BMP")]
    Format,
    #[error("read the image: it has {bytes} bytes, the limit is {max}")]
    TooManyBytes { bytes: usize, max: usize },
    #[error("read the image: it is {width}x{height}, the limit is {max} pixels")]
    TooLarge { width: u32, height: u32, max: u64 },
    #[error("read the image: {0}")]
    Broken(String),
}

/// The media type by the first bytes of a file, such as `image/png`; `None` for a format that [`decode`]
/// rejects.
pub fn media_type(bytes: &[u8]) -> Option<&'static str> {
    image::guess_format(bytes)
        .ok()
        .filter(|format| format.reading_enabled())
        .map(|format| format.to_mime_type())
}

/// Decodes JPEG, PNG, WebP, the first frame of a GIF, or BMP.
///
/// # Errors
/// Another format, a file or image over the limits, or truncated or damaged data.
pub fn decode(bytes: &[u8]) -> Result<Image, ImageError> {
    if bytes.len() > MAX_BYTES {
        return Err(ImageError::TooManyBytes { bytes: bytes.len(), max: MAX_BYTES });
    }
    let broken = |error: image::ImageError| ImageError::Broken(error.to_string());
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| ImageError::Broken(error.to_string()))?;
    if reader.format().is_none_or(|format| !format.reading_enabled()) {
        return Err(ImageError::Format);
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::Broken("it has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageError::TooLarge { width, height, max: MAX_PIXELS });
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    Ok(Image { width, height, rgb: rgb(image)? })
}

fn rgb(image: DynamicImage) -> Result<Vec<u8>, ImageError> {
    let upper = |v: &u16| (v >> 8) as u8;
    let spread = |grey: u8| [grey; 3];
    Ok(match image {
        DynamicImage::ImageRgb8(image) => image.into_raw(),
        DynamicImage::ImageRgba8(image) => image.pixels().flat_map(|p| [p[0], p[1], p[2]]).collect(),
        DynamicImage::ImageLuma8(image) => image.as_raw().iter().flat_map(|&v| spread(v)).collect(),
        DynamicImage::ImageLumaA8(image) => image.pixels().flat_map(|p| spread(p[0])).collect(),
        DynamicImage::ImageRgb16(image) => image.as_raw().iter().map(upper).collect(),
        DynamicImage::ImageRgba16(image) => {
            image.pixels().flat_map(|p| [upper(&p[0]), upper(&p[1]), upper(&p[2])]).collect()
        }
        DynamicImage::ImageLuma16(image) => image.as_raw().iter().flat_map(|v| spread(upper(v))).collect(),
        DynamicImage::ImageLumaA16(image) => image.pixels().flat_map(|p| spread(upper(&p[0]))).collect(),
        _ => return Err(ImageError::Format),
    })
}

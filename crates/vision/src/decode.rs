//! A stranger's image file as RGB, the way Pillow's `convert("RGB")` gives it: transparency is left away, 16 bits keep
//! their upper byte. Turned as its EXIF says. Bounds are checked on the header, before anything is unpacked.
use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

/// Larger than what cameras write; what is unpacked is at most eight times as many bytes.
pub const MOST_PIXELS: u64 = 50_000_000;
/// A file larger than this was not made to be looked at.
pub const MOST_BYTES: usize = 32 << 20;
/// The longest side.
const LONGEST: u32 = 65_535;
/// What a decoder may take beside the picture itself.
const MOST_ALLOC: u64 = 512 << 20;

/// Eight-bit RGB, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// [height, width, 3]
    pub rgb: Vec<u8>,
}

/// Why a file is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("read the image: its format is none of JPEG, PNG, WebP, GIF and BMP")]
    Format,
    #[error("read the image: it has {bytes} bytes, and {most} are taken")]
    TooManyBytes { bytes: usize, most: usize },
    #[error("read the image: it is {width}x{height}, and {most} pixels are taken")]
    TooLarge { width: u32, height: u32, most: u64 },
    #[error("read the image: {0}")]
    Broken(String),
}

/// The media type of a file as its first bytes tell, such as `image/png`; `None` for what [`decode`] would not read.
pub fn kind(bytes: &[u8]) -> Option<&'static str> {
    image::guess_format(bytes)
        .ok()
        .filter(|format| format.reading_enabled())
        .map(|format| format.to_mime_type())
}

/// Reads JPEG, PNG, WebP, the first picture of a GIF, or BMP.
///
/// # Errors
/// Another format, a file or picture that is too large, or one that is cut off or damaged.
pub fn decode(bytes: &[u8]) -> Result<Picture, ImageError> {
    if bytes.len() > MOST_BYTES {
        return Err(ImageError::TooManyBytes { bytes: bytes.len(), most: MOST_BYTES });
    }
    let broken = |error: image::ImageError| ImageError::Broken(error.to_string());
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|error| ImageError::Broken(error.to_string()))?;
    if reader.format().is_none_or(|format| !format.reading_enabled()) {
        return Err(ImageError::Format);
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST), Some(LONGEST));
    limits.max_alloc = Some(MOST_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(ImageError::Broken("it has no pixels".to_owned()));
    }
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(ImageError::TooLarge { width, height, most: MOST_PIXELS });
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(broken)?;
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Picture { width, height, rgb: rgb(picture)? })
}

fn rgb(picture: DynamicImage) -> Result<Vec<u8>, ImageError> {
    let upper = |v: &u16| (v >> 8) as u8;
    let spread = |grey: u8| [grey; 3];
    Ok(match picture {
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

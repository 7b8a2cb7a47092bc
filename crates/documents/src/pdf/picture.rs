//! A page as a picture, for a model that sees.
//! Fonts that the file does not bring are replaced by those of the library.
use hayro::hayro_interpret::InterpreterSettings;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use super::open;
use crate::DocumentError;

/// The longer side in pixels: small print stays readable, and a vision model scales down what it wants.
const LONG_SIDE: f32 = 2048.0;

/// A page as PNG. `page` counts from 1.
///
/// # Errors
/// A file that is no PDF or is locked, and a page that it does not have.
pub fn page_picture(bytes: Vec<u8>, page: u32) -> Result<Vec<u8>, DocumentError> {
    let pdf = open(bytes)?;
    let missing = || DocumentError::Invalid(format!("it has no page {page}"));
    let at = page.checked_sub(1).and_then(|at| usize::try_from(at).ok()).ok_or_else(missing)?;
    let page = pdf.pages().get(at).ok_or_else(missing)?;
    let (width, height) = page.render_dimensions();
    let longer = width.max(height);
    if !(longer.is_finite() && longer >= 1.0) {
        return Err(DocumentError::Invalid("the page has no size".to_owned()));
    }
    let scale = LONG_SIDE / longer;
    let settings = PixmapSettings { x_scale: scale, y_scale: scale, bg_color: WHITE };
    let pixels = render(
        page,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &settings,
    );
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, pixels.width().into(), pixels.height().into());
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder
        .write_header()
        // On white every pixel is opaque.
        .and_then(|mut writer| writer.write_image_data(pixels.data_as_u8_slice()))
        .map_err(DocumentError::invalid)?;
    Ok(out)
}

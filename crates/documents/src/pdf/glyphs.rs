//! Collects the glyphs that a page draws, with their places, in the order in which they are drawn.
//! What they mean as text is decided in `lines`.
use hayro::hayro_interpret::font::GlyphRun;
use hayro::hayro_interpret::hayro_cmap::BfString;
use hayro::hayro_interpret::{
    BlendMode, ClipPath, Device, DrawMode, DrawProps, Image, ImageDrawProps, SoftMask,
};
use hayro::kurbo::{Affine, BezPath, Point, Vec2};

/// Units of a glyph's space to the size of its font.
const UNITS_PER_EM: f64 = 1000.0;
/// A page whose pictures cover this share of it, and which has less text than that, is a scan.
const SCAN_SHARE: f64 = 0.5;
const SCAN_GLYPHS: usize = 16;
/// A page may draw a glyph again and again; a book's page has some thousands.
const MAX_GLYPHS: usize = 500_000;

pub struct PlacedGlyph {
    pub text: String,
    /// The origin, in points from the page's upper left corner.
    pub origin: Point,
    /// To the origin of the next glyph.
    pub advance: Vec2,
    /// The size of its font in points.
    pub size: f64,
}

pub struct GlyphCollector {
    glyphs: Vec<PlacedGlyph>,
    /// Glyphs without a character: a font without a table of them.
    unknown: usize,
    page_area: f64,
    picture_area: f64,
}

impl GlyphCollector {
    pub fn new(page_area: f64) -> Self {
        Self { glyphs: Vec::new(), unknown: 0, page_area, picture_area: 0.0 }
    }

    pub fn glyphs(&self) -> &[PlacedGlyph] {
        &self.glyphs
    }

    /// Whether the page shows text that is not readable as such: a picture of it, or glyphs of no character.
    pub fn is_scanned(&self) -> bool {
        let readable = self.glyphs.iter().filter(|glyph| !glyph.text.trim().is_empty()).count();
        readable < SCAN_GLYPHS
            && (self.picture_area > SCAN_SHARE * self.page_area || self.unknown > SCAN_GLYPHS)
    }
}

impl<'a> Device<'a> for GlyphCollector {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            let text = match glyph.as_unicode() {
                Some(BfString::Char(char)) => char.to_string(),
                Some(BfString::String(text)) => text,
                None => {
                    self.unknown += 1;
                    continue;
                }
            };
            if self.glyphs.len() >= MAX_GLYPHS {
                return;
            }
            let width = match &**glyph {
                hayro::hayro_interpret::font::Glyph::Outline(outline) => outline.advance_width(),
                hayro::hayro_interpret::font::Glyph::Type3(type3) => type3.advance_width(),
            };
            let transform: Affine = props.transform * glyph.transform();
            let origin = transform * Point::ZERO;
            let along = |point: Point| transform * point - origin;
            self.glyphs.push(PlacedGlyph {
                text: expanded(&text),
                origin,
                advance: along(Point::new(f64::from(width.unwrap_or(500.0)), 0.0)),
                size: along(Point::new(0.0, UNITS_PER_EM)).hypot(),
            });
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        // The transform is that of one pixel.
        let pixels = f64::from(image.width()) * f64::from(image.height());
        self.picture_area += props.transform.determinant().abs() * pixels;
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}

/// A ligature as its letters, so that words are found, and a symbol's own code as a character.
fn expanded(text: &str) -> String {
    let letters = |char: char| match char {
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' | 'ﬆ' => "st",
        // The bullet of Symbol, which has no character of its own.
        '\u{F0B7}' => "•",
        _ => "",
    };
    let each = text.chars().filter(|char| !char.is_control()).map(|char| match letters(char) {
        "" => char.to_string(),
        letters => letters.to_owned(),
    });
    each.collect()
}

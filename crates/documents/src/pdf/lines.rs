//! Glyphs as lines of text. They are taken in the order of the page, which is the order of reading in what
//! programs write today; columns stay columns. Spaces and line ends are where the places say so.
use super::glyphs::PlacedGlyph;

/// A gap of this share of the font's size is a space where the page has none.
const SPACE: f64 = 0.16;
/// A wider gap on one line parts columns of a table.
const COLUMN: f64 = 2.5;
/// A glyph this far from the line is on another one.
const OFF_LINE: f64 = 0.45;
/// Lines further apart than this are paragraphs.
const PARAGRAPH: f64 = 1.75;
/// A glyph drawn again this near, as programs did to make it bold.
const OVERPRINT: f64 = 0.08;

pub fn text(glyphs: &[PlacedGlyph]) -> String {
    let mut out = String::new();
    let mut last: Option<&PlacedGlyph> = None;
    for glyph in glyphs.iter().filter(|glyph| !glyph.text.is_empty()) {
        if let Some(last) = last {
            if is_overprint(last, glyph) {
                continue;
            }
            out.push_str(separator(last, glyph, &out));
        }
        if !(glyph.text == " " && (out.is_empty() || out.ends_with([' ', '\n', '\t']))) {
            out.push_str(&glyph.text);
        }
        last = Some(glyph);
    }
    out
}

fn is_overprint(last: &PlacedGlyph, glyph: &PlacedGlyph) -> bool {
    last.text == glyph.text && (glyph.origin - last.origin).hypot() < OVERPRINT * glyph.size
}

/// What is between two glyphs.
fn separator(last: &PlacedGlyph, glyph: &PlacedGlyph, out: &str) -> &'static str {
    let size = last.size.max(glyph.size).max(1e-6);
    let length = last.advance.hypot();
    // Along the line and across it, in sizes of the font.
    let along = if length > 0.0 { last.advance / length } else { hayro::kurbo::Vec2::new(1.0, 0.0) };
    let step = glyph.origin - last.origin;
    let (forward, across) = (step.dot(along) / size, step.cross(along).abs() / size);
    let gap = forward - length / size;
    if across > OFF_LINE || forward < -OFF_LINE {
        // A raised or lowered character, as of a footnote, is smaller and goes on the same line.
        let raised = across < 0.8 && gap.abs() < 1.0 && (glyph.size < 0.8 * size || last.size < 0.8 * size);
        return match (raised, across > PARAGRAPH) {
            (true, _) => "",
            (false, true) => "\n\n",
            (false, false) => "\n",
        };
    }
    if out.ends_with([' ', '\n', '\t']) || glyph.text.starts_with(' ') {
        return if gap > COLUMN { "\t" } else { "" };
    }
    // Scripts without spaces are set with gaps of their own.
    let wide = |text: &str, at_end: bool| {
        let char = if at_end { text.chars().next_back() } else { text.chars().next() };
        char.is_some_and(|char| matches!(char, '\u{2E80}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FFEF}'))
    };
    let between = wide(&last.text, true) && wide(&glyph.text, false);
    if gap > COLUMN {
        "\t"
    } else if gap > SPACE && !(between && gap < 0.9) {
        " "
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use hayro::kurbo::{Point, Vec2};

    use super::*;

    fn word(text: &str, x: f64, y: f64) -> Vec<PlacedGlyph> {
        let glyph = |(at, char): (usize, char)| PlacedGlyph {
            text: char.to_string(),
            origin: Point::new(x + 5.0 * at as f64, y),
            advance: Vec2::new(5.0, 0.0),
            size: 10.0,
        };
        text.chars().enumerate().map(glyph).collect()
    }

    #[test]
    fn words_lines_paragraphs_and_columns_are_told_apart_by_their_places() {
        let cases = [
            (vec![word("blue", 0.0, 0.0), word("whale", 23.0, 0.0)], "blue whale"),
            (vec![word("blue", 0.0, 0.0), word("s", 20.5, 0.0)], "blues"),
            (vec![word("one", 0.0, 0.0), word("two", 0.0, 12.0)], "one\ntwo"),
            (vec![word("one", 0.0, 0.0), word("two", 0.0, 30.0)], "one\n\ntwo"),
            (vec![word("name", 0.0, 0.0), word("size", 100.0, 0.0)], "name\tsize"),
            (vec![word("a b", 0.0, 0.0), word("c", 18.0, 0.0)], "a b c"),
            // The second column begins above the end of the first.
            (vec![word("end", 0.0, 100.0), word("top", 200.0, 0.0)], "end\n\ntop"),
            (vec![word("bold", 0.0, 0.0), word("d", 15.2, 0.0)], "bold"),
        ];
        for (words, expect) in cases {
            let glyphs: Vec<PlacedGlyph> = words.into_iter().flatten().collect();
            assert_eq!(text(&glyphs), expect);
        }
    }
}

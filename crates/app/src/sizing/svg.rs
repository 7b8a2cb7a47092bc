//! The sizing of a model as one SVG for a document: the verdict of this computer and the GPU table. It is
//! drawn from the view only, in the colours of the light theme; the numbers of each bar are written beside
//! it.
use std::fmt::Write as _;

use contract::{CardsVerdict, CardsView, SizingView};
use messages::{Lang, SizingLabel, bytes, card_count, rounded_tokens, sizing_conversations};

const WIDTH: f64 = 1040.0;
const MARGIN: f64 = 32.0;
const ROW: f64 = 30.0;
const INK: &str = "#17191e";
const SOFT: &str = "#464a54";
const LINE: &str = "#d9d9d1";
/// The parts of a bar and their colours.
const PARTS: [(SizingLabel, &str); 4] = [
    (SizingLabel::SharedWeights, "#2f5fe0"),
    (SizingLabel::Experts, "#8aa6f2"),
    (SizingLabel::Conversations, "#1c6b3a"),
    (SizingLabel::WorkingSpace, "#84868c"),
];
/// The heads of the table.
const HEADS: [SizingLabel; 5] = [
    SizingLabel::Card,
    SizingLabel::HowMany,
    SizingLabel::MemoryOfEach,
    SizingLabel::Verdict,
    SizingLabel::TotalCapacity,
];

pub(super) fn draw(view: &SizingView, lang: Lang) -> String {
    let mut page = Page::default();
    let variant = view.variants.iter().find(|variant| variant.id == view.variant_id);
    let files = variant.map(|it| format!(" {} · {}", it.precision, bytes(it.size))).unwrap_or_default();
    page.text(MARGIN, 50.0, 24, INK, "start", &format!("{}{files}", view.model_name));
    page.text(MARGIN, 76.0, 15, SOFT, "start", &sizing_conversations(view, lang));

    page.text(MARGIN, 118.0, 17, INK, "start", SizingLabel::ThisComputer.text(lang));
    let here = &view.here;
    let reason = lang.pick(&here.reason.en, &here.reason.zh);
    let label = format!("{}{}{reason}", SizingLabel::of(here.verdict).text(lang), lang.pick(" ", ""));
    page.text(MARGIN, 142.0, 15, INK, "start", &label);
    let parts = [here.weights - view.here_experts, view.here_experts, here.kv, here.overhead];
    page.bar(MARGIN, 156.0, WIDTH - 2.0 * MARGIN, 14.0, parts, here.available);
    let mut x = MARGIN;
    for ((name, colour), part) in PARTS.into_iter().zip(parts) {
        let name = name.text(lang);
        page.rect(x, 182.0, 10.0, 10.0, colour);
        let label = format!("{name} {}", bytes(part));
        page.text(x + 16.0, 192.0, 13, SOFT, "start", &label);
        x += 44.0 + wide(&label) * 7.4;
    }

    let mut y = 236.0;
    page.text(MARGIN, y, 17, INK, "start", SizingLabel::GraphicsCards.text(lang));
    y += 26.0;
    let columns = [MARGIN, 214.0, 360.0, 720.0, 1008.0];
    for (at, head) in HEADS.into_iter().enumerate() {
        page.text(columns[at], y, 13, SOFT, if at == 4 { "end" } else { "start" }, head.text(lang));
    }
    for row in sorted(&view.rows) {
        page.rect(MARGIN, y + 9.0, WIDTH - 2.0 * MARGIN, 1.0, LINE);
        y += ROW;
        let ink = if row.verdict == CardsVerdict::Holds { INK } else { SOFT };
        page.text(columns[0], y, 14, ink, "start", &row.card);
        if !lacks(row.verdict) {
            page.text(columns[1], y, 14, ink, "start", &card_count(row, lang));
            let parts = [row.weights, row.experts, row.kv, row.overhead];
            page.bar(columns[2], y - 11.0, 200.0, 12.0, parts, row.budget);
            let used = parts.iter().sum::<f64>();
            let label = format!("{} / {}", bytes(used), bytes(row.budget));
            page.text(columns[2] + 210.0, y, 12, SOFT, "start", &label);
        }
        page.text(columns[3], y, 14, ink, "start", SizingLabel::of_cards(row.verdict).text(lang));
        if matches!(row.verdict, CardsVerdict::Holds | CardsVerdict::ShortContext) {
            page.text(columns[4], y, 14, ink, "end", &rounded_tokens(row.tokens, lang));
        }
    }
    y += 34.0;
    page.text(MARGIN, y, 12, SOFT, "start", SizingLabel::Estimates.text(lang));
    page.closed(y + 24.0)
}

/// Rows that hold the model first, then by total memory; the same order as in the window.
pub(super) fn sorted(rows: &[CardsView]) -> Vec<&CardsView> {
    let mut rows: Vec<&CardsView> = rows.iter().collect();
    let order = |row: &CardsView| match row.verdict {
        CardsVerdict::Holds => 0,
        CardsVerdict::ShortContext => 1,
        CardsVerdict::TooSmall => 2,
        _ => 3,
    };
    let total = |row: &CardsView| row.memory * f64::from(row.count);
    rows.sort_by(|a, b| order(a).cmp(&order(b)).then(total(a).total_cmp(&total(b))));
    rows
}

fn lacks(verdict: CardsVerdict) -> bool {
    matches!(verdict, CardsVerdict::NoFp8 | CardsVerdict::NoFp4 | CardsVerdict::NoBf16)
}

/// The width in columns: a Chinese character is as wide as two letters.
fn wide(text: &str) -> f64 {
    text.chars().map(|letter| if letter > '\u{2e80}' { 2.0 } else { 1.0 }).sum()
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn text(&mut self, x: f64, y: f64, size: u32, colour: &str, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(
            self.0,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" fill="{colour}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        let _ = writeln!(
            self.0,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
        );
    }

    /// The parts as a stacked bar, with a line at the available memory.
    fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, parts: [f64; 4], available: f64) {
        let scale = parts.iter().sum::<f64>().max(available).max(1.0);
        self.rect(x, y, width, height, LINE);
        let mut at = x;
        for (part, (_, colour)) in parts.into_iter().zip(PARTS) {
            let part = part.max(0.0) / scale * width;
            self.rect(at, y, part, height, colour);
            at += part;
        }
        self.rect(x + available / scale * width - 1.0, y - 3.0, 2.0, height + 6.0, INK);
    }

    fn closed(self, height: f64) -> String {
        format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h:.0}" viewBox="0 0 {w} {h:.0}" "#,
                r#"font-family="'Segoe UI', 'Noto Sans', system-ui, 'Noto Sans CJK SC', 'DejaVu Sans', sans-serif">"#,
                "\n",
                r##"<rect width="{w}" height="{h:.0}" fill="#fbfbf9"/>"##,
                "\n{body}</svg>\n"
            ),
            w = WIDTH,
            h = height,
            body = self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stay_in_their_place_and_words_are_escaped() {
        let mut page = Page::default();
        page.bar(10.0, 0.0, 100.0, 10.0, [10.0, 20.0, 30.0, 40.0], 50.0);
        page.text(0.0, 0.0, 12, INK, "start", "a < b & c");
        let text = page.closed(20.0);
        assert!(text.contains("a &lt; b &amp; c"));
        // More memory is needed than available: the parts fill the bar, and the line is inside.
        assert!(text.contains(r#"<rect x="59.0" y="-3.0" width="2.0" height="16.0""#), "{text}");
        assert!(text.contains(r#"<rect x="70.0" y="0.0" width="40.0" height="10.0""#), "{text}");
        assert_eq!(wide("ab显"), 4.0);
    }
}

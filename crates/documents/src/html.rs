//! The text of a page of HTML: headings, lists, tables and the addresses of links, without scripts and
//! styles.
use html2text::config;

use crate::DocumentError;
use crate::tidy::tidy;

/// Lines are not broken: a model reads paragraphs.
const WIDTH: usize = 1 << 20;

/// # Errors
/// HTML that the reader refuses.
pub fn read(html: &str) -> Result<String, DocumentError> {
    let text = config::plain()
        .raw_mode(true)
        .no_link_wrapping()
        .allow_width_overflow()
        .string_from_read(html.as_bytes(), WIDTH);
    Ok(tidy(&text.map_err(DocumentError::invalid)?))
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn what_a_reader_sees_is_read_and_what_a_browser_runs_is_not() {
        let page = "<html><head><title>T</title><style>p {color: red}</style><script>alert(1)</script></head><body>\
            <h1>Whales</h1><p>A <b>blue</b> whale &amp; a calf.</p><ul><li>one</li><li>two</li></ul>\
            <table><tr><th>Name</th><th>Size</th></tr><tr><td>Orca</td><td>6 t</td></tr></table></body></html>";
        let text = read(page).expect("is read");
        for part in ["Whales", "blue", "whale & a calf.", "one", "two", "Orca", "6 t"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("alert") && !text.contains("color"), "{text}");
    }
}

//! Text as it is given to a model: no trailing blanks, and never more than one empty line.
//! Nothing else of it is changed.

pub fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            blank += 1;
            continue;
        }
        if !out.is_empty() {
            out.push_str(if blank > 0 { "\n\n" } else { "\n" });
        }
        blank = 0;
        out.push_str(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::tidy;

    #[test]
    fn blanks_are_removed_and_paragraphs_stay() {
        assert_eq!(tidy("\n\n a \n\n\n\nb\nc  \n\n"), " a\n\nb\nc");
        assert_eq!(tidy(" \n\t\n"), "");
    }
}

//! Formulas on lines of their own, `$$ … $$` and `\[ … \]`, as code blocks with a mark: their lines may look
//! like lists or headings to Markdown. Formulas within a line are read by the library.

/// The language of such a code block. No model writes it.
pub(super) const MARK: &str = "whaledeck-formula";

const PAIRS: [(&str, &str); 2] = [("$$", "$$"), ("\\[", "\\]")];

/// The text with each such formula as a code block. One that is not closed before an empty line stays.
pub(super) fn mark_formula_blocks(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut out = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at].trim_start();
        if let Some(open) = fence {
            let closes = line.starts_with(open) && line.trim_start_matches(&open[..1]).trim().is_empty();
            if closes {
                fence = None;
            }
        } else if let Some(open) = fence_of(line) {
            fence = Some(open);
        } else if let Some((tex, after)) = formula(&lines, at) {
            let indent = &lines[at][..lines[at].len() - line.len()];
            let wall = "`".repeat(longest_run(&tex).max(2) + 1);
            let first = format!("{wall}{MARK}");
            for line in [first.as_str(), tex.trim(), wall.as_str()].into_iter().flat_map(str::lines) {
                out += indent;
                out += line;
                out.push('\n');
            }
            at = after;
            continue;
        }
        out += lines[at];
        out.push('\n');
        at += 1;
    }
    out
}

/// The marks that open a code block in this line.
fn fence_of(line: &str) -> Option<&str> {
    ['`', '~'].into_iter().find_map(|mark| {
        let run = line.len() - line.trim_start_matches(mark).len();
        (run >= 3).then(|| &line[..run])
    })
}

/// The formula that begins at a line and ends with a line, with the line after it.
fn formula(lines: &[&str], first: usize) -> Option<(String, usize)> {
    let begin = lines[first].trim_start();
    // Four spaces make a code block.
    if lines[first].starts_with("    ") && first > 0 && lines[first - 1].trim().is_empty() {
        return None;
    }
    let (open, close) = PAIRS.into_iter().find(|(open, _)| begin.starts_with(open))?;
    let mut tex = String::new();
    for (at, line) in lines.iter().enumerate().skip(first) {
        let line = if at == first { &begin[open.len()..] } else { line.trim_start() };
        if at > first && line.is_empty() {
            return None;
        }
        if let Some(end) = line.find(close) {
            tex += &line[..end];
            let alone = line[end + close.len()..].trim().is_empty() && !tex.trim().is_empty();
            return alone.then_some((tex, at + 1));
        }
        tex += line;
        tex.push('\n');
    }
    None
}

/// Of backticks, so that the wall is longer.
fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str) -> String {
        mark_formula_blocks(text).trim_end().to_owned()
    }

    #[test]
    fn a_formula_on_lines_of_its_own_is_marked() {
        let expected = format!("So:\n```{MARK}\na\n- b\n```\nDone.");
        assert_eq!(marked("So:\n$$\na\n- b\n$$\nDone."), expected);
        assert_eq!(marked("So:\n\\[\na\n- b\n\\]\nDone."), expected);
        assert_eq!(marked("- So\n  $$x$$"), format!("- So\n  ```{MARK}\n  x\n  ```"));
        assert_eq!(marked("$$`$$"), format!("```{MARK}\n`\n```"));
        assert_eq!(marked("$$```$$"), format!("````{MARK}\n```\n````"));
    }

    #[test]
    fn what_is_no_such_formula_stays() {
        for text in [
            "$$x$$ is it",
            "$$\nx\n\n$$",
            "$$x",
            "```\n$$x$$\n```",
            "~~~\n$$x$$",
            "$$$$",
            "    $$",
            "a $$x$$",
        ] {
            assert_eq!(marked(text), text.trim_end());
        }
    }

    #[test]
    fn a_closed_code_block_ends() {
        assert_eq!(marked("```\na\n```\n$$x$$"), format!("```\na\n```\n```{MARK}\nx\n```"));
    }
}

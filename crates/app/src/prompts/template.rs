//! The variables of a prompt: `{{name}}`, or `{{name|default}}` with a text that may have several lines.
//! `\{{` is no variable. What does not close, or has no name, is text.
use std::collections::BTreeMap;

use contract::PromptPart;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const ESCAPED: &str = "\\{{";

/// The parts of a text. A variable has the same default wherever it stands: the first that is written.
pub(crate) fn parts(text: &str) -> Vec<PromptPart> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    // After the last one nothing closes, and a search for it would be made at every brace.
    let open_until = text.rfind(CLOSE).unwrap_or(0);
    while let Some(first) = rest.chars().next() {
        let may_close = text.len() - rest.len() < open_until;
        if let Some(after) = rest.strip_prefix(ESCAPED) {
            plain.push_str(OPEN);
            rest = after;
        } else if let Some((name, default, after)) = may_close.then(|| variable(rest)).flatten() {
            if !plain.is_empty() {
                parts.push(PromptPart::Text { text: std::mem::take(&mut plain) });
            }
            parts.push(PromptPart::Variable { name: name.to_owned(), default: default.to_owned() });
            rest = after;
        } else {
            let begin = first.len_utf8();
            let next = rest[begin..].find(['\\', '{']).map_or(rest.len(), |at| begin + at);
            plain.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    if !plain.is_empty() {
        parts.push(PromptPart::Text { text: plain });
    }
    with_one_default(parts)
}

/// The name and the default of the variable that a text begins with, and what follows it.
fn variable(text: &str) -> Option<(&str, &str, &str)> {
    let inner = text.strip_prefix(OPEN)?;
    let (name, rest) = inner.split_at(inner.find(['{', '}', '|', '\n'])?);
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    if let Some(after) = rest.strip_prefix(CLOSE) {
        return Some((name, "", after));
    }
    let (default, after) = rest.strip_prefix('|')?.split_once(CLOSE)?;
    Some((name, default, after))
}

fn with_one_default(mut parts: Vec<PromptPart>) -> Vec<PromptPart> {
    let mut defaults = BTreeMap::new();
    for part in &parts {
        if let PromptPart::Variable { name, default } = part
            && !default.is_empty()
        {
            defaults.entry(name.clone()).or_insert_with(|| default.clone());
        }
    }
    for part in &mut parts {
        if let PromptPart::Variable { name, default } = part {
            *default = defaults.get(name).cloned().unwrap_or_default();
        }
    }
    parts
}

/// The text with values in place of its variables.
///
/// # Errors
/// The names of the variables that have neither a value nor a default.
pub(crate) fn fill(parts: &[PromptPart], values: &BTreeMap<String, String>) -> Result<String, Vec<String>> {
    let mut missing: Vec<String> = Vec::new();
    let mut text = String::new();
    for part in parts {
        match part {
            PromptPart::Text { text: plain } => text.push_str(plain),
            PromptPart::Variable { name, default } => match values.get(name) {
                Some(value) => text.push_str(value),
                None if !default.is_empty() => text.push_str(default),
                None if missing.contains(name) => {}
                None => missing.push(name.clone()),
            },
        }
    }
    if missing.is_empty() { Ok(text) } else { Err(missing) }
}

/// Whether a prompt has a variable of this name.
pub(crate) fn has(parts: &[PromptPart], wanted: &str) -> bool {
    parts.iter().any(|part| matches!(part, PromptPart::Variable { name, .. } if name == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> PromptPart {
        PromptPart::Text { text: text.into() }
    }

    fn variable(name: &str, default: &str) -> PromptPart {
        PromptPart::Variable { name: name.into(), default: default.into() }
    }

    #[test]
    fn variables_have_names_and_defaults() {
        assert_eq!(
            parts("Translate {{ text }} to {{language|English}}."),
            [
                text("Translate "),
                variable("text", ""),
                text(" to "),
                variable("language", "English"),
                text(".")
            ]
        );
        assert_eq!(parts("{{语言|中文\n第二行}}"), [variable("语言", "中文\n第二行")]);
        assert_eq!(parts("{{a|b|c}}"), [variable("a", "b|c")]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn what_is_no_variable_is_text() {
        for plain in ["{{}}", "{{ }}", "{{|x}}", "{{a", "a}}", "{a}", "{{a}b}}", "{{a\nb}}", "\\", "鲸{"] {
            assert_eq!(parts(plain), [text(plain)], "{plain}");
        }
        assert_eq!(parts("\\{{a}}"), [text("{{a}}")]);
        assert_eq!(parts("\\n \\{ {{a}}"), [text("\\n \\{ "), variable("a", "")]);
    }

    #[test]
    fn braces_inside_braces_belong_to_the_innermost() {
        assert_eq!(parts("{{a{{b}}}}"), [text("{{a"), variable("b", ""), text("}}")]);
        assert_eq!(parts("{{{x}}}"), [text("{"), variable("x", ""), text("}")]);
        assert_eq!(parts("{{a|{b}}}"), [variable("a", "{b"), text("}")]);
    }

    #[test]
    fn a_repeated_variable_has_its_first_default() {
        assert_eq!(
            parts("{{a}}{{a|1}}{{a|2}}"),
            [variable("a", "1"), variable("a", "1"), variable("a", "1")]
        );
    }

    #[test]
    fn values_are_put_in_as_they_are() {
        let values = BTreeMap::from([("a".to_owned(), "{{b}} \\{{".to_owned())]);
        assert_eq!(fill(&parts("<{{a}}|{{b|c}}>"), &values), Ok("<{{b}} \\{{|c>".into()));
        assert_eq!(
            fill(&parts("{{x}} {{y}} {{x}} {{a}}"), &values),
            Err(vec!["x".to_owned(), "y".to_owned()])
        );
        let empty = BTreeMap::from([("x".to_owned(), String::new())]);
        assert_eq!(fill(&parts("{{x|default}}."), &empty), Ok(".".into()), "an empty value is one");
    }

    #[test]
    fn a_long_text_of_braces_is_read_in_time() {
        for piece in ["{", "{{a|", "{{a", "{{a|}", "\\"] {
            let long = piece.repeat(50_000);
            assert_eq!(parts(&long), [text(&long)]);
        }
    }
}

//! Puts values into a message: `{name}` is a value, `{name|one|many}` a value with its noun, which is singular
//! for 1 only. A value that is missing is left out, together with the brackets around it. The window has the
//! same rules (ui/src/lib/errors/words.ts and ui/src/lib/components/plan/words.ts).
use std::borrow::Cow;

use crate::lang::{bytes, grouped};

pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Bytes(f64),
    Count(u64),
}

impl Value<'_> {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => text.clone().into_owned(),
            Self::Bytes(count) => bytes(*count),
            Self::Count(count) => grouped(*count),
        }
    }
}

pub(crate) fn fill<'a>(template: &str, value: impl Fn(&str) -> Option<Value<'a>>) -> String {
    let template = without_unknown(template, |name| value(name).is_some());
    let (mut text, mut rest) = (String::new(), template.as_str());
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, following)) = after.split_once('}') else { break };
        text += before;
        let mut parts = placeholder.split('|');
        let written = parts.next().and_then(&value).map(|value| value.written()).unwrap_or_default();
        text += &written;
        if let (Some(one), Some(many)) = (parts.next(), parts.next()) {
            text += " ";
            text += if written == "1" { one } else { many };
        }
        rest = following;
    }
    text + rest
}

/// The names of the placeholders.
pub(crate) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')?.0.split('|').next())
}

/// Without each bracket that has an unknown name, and without the space before it.
fn without_unknown(template: &str, known: impl Fn(&str) -> bool) -> String {
    let (mut kept, mut rest) = (String::new(), template);
    while let Some(open) = rest.find(['(', '（']) {
        let Some(close) = rest[open..].find([')', '）']).map(|length| open + length) else { break };
        let end = close + rest[close..].chars().next().map_or(0, char::len_utf8);
        let group = &rest[open..end];
        kept += &rest[..open];
        if names(group).all(&known) {
            kept += group;
        } else {
            kept.truncate(kept.trim_end().len());
        }
        rest = &rest[end..];
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, values: &[(&str, u64)]) -> String {
        fill(template, |name| {
            values.iter().find(|(known, _)| *known == name).map(|(_, count)| Value::Count(*count))
        })
    }

    #[test]
    fn a_bracket_goes_with_its_value() {
        let both = "Full (needs {needed}, free {free}).";
        assert_eq!(filled(both, &[("needed", 2000), ("free", 5)]), "Full (needs 2,000, free 5).");
        assert_eq!(filled(both, &[("needed", 2000)]), "Full.");
        assert_eq!(filled("满（需要 {needed}）。", &[]), "满。");
        assert_eq!(filled("Full (always).", &[]), "Full (always).");
    }

    #[test]
    fn a_noun_agrees_with_its_count() {
        let text = "{count|card is|cards are} left.";
        assert_eq!(
            [1, 0, 1200].map(|count| filled(text, &[("count", count)])),
            ["1 card is left.", "0 cards are left.", "1,200 cards are left."]
        );
    }

    #[test]
    fn a_brace_in_a_value_is_only_a_letter() {
        let path = |_: &str| Some(Value::Text("/m/{x}/a.gguf".into()));
        assert_eq!(fill("Read {path}.", path), "Read /m/{x}/a.gguf.");
    }
}

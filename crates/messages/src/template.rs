//! Puts values into a message: `{name}` is a value, `{a name}` a value with its article, `{name|one|many}` a
//! value with its noun, which is singular for 1 only. A value that is missing is left out, together with the
//! brackets around it. The window has the same rules (ui/src/lib/format/template.ts).
use std::borrow::Cow;

use crate::Lang;
use crate::amounts::{grouped, pages, rate, size, with_article};
use crate::catalogue::Bilingual;

#[derive(Clone)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Bytes(u64),
    Count(u64),
    /// Tokens, as pages of a book.
    Pages(u32),
    /// Tokens per second, as words.
    Words(f64),
    /// Part of a sentence.
    Word(&'a Bilingual<String>),
}

impl Value<'_> {
    fn written(&self, lang: Lang) -> String {
        match self {
            Self::Text(text) => text.clone().into_owned(),
            Self::Bytes(count) => size(*count),
            Self::Count(count) => grouped(*count),
            Self::Pages(tokens) => pages(*tokens, lang),
            Self::Words(tokens) => rate(*tokens),
            Self::Word(both) => both.of(lang).clone(),
        }
    }
}

pub(crate) fn fill<'a>(template: &str, lang: Lang, value: impl Fn(&str) -> Option<Value<'a>>) -> String {
    let template = without_unknown(template, |name| value(name).is_some());
    let (mut text, mut rest) = (String::new(), template.as_str());
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, following)) = after.split_once('}') else { break };
        text += before;
        let mut parts = placeholder.split('|');
        let whole = parts.next().unwrap_or_default();
        let written = value(name(whole)).map(|value| value.written(lang)).unwrap_or_default();
        text += &if whole.starts_with(ARTICLE) { with_article(&written) } else { written.clone() };
        if let (Some(one), Some(many)) = (parts.next(), parts.next()) {
            text += " ";
            text += if written == "1" { one } else { many };
        }
        rest = following;
    }
    text + rest
}

/// The same with values that are text.
pub(crate) fn fill_texts(template: &str, lang: Lang, values: &[(&str, &str)]) -> String {
    let value = |name: &str| values.iter().find(|(known, _)| *known == name);
    fill(template, lang, |name| value(name).map(|(_, text)| Value::Text((*text).into())))
}

/// The names of the placeholders.
pub(crate) fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}')?.0.split('|').next()).map(name)
}

const ARTICLE: &str = "a ";

fn name(placeholder: &str) -> &str {
    placeholder.strip_prefix(ARTICLE).unwrap_or(placeholder)
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
        fill(template, Lang::En, |name| {
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
    fn an_article_agrees_with_its_number() {
        assert_eq!(filled("With {a size} GB card.", &[("size", 8)]), "With an 8 GB card.");
        assert_eq!(filled("With {a size} GB card.", &[("size", 24)]), "With a 24 GB card.");
    }

    #[test]
    fn a_brace_in_a_value_is_only_a_letter() {
        let path = |_: &str| Some(Value::Text("/m/{x}/a.gguf".into()));
        assert_eq!(fill("Read {path}.", Lang::En, path), "Read /m/{x}/a.gguf.");
    }
}

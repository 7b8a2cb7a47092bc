//! The messages of deployment plans in English and Chinese, with their values filled in.
//! The window uses the same file.
use std::sync::LazyLock;

use contract::ReasonView;

use crate::Lang;
use crate::catalogue::{Catalogue, parse};
use crate::template::{Value, fill};

static CATALOGUE: LazyLock<Catalogue<String>> =
    LazyLock::new(|| parse(include_str!("../../../assets/messages/plans.toml")));

/// Values of digits that are no counts.
const NAMES: [&str; 2] = ["port", "repo"];

/// The message of a reason. A name without a value stays, and the test of all plans fails.
pub fn plan_message(reason: &ReasonView, lang: Lang) -> String {
    fill(CATALOGUE[&reason.code].of(lang), lang, |name| {
        let Some(text) = reason.values.get(name) else {
            return Some(Value::Text(format!("{{{name}}}").into()));
        };
        let count = text.parse().ok().filter(|_| !NAMES.contains(&name));
        Some(count.map_or_else(|| Value::Text(text.into()), Value::Count))
    })
}

#[cfg(test)]
mod tests {
    use plan::ReasonCode;

    use super::*;

    #[test]
    fn nouns_agree_with_their_values() {
        let message = |code: &str, name: &str, value: &str, lang| {
            let values = [(name.to_owned(), value.to_owned())].into_iter().collect();
            plan_message(&ReasonView { code: code.into(), values }, lang)
        };
        let most = |count, lang| message("sequences", "count", count, lang);
        assert_eq!(most("1", Lang::En), "At most 1 conversation at the same time; more wait in line.");
        assert_eq!(most("4", Lang::En), "At most 4 conversations at the same time; more wait in line.");
        assert_eq!(most("1", Lang::Zh), "最多同时进行 1 个对话，其余排队。");
        let left = message("unused_machines", "machines", "1", Lang::En);
        assert!(left.starts_with("1 machine is left over"), "{left}");
    }

    /// A value before a plural noun is written so that one of them is singular.
    #[test]
    fn no_count_stands_before_a_plain_plural() {
        let nouns = ["cards", "machines", "conversations", "layers", "groups", "copies", "ranks"];
        for (code, both) in CATALOGUE.iter() {
            for noun in nouns {
                assert!(!both.en.contains(&format!("}} {noun}")), "{code}: {}", both.en);
            }
        }
    }

    #[test]
    fn every_code_has_a_message_in_both_languages() {
        crate::catalogue::check(&CATALOGUE, ReasonCode::ALL.iter().map(|code| code.key()));
    }
}

//! The prompts that come with the app, as examples in the library of prompts.
//! They are texts with variables, which only the app reads.
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Lang;
use crate::catalogue::{Catalogue, parse};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    name: String,
    text: String,
}

static CATALOGUE: LazyLock<Catalogue<Words>> =
    LazyLock::new(|| parse(include_str!("../../../assets/messages/prompts.toml")));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExamplePrompt {
    pub key: &'static str,
    pub name: &'static str,
    pub text: &'static str,
}

/// All of them, in the order of their keys.
pub fn example_prompts(lang: Lang) -> Vec<ExamplePrompt> {
    let all = CATALOGUE.iter().map(|(key, both)| {
        let Words { name, text } = both.of(lang);
        ExamplePrompt { key, name, text }
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_languages_have_the_same_prompts_in_their_own_words() {
        let [english, chinese] = [Lang::En, Lang::Zh].map(example_prompts);
        assert!(english.iter().map(|one| one.key).eq(chinese.iter().map(|one| one.key)));
        let is_chinese = |text: &str| text.chars().any(|letter| letter > '\u{2e80}');
        for one in english {
            assert!(!is_chinese(one.name) && !is_chinese(one.text), "{}", one.key);
        }
        for one in chinese {
            assert!(is_chinese(one.name) && is_chinese(one.text), "{}", one.key);
        }
    }
}

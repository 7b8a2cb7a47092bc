//! One file of assets/messages in memory: each code with its message in both languages. A file is part of the
//! program, and the tests of each subject compare it with the codes, so a message is always there.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Lang;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bilingual<T> {
    pub en: T,
    pub zh: T,
}

impl<T> Bilingual<T> {
    pub fn of(&self, lang: Lang) -> &T {
        lang.pick(&self.en, &self.zh)
    }
}

/// By code.
pub(crate) type Catalogue<T> = BTreeMap<String, Bilingual<T>>;

pub(crate) fn parse<T: DeserializeOwned>(file: &str) -> Catalogue<T> {
    toml::from_str(file).expect("a test parses this file")
}

/// Every code has a message and every message a code, with the same values in both languages.
#[cfg(test)]
pub(crate) fn check<'a>(catalogue: &Catalogue<String>, codes: impl Iterator<Item = &'a str>) {
    use std::collections::BTreeSet;

    let codes: BTreeSet<&str> = codes.collect();
    let known: BTreeSet<&str> = catalogue.keys().map(String::as_str).collect();
    assert_eq!(codes, known, "codes and messages");
    for (code, both) in catalogue {
        let [en, zh] = [&both.en, &both.zh].map(|text| crate::template::names(text).collect::<BTreeSet<_>>());
        assert_eq!(en, zh, "{code}");
        assert!(both.zh.chars().any(|letter| letter > '\u{2e80}'), "{code} is not Chinese");
        assert!(!both.en.chars().any(|letter| letter > '\u{2e80}'), "{code} is not English");
        for text in [&both.en, &both.zh] {
            assert!(!text.contains(['!', '！']), "no exclamation marks: {text}");
        }
    }
}

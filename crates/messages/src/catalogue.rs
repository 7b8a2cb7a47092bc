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

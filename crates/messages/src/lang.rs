//! The language of a host without a page.
//! The messages themselves are elsewhere.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Zh,
}

impl Lang {
    /// Parses `en` or `zh`.
    pub fn from_name(name: &str) -> Option<Self> {
        [("en", Self::En), ("zh", Self::Zh)]
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, lang)| lang)
    }

    /// From the locale variables of a terminal, in their order of precedence.
    pub fn from_env() -> Self {
        let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self::of(["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set).as_deref())
    }

    fn of(locale: Option<&str>) -> Self {
        if locale.is_some_and(|locale| locale.starts_with("zh")) { Self::Zh } else { Self::En }
    }

    pub fn pick<T>(self, en: T, zh: T) -> T {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_the_language() {
        assert_eq!(Lang::of(Some("zh_CN.UTF-8")), Lang::Zh);
        assert_eq!(Lang::of(Some("de_DE.UTF-8")), Lang::En);
        assert_eq!(Lang::of(None), Lang::En);
    }
}

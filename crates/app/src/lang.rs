//! Which language a host without a page speaks, and numbers as people read them.
pub use catalog::units::grouped;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    En,
    Zh,
}

impl Lang {
    /// As `en` or `zh`.
    pub fn named(name: &str) -> Option<Self> {
        [("en", Self::En), ("zh", Self::Zh)]
            .into_iter()
            .find(|(known, _)| *known == name)
            .map(|(_, lang)| lang)
    }

    /// From the variables that a terminal sets, the strongest first.
    pub fn of_environment() -> Self {
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

/// By the one rule for amounts of bytes.
pub fn bytes(count: f64) -> String {
    catalog::units::size(count.max(0.0) as u64)
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

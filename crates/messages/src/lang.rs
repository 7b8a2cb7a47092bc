//! The language of a host without a page, and counts with their nouns.
//! The messages themselves are elsewhere.
use crate::amounts::grouped;

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

/// A count with its noun, which is singular for 1 only: "1 machine", "0 machines", "2,048 tokens". Chinese
/// has one form, with its measure word: "2 台机器" is `counted(lang, 2, _, "台机器")`.
pub fn counted(lang: Lang, count: u64, (one, many): (&str, &str), zh: &str) -> String {
    let number = grouped(count);
    match lang {
        Lang::En if count == 1 => format!("{number} {one}"),
        Lang::En => format!("{number} {many}"),
        Lang::Zh => format!("{number} {zh}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_agree_with_their_numbers() {
        let machines = |count| counted(Lang::En, count, ("machine", "machines"), "台机器");
        assert_eq!(
            [0, 1, 2, 21, 2048].map(machines),
            ["0 machines", "1 machine", "2 machines", "21 machines", "2,048 machines"]
        );
        assert_eq!(counted(Lang::Zh, 1, ("machine", "machines"), "台机器"), "1 台机器");
    }

    #[test]
    fn the_locale_decides_the_language() {
        assert_eq!(Lang::of(Some("zh_CN.UTF-8")), Lang::Zh);
        assert_eq!(Lang::of(Some("de_DE.UTF-8")), Lang::En);
        assert_eq!(Lang::of(None), Lang::En);
    }
}

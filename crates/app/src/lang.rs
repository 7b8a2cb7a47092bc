//! Which language a host without a page speaks, and numbers as people read them.
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

/// Decimal units, as disks and downloads are sold.
pub fn bytes(count: f64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// 163840 as 163,840.
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 163_840].map(grouped), ["0", "999", "1,000", "163,840"]);
    }

    #[test]
    fn bytes_are_read_at_a_glance() {
        for (count, text) in
            [(0.0, "0 B"), (999.0, "999 B"), (1500.0, "1.5 kB"), (999_960.0, "1.0 MB"), (6.9e11, "690.0 GB")]
        {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn the_locale_decides_the_language() {
        assert_eq!(Lang::of(Some("zh_CN.UTF-8")), Lang::Zh);
        assert_eq!(Lang::of(Some("de_DE.UTF-8")), Lang::En);
        assert_eq!(Lang::of(None), Lang::En);
    }
}

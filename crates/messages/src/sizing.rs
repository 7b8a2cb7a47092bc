//! The words of a sizing where a page does not show it: of its picture, and of the terminal.
//! Where they stand is decided there.
use std::sync::LazyLock;

use contract::{CardsVerdict, CardsView, SizingView, Verdict};

use crate::Lang;
use crate::amounts::grouped;
use crate::catalogue::{Catalogue, parse};
use crate::template::fill_texts;

static CATALOGUE: LazyLock<Catalogue<String>> =
    LazyLock::new(|| parse(include_str!("../../../assets/messages/sizing.toml")));

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SizingLabel {
    ThisComputer,
    GraphicsCards,
    OneConversation,
    ConversationsAtOnce,
    RunsWell,
    ShortContext,
    Slow,
    TooLarge,
    SharedWeights,
    Experts,
    Conversations,
    WorkingSpace,
    Card,
    HowMany,
    MemoryOfEach,
    Verdict,
    TotalCapacity,
    InMachines,
    Tokens,
    Holds,
    ShorterConversations,
    TooSmall,
    NoFp8,
    NoFp4,
    NoBf16,
    Estimates,
}

impl SizingLabel {
    /// The verdict of this computer, as a sentence.
    pub fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::RunsWell => Self::RunsWell,
            Verdict::ShortContext => Self::ShortContext,
            Verdict::Slow => Self::Slow,
            Verdict::TooLarge => Self::TooLarge,
        }
    }

    pub fn of_cards(verdict: CardsVerdict) -> Self {
        match verdict {
            CardsVerdict::Holds => Self::Holds,
            CardsVerdict::ShortContext => Self::ShorterConversations,
            CardsVerdict::TooSmall => Self::TooSmall,
            CardsVerdict::NoFp8 => Self::NoFp8,
            CardsVerdict::NoFp4 => Self::NoFp4,
            CardsVerdict::NoBf16 => Self::NoBf16,
        }
    }

    pub fn text(self, lang: Lang) -> &'static str {
        let key: &str = self.into();
        CATALOGUE[key].of(lang)
    }

    fn with(self, lang: Lang, values: &[(&str, &str)]) -> String {
        fill_texts(self.text(lang), lang, values)
    }
}

/// The requested conversations.
pub fn sizing_conversations(view: &SizingView, lang: Lang) -> String {
    let label =
        if view.sequences == 1 { SizingLabel::OneConversation } else { SizingLabel::ConversationsAtOnce };
    let count = view.sequences.to_string();
    label.with(lang, &[("count", &count), ("tokens", &grouped(view.context.into()))])
}

/// How many GPUs, and in how many hosts if there are several.
pub fn card_count(row: &CardsView, lang: Lang) -> String {
    let (count, machines) = (row.count.to_string(), row.nodes.to_string());
    if row.nodes == 1 {
        return count;
    }
    SizingLabel::InMachines.with(lang, &[("count", &count), ("machines", &machines)])
}

/// Tokens in thousands from ten thousand on.
pub fn rounded_tokens(count: f64, lang: Lang) -> String {
    let count = if count >= 10_000.0 { format!("{:.0}K", count / 1000.0) } else { format!("{count:.0}") };
    SizingLabel::Tokens.with(lang, &[("count", &count)])
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_label_is_there_in_both_languages() {
        crate::catalogue::check(&CATALOGUE, SizingLabel::VARIANTS.iter().map(|label| label.into()));
    }

    #[test]
    fn long_capacities_are_in_thousands() {
        assert_eq!(rounded_tokens(9_999.4, Lang::En), "9999 tokens");
        assert_eq!(rounded_tokens(163_840.0, Lang::Zh), "164K 词元");
    }
}

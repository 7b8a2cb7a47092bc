//! The messages about models: verdicts, the recommendation, an upgrade, GPUs that are not used, and notes.
//! They are made in both languages at once, because a page that changes its language does not ask again.
mod fit;
mod recommendation;

use std::sync::LazyLock;

use catalog::MemoryKind;
use contract::Localized;

use crate::Lang;
use crate::amounts::grouped;
use crate::catalogue::{Catalogue, parse};
use crate::template::{Value, fill};

pub use fit::fit_reason;
pub use recommendation::{idle_gpus, recommendation, upgrade};

static CATALOGUE: LazyLock<Catalogue<String>> =
    LazyLock::new(|| parse(include_str!("../../../../assets/messages/models.toml")));

#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
enum Code {
    NoFiles,
    RunsWell,
    OnCard,
    ShortContext,
    Slow,
    SlowExpected,
    SlowOnCard,
    NoCard,
    CardShortage,
    TooLarge,
    TooLargeForMany,
    BestSmallest,
    BestOnDisk,
    BestSpeed,
    BestExpectedSpeed,
    BestInRam,
    BestOnCard,
    ExpectedSpeed,
    DiskFull,
    MemoryFull,
    UpgradeMemory,
    UpgradeCard,
    SettingsTooLarge,
    SettingsFit,
    SettingsNeverFit,
    OwnFile,
    FromRepository,
    KnownOwnFile,
    KnownFromRepository,
    RecommendedPreset,
    RecommendedPresetUse,
    IdleCard,
    IdleCards,
    IdleMixedCards,
    IdleNotChosen,
    IdleNotNvidia,
    IdleCapability,
    IdleDriver,
    IdleUnknown,
    GraphicsMemory,
    MainMemory,
}

/// The note on a model that was downloaded from a repository by its name.
pub fn from_repository(repo: &str, architecture: &str) -> Localized {
    let (repo, architecture) = (Value::Text(repo.into()), Value::Text(architecture.into()));
    message(Code::FromRepository, &[("repo", repo), ("architecture", architecture)])
}

/// The note on a model that the user imported.
pub fn own_file(architecture: &str) -> Localized {
    message(Code::OwnFile, &[("architecture", Value::Text(architecture.into()))])
}

/// Why the settings of a model do not fit, and the longest context that does; `None` when none does.
pub fn settings_too_large(
    needed: u64,
    available: u64,
    memory: MemoryKind,
    context: Option<u32>,
) -> Localized {
    let sizes = [("needed", Value::Bytes(needed)), ("available", Value::Bytes(available))];
    let values = [&sizes[..], &[("memory", fit::word(memory))]].concat();
    let advice = match context {
        Some(context) => {
            let tokens = ("tokens", Value::Text(grouped(context.into()).into()));
            message(Code::SettingsFit, &[tokens, ("pages", Value::Pages(context))])
        }
        None => message(Code::SettingsNeverFit, &[]),
    };
    joined([message(Code::SettingsTooLarge, &values), advice]).expect("there are two")
}

/// The note on an imported model that is one of the catalogue; `note` is the catalogue's.
pub fn known_own_file(note: &Localized) -> Localized {
    with_note(Code::KnownOwnFile, note, &[])
}

/// The note on a downloaded model that is one of the catalogue; `note` is the catalogue's.
pub fn known_from_repository(repo: &str, note: &Localized) -> Localized {
    with_note(Code::KnownFromRepository, note, &[("repo", repo)])
}

/// A message around a note, which is in both languages already.
fn with_note(code: Code, note: &Localized, texts: &[(&'static str, &str)]) -> Localized {
    let of = |note: &str| {
        let texts = texts.iter().copied().chain([("note", note)]);
        let values: Vec<_> = texts.map(|(name, text)| (name, Value::Text(text.into()))).collect();
        message(code, &values)
    };
    Localized { en: of(&note.en).en, zh: of(&note.zh).zh }
}

/// The name of the preset with the values of a model's authors, and what it is for.
pub fn recommended_preset() -> (Localized, Localized) {
    (message(Code::RecommendedPreset, &[]), message(Code::RecommendedPresetUse, &[]))
}

/// Sentences after one another.
fn joined(sentences: impl IntoIterator<Item = Localized>) -> Option<Localized> {
    // Chinese has no space between sentences.
    sentences
        .into_iter()
        .reduce(|all, next| Localized { en: format!("{} {}", all.en, next.en), zh: all.zh + &next.zh })
}

fn message(code: Code, values: &[(&str, Value)]) -> Localized {
    let key: &str = code.into();
    let both = &CATALOGUE[key];
    let value = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Localized { en: fill(&both.en, Lang::En, value), zh: fill(&both.zh, Lang::Zh, value) }
}

/// A number that is a name or small, such as that of a "24 GB card": its digits are not grouped.
fn digits<'a>(number: u64) -> Value<'a> {
    Value::Text(number.to_string().into())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;

    #[test]
    fn every_code_has_a_message_in_both_languages() {
        crate::catalogue::check(&CATALOGUE, Code::VARIANTS.iter().map(|code| code.into()));
    }
}

//! The words of deployment plans in English and Chinese, from the file that the window uses too.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use contract::ReasonView;
use serde::Deserialize;

use crate::lang::{Lang, grouped};

const FILE: &str = include_str!("../../../assets/messages/plans.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Both {
    en: String,
    zh: String,
}

fn catalogue() -> &'static BTreeMap<String, Both> {
    static CATALOGUE: OnceLock<BTreeMap<String, Both>> = OnceLock::new();
    CATALOGUE.get_or_init(|| toml::from_str(FILE).expect("a test reads this file"))
}

/// The sentence of a reason with its values put in.
pub fn plan_words(reason: &ReasonView, lang: Lang) -> String {
    let both = &catalogue()[&reason.code];
    filled(lang.pick(&both.en, &both.zh), &reason.values)
}

/// Puts values in place of `{name}`, and with their noun in place of `{name|one|many}`. A name without a value stays.
fn filled(template: &str, values: &BTreeMap<String, String>) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((place, behind)) = after.split_once('}') else { break };
        text += before;
        let mut parts = place.split('|');
        let name = parts.next().unwrap_or_default();
        let shown = values.get(name).map(|value| {
            let count = value.parse::<u64>().ok().filter(|_| name != "port" && name != "repo");
            count.map_or_else(|| value.clone(), grouped)
        });
        match (shown, parts.next(), parts.next()) {
            (Some(value), Some(one), Some(many)) => {
                let noun = if value == "1" { one } else { many };
                text += &format!("{value} {noun}");
            }
            (Some(value), ..) => text += &value,
            (None, ..) => text += &format!("{{{place}}}"),
        }
        rest = behind;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use catalog::Catalog;
    use contract::{PlanOutcome, PlanWish};
    use deploy::plan::ReasonCode;

    use super::*;
    use crate::plan_for;

    fn places(text: &'static str) -> BTreeSet<&'static str> {
        let place =
            |rest: &'static str| -> Option<&'static str> { rest.split_once('}')?.0.split('|').next() };
        text.split('{').skip(1).filter_map(place).collect()
    }

    #[test]
    fn nouns_agree_with_their_values() {
        let said = |code: &str, name: &str, value: &str, lang| {
            let values = [(name.to_owned(), value.to_owned())].into_iter().collect();
            plan_words(&ReasonView { code: code.into(), values }, lang)
        };
        let most = |count, lang| said("sequences", "count", count, lang);
        assert_eq!(most("1", Lang::En), "At most 1 conversation at the same time; more wait in line.");
        assert_eq!(most("4", Lang::En), "At most 4 conversations at the same time; more wait in line.");
        assert_eq!(most("1", Lang::Zh), "最多同时进行 1 个对话，其余排队。");
        let left = said("unused_machines", "machines", "1", Lang::En);
        assert!(left.starts_with("1 machine is left over"), "{left}");
    }

    /// A value before a plural noun is written so that one of them is singular.
    #[test]
    fn no_count_stands_before_a_plain_plural() {
        let nouns = ["cards", "machines", "conversations", "layers", "groups", "copies", "ranks"];
        for (code, both) in catalogue() {
            for noun in nouns {
                assert!(!both.en.contains(&format!("}} {noun}")), "{code}: {}", both.en);
            }
        }
    }

    #[test]
    fn every_code_has_words_in_both_languages() {
        for code in ReasonCode::ALL {
            let both = catalogue().get(code.key()).unwrap_or_else(|| panic!("no words for {}", code.key()));
            assert_eq!(places(&both.en), places(&both.zh), "{}", code.key());
            assert!(both.zh.chars().any(|letter| letter > '\u{2e80}'), "{}", code.key());
            for text in [&both.en, &both.zh] {
                assert!(!text.contains(['!', '！']), "no exclamation marks: {text}");
            }
        }
        assert_eq!(catalogue().len(), ReasonCode::ALL.len(), "words without a code");
    }

    #[test]
    fn every_place_is_filled_in_every_plan() {
        let mut seen = BTreeSet::new();
        for model in Catalog::builtin().models() {
            for engine in ["sglang", "vllm", "llama-server", "ollama"] {
                for machines in [
                    "RTX-4090-24G",
                    "3xRTX-3060-12G",
                    "8xH20-96G",
                    "2x8xH100-80G",
                    "4x8xA100-80G",
                    "8xMI300X-192G",
                    "T4",
                    "8xH200-141G",
                    "2xRX-7900-XTX-24G",
                    "5xL40S-48G",
                ] {
                    for (sequences, ray) in [(1, false), (64, true)] {
                        let wish = PlanWish {
                            model: model.id.clone(),
                            engine: engine.into(),
                            machines: machines.into(),
                            precision: None,
                            context: 32_768,
                            sequences,
                            ray,
                        };
                        let reasons = match plan_for(&wish).expect("is understood") {
                            PlanOutcome::Plan(plan) => {
                                let lines =
                                    plan.arguments.iter().chain(&plan.environment).chain(&plan.modelfile);
                                lines
                                    .map(|line| line.why.clone())
                                    .chain(plan.notes.clone())
                                    .collect::<Vec<_>>()
                            }
                            PlanOutcome::NotEnough { refusals, .. } => {
                                refusals.into_iter().map(|refusal| refusal.why).collect()
                            }
                        };
                        for reason in reasons {
                            for lang in [Lang::En, Lang::Zh] {
                                let text = plan_words(&reason, lang);
                                assert!(!text.contains(['{', '}']), "{}: {text}", reason.code);
                            }
                            seen.insert(reason.code);
                        }
                    }
                }
            }
        }
        // A plan is open when a deployment makes it so. No catalogue model has FP4 files yet, and none fails to divide when a single card is a way too.
        let unseen: Vec<_> =
            ReasonCode::ALL.iter().map(|code| code.key()).filter(|key| !seen.contains(*key)).collect();
        assert_eq!(unseen, ["host", "api_key", "open_to_network", "no_fp4", "no_division"]);
    }
}

//! The messages of deployment plans in English and Chinese, with their values filled in.
//! The window uses the same file.
use std::collections::BTreeMap;
use std::sync::OnceLock;

use contract::ReasonView;
use serde::Deserialize;

use crate::lang::{Lang, grouped};

const FILE: &str = include_str!("../../../assets/messages/plans.toml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Localized {
    en: String,
    zh: String,
}

fn catalogue() -> &'static BTreeMap<String, Localized> {
    static CATALOGUE: OnceLock<BTreeMap<String, Localized>> = OnceLock::new();
    CATALOGUE.get_or_init(|| toml::from_str(FILE).expect("a test parses this file"))
}

/// The message of a reason.
pub fn plan_message(reason: &ReasonView, lang: Lang) -> String {
    let both = &catalogue()[&reason.code];
    fill(lang.pick(&both.en, &both.zh), &reason.values)
}

/// Replaces `{name}` with its value and `{name|one|many}` with its value and noun. A name without a value
/// stays.
fn fill(template: &str, values: &BTreeMap<String, String>) -> String {
    let (mut text, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once('{') {
        let Some((placeholder, following)) = after.split_once('}') else { break };
        text += before;
        let mut parts = placeholder.split('|');
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
            (None, ..) => text += &format!("{{{placeholder}}}"),
        }
        rest = following;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use catalog::Catalog;
    use contract::{PlanOutcome, PlanWish};
    use plan::ReasonCode;

    use super::*;
    use crate::plan_for;

    fn placeholders(text: &'static str) -> BTreeSet<&'static str> {
        let name = |rest: &'static str| -> Option<&'static str> { rest.split_once('}')?.0.split('|').next() };
        text.split('{').skip(1).filter_map(name).collect()
    }

    #[test]
    fn nouns_agree_with_their_values() {
        let message = |code: &str, name: &str, value: &str, lang| {
            let values = [(name.to_owned(), value.to_owned())].into_iter().collect();
            plan_message(&ReasonView { code: code.into(), values }, lang)
        };
        let most = |count, lang| message("sequences", "count", count, lang);
        assert_eq!(most("1", Lang::En), "At most 1 conversation at the same time; more wait in line.");
        assert_eq!(most("4", Lang::En), "At most 4 conversations at the same time; more wait in line.");
        assert_eq!(most("1", Lang::Zh), "最多同时进行 1 个对话，其余排队。");
        let left = message("unused_machines", "machines", "1", Lang::En);
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
    fn every_code_has_a_message_in_both_languages() {
        for code in ReasonCode::ALL {
            let both = catalogue().get(code.key()).unwrap_or_else(|| panic!("no message for {}", code.key()));
            assert_eq!(placeholders(&both.en), placeholders(&both.zh), "{}", code.key());
            assert!(both.zh.chars().any(|letter| letter > '\u{2e80}'), "{}", code.key());
            for text in [&both.en, &both.zh] {
                assert!(!text.contains(['!', '！']), "no exclamation marks: {text}");
            }
        }
        assert_eq!(catalogue().len(), ReasonCode::ALL.len(), "a message without a code");
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
                                let text = plan_message(&reason, lang);
                                assert!(!text.contains(['{', '}']), "{}: {text}", reason.code);
                            }
                            seen.insert(reason.code);
                        }
                    }
                }
            }
        }
        // A deployment opens a plan to the network. No catalogue model has FP4 files yet, and all of them can
        // be divided where a single GPU is possible too.
        let unseen: Vec<_> =
            ReasonCode::ALL.iter().map(|code| code.key()).filter(|key| !seen.contains(*key)).collect();
        assert_eq!(unseen, ["host", "api_key", "open_to_network", "no_fp4", "no_division"]);
    }
}

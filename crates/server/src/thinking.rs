//! Whether to think first, as clients ask for it: OpenAI's `reasoning_effort`, DeepSeek's `thinking`, Qwen's `enable_thinking`.
//! A model whose template has a switch is switched. One without is asked for what it does anyway, or the field is refused by name:
//! no template here knows degrees, so every effort but none means to think.
use serde_json::{Map, Value, json};
use text::Reasoning;

use crate::error::ApiError;

/// What one request says.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThinkingFields<'a> {
    pub effort: Option<&'a str>,
    /// The `type` of DeepSeek's field.
    pub thinking: Option<&'a str>,
    pub enable: Option<bool>,
}

const EFFORTS: &str = "none, minimal, low, medium, high, xhigh, max";

impl ThinkingFields<'_> {
    /// The switch's values for the template, beside those that the client gave itself.
    ///
    /// # Errors
    /// A value that is not known, fields that contradict each other, or a model that cannot do it.
    pub fn flags(self, model: &Reasoning, given: &Value) -> Result<Value, ApiError> {
        let Some((field, on)) = self.asked()? else { return Ok(given.clone()) };
        let mut flags: Map<String, Value> = given.as_object().cloned().unwrap_or_default();
        match model {
            Reasoning::Switch(names) => {
                for name in names {
                    // What the client says to the template itself is the last word.
                    flags.entry(*name).or_insert_with(|| json!(on));
                }
                Ok(Value::Object(flags))
            }
            Reasoning::Fixed if on => Ok(given.clone()),
            Reasoning::Never if !on => Ok(given.clone()),
            Reasoning::Fixed => {
                Err(ApiError::invalid(field, format!("{field}: this model has no switch for thinking")))
            }
            Reasoning::Never => {
                Err(ApiError::invalid(field, format!("{field}: this model does not think before it answers")))
            }
        }
    }

    /// The field that says it, and what.
    fn asked(self) -> Result<Option<(&'static str, bool)>, ApiError> {
        let mut said: Vec<(&'static str, bool)> = Vec::new();
        match self.effort {
            None => {}
            Some("none") => said.push(("reasoning_effort", false)),
            Some("minimal" | "low" | "medium" | "high" | "xhigh" | "max") => {
                said.push(("reasoning_effort", true));
            }
            Some(_) => {
                return Err(ApiError::invalid(
                    "reasoning_effort",
                    format!("reasoning_effort is one of {EFFORTS}"),
                ));
            }
        }
        match self.thinking {
            None | Some("auto") => {}
            Some("enabled") => said.push(("thinking", true)),
            Some("disabled") => said.push(("thinking", false)),
            Some(_) => {
                return Err(ApiError::invalid("thinking.type", "thinking.type is enabled or disabled"));
            }
        }
        said.extend(self.enable.map(|on| ("enable_thinking", on)));
        let first = said.first().copied();
        match said.iter().find(|(_, on)| first.is_some_and(|(_, first)| first != *on)) {
            Some((field, _)) => {
                let other = first.map_or("", |(name, _)| name);
                Err(ApiError::invalid(*field, format!("{field} and {other} say opposite things")))
            }
            None => Ok(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effort(effort: &str, model: &Reasoning) -> Result<Value, String> {
        let fields = ThinkingFields { effort: Some(effort), ..ThinkingFields::default() };
        fields.flags(model, &Value::Null).map_err(|error| error.param.unwrap_or_default().into_owned())
    }

    #[test]
    fn a_switch_is_switched_and_a_model_without_one_refuses_what_it_cannot() {
        let hybrid = Reasoning::Switch(vec!["thinking"]);
        assert_eq!(effort("high", &hybrid), Ok(json!({"thinking": true})));
        assert_eq!(effort("none", &hybrid), Ok(json!({"thinking": false})));
        let refused = Err("reasoning_effort".to_owned());
        assert_eq!(effort("much", &hybrid), refused);
        assert_eq!(
            (effort("low", &Reasoning::Fixed), effort("none", &Reasoning::Fixed)),
            (Ok(Value::Null), refused.clone())
        );
        assert_eq!(
            (effort("none", &Reasoning::Never), effort("low", &Reasoning::Never)),
            (Ok(Value::Null), refused)
        );
    }

    #[test]
    fn contradictions_are_refused_and_the_template_s_own_value_is_kept() {
        let hybrid = Reasoning::Switch(vec!["enable_thinking"]);
        let both = ThinkingFields { effort: Some("high"), thinking: Some("disabled"), enable: None };
        assert_eq!(
            both.flags(&hybrid, &Value::Null).expect_err("a contradiction").param.as_deref(),
            Some("thinking")
        );
        let one = ThinkingFields { enable: Some(true), ..ThinkingFields::default() };
        let given = json!({"enable_thinking": false, "x": 1});
        assert_eq!(one.flags(&hybrid, &given).expect("is taken"), given);
        assert_eq!(
            ThinkingFields::default().flags(&Reasoning::Never, &given).expect("nothing is asked"),
            given
        );
    }
}

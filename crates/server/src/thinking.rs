//! Whether the model reasons first: OpenAI's `reasoning_effort`, DeepSeek's `thinking`, Qwen's
//! `enable_thinking`. A chat template that has a variable for it gets the value. For one without, a field
//! that asks for another behaviour than the model's own is refused by name. No template has degrees, so every
//! effort but `none` means to reason.
use protocol::openai::ChatCompletionRequest;
use serde_json::{Map, Value};
use text::Reasoning;

use crate::error::ApiError;

/// The fields of one request.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThinkingFields<'a> {
    pub effort: Option<&'a str>,
    /// The `type` of DeepSeek's field.
    pub thinking: Option<&'a str>,
    pub enable: Option<bool>,
}

const EFFORTS: &str = "none, minimal, low, medium, high, xhigh, max";

impl<'a> ThinkingFields<'a> {
    pub fn of(request: &'a ChatCompletionRequest) -> Self {
        Self {
            effort: request.reasoning_effort.as_deref(),
            thinking: request.thinking.as_ref().map(|thinking| thinking.kind.as_str()),
            enable: request.enable_thinking,
        }
    }

    /// The template's variables: those of the request, and the ones that these fields set.
    ///
    /// # Errors
    /// A value that is not known, fields that contradict each other, or a model that cannot do it.
    pub fn template_kwargs(self, model: &Reasoning, kwargs: &Value) -> Result<Value, ApiError> {
        let Some((field, on)) = self.requested()? else { return Ok(kwargs.clone()) };
        let mut merged: Map<String, Value> = kwargs.as_object().cloned().unwrap_or_default();
        match model {
            Reasoning::Switch(names) => {
                for name in names {
                    // A variable that the client sets itself takes precedence.
                    merged.entry(*name).or_insert(Value::Bool(on));
                }
                Ok(Value::Object(merged))
            }
            Reasoning::Fixed if on => Ok(kwargs.clone()),
            Reasoning::Never if !on => Ok(kwargs.clone()),
            Reasoning::Fixed => Err(ApiError::invalid(field, format!("{field}: this model always reasons"))),
            Reasoning::Never => Err(ApiError::invalid(field, format!("{field}: this model does not reason"))),
        }
    }

    /// The first field that is set, and its value.
    fn requested(self) -> Result<Option<(&'static str, bool)>, ApiError> {
        let mut set: Vec<(&'static str, bool)> = Vec::new();
        match self.effort {
            None => {}
            Some("none") => set.push(("reasoning_effort", false)),
            Some("minimal" | "low" | "medium" | "high" | "xhigh" | "max") => {
                set.push(("reasoning_effort", true));
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
            Some("enabled") => set.push(("thinking", true)),
            Some("disabled") => set.push(("thinking", false)),
            Some(_) => {
                return Err(ApiError::invalid("thinking.type", "thinking.type is enabled or disabled"));
            }
        }
        set.extend(self.enable.map(|on| ("enable_thinking", on)));
        let first = set.first().copied();
        match set.iter().find(|(_, on)| first.is_some_and(|(_, first)| first != *on)) {
            Some((field, _)) => {
                let other = first.map_or("", |(name, _)| name);
                Err(ApiError::invalid(*field, format!("{field} and {other} contradict each other")))
            }
            None => Ok(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn effort(effort: &str, model: &Reasoning) -> Result<Value, String> {
        let fields = ThinkingFields { effort: Some(effort), ..ThinkingFields::default() };
        fields
            .template_kwargs(model, &Value::Null)
            .map_err(|error| error.param.unwrap_or_default().into_owned())
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
            both.template_kwargs(&hybrid, &Value::Null).expect_err("a contradiction").param.as_deref(),
            Some("thinking")
        );
        let one = ThinkingFields { enable: Some(true), ..ThinkingFields::default() };
        let given = json!({"enable_thinking": false, "x": 1});
        assert_eq!(one.template_kwargs(&hybrid, &given).expect("is taken"), given);
        assert_eq!(
            ThinkingFields::default().template_kwargs(&Reasoning::Never, &given).expect("nothing is asked"),
            given
        );
    }
}

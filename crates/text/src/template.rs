//! The model's own chat template, as `tokenizer_config.json` or `chat_template.jinja` has it.
use std::path::Path;

use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;
use serde_json::Value;

use crate::TextError;

/// One turn, as templates expect it.
#[derive(Debug, Clone, Serialize)]
pub struct Message {
    pub role: String,
    pub content: String,
}

/// A template ready to render.
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// # Errors
    /// When there is no template, or it is not valid Jinja.
    pub fn open(dir: &Path) -> Result<Self, TextError> {
        let path = dir.join("tokenizer_config.json");
        let read_error = |reason: String| TextError::Read { path: path.clone(), reason };
        let text = std::fs::read(&path).map_err(|error| read_error(error.to_string()))?;
        let config: Value = serde_json::from_slice(&text).map_err(|error| read_error(error.to_string()))?;
        let own_file = std::fs::read_to_string(dir.join("chat_template.jinja")).ok();
        let source = own_file
            .or_else(|| template_of(&config))
            .ok_or_else(|| read_error("it has no chat_template".into()))?;
        Self::new(source, token(&config["bos_token"]), token(&config["eos_token"]))
    }

    /// # Errors
    /// When `source` is not valid Jinja.
    pub fn new(source: String, bos: String, eos: String) -> Result<Self, TextError> {
        let mut environment = Environment::new();
        minijinja_contrib::add_to_environment(&mut environment);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        // As transformers sets them for every chat template.
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_function("raise_exception", |reason: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment
            .add_template_owned("chat", source)
            .map_err(|error| TextError::Template(error.to_string()))?;
        Ok(Self { environment, bos, eos })
    }

    /// The prompt of a conversation; `extra` are values the caller adds, such as `thinking`.
    ///
    /// # Errors
    /// When the template refuses the messages.
    pub fn render(&self, messages: &[Message], extra: &Value) -> Result<String, TextError> {
        let template = self.environment.get_template("chat").expect("it was added when this was made");
        let values = context! {
            messages => messages,
            add_generation_prompt => true,
            bos_token => self.bos,
            eos_token => self.eos,
            ..minijinja::Value::from_serialize(if extra.is_object() { extra.clone() } else { Value::Object(Default::default()) })
        };
        template.render(values).map_err(|error| TextError::Template(error.to_string()))
    }
}

/// Whether a prompt ends inside `<think>`, so that the answer begins with reasoning.
pub fn primes_thinking(prompt: &str) -> bool {
    prompt.trim_end().ends_with("<think>")
}

fn template_of(config: &Value) -> Option<String> {
    match &config["chat_template"] {
        Value::String(source) => Some(source.clone()),
        // Older files name several; the one for chats is called default.
        Value::Array(named) => {
            let chosen = named.iter().find(|entry| entry["name"] == "default").or_else(|| named.first())?;
            chosen["template"].as_str().map(str::to_owned)
        }
        _ => None,
    }
}

/// A token is a string, or an object with its text in `content`.
fn token(value: &Value) -> String {
    value.as_str().or_else(|| value["content"].as_str()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SOURCE: &str = "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<U>{{ m['content'] }}\
        {% elif m['role'] == 'assistant' %}<A>{{ m['content'].split('</think>')[-1] }}{{ eos_token }}\
        {% else %}{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}<A>{% endif %}\
        {% if thinking is defined and thinking %}<think>\n{% endif %}";

    fn message(role: &str, content: &str) -> Message {
        Message { role: role.into(), content: content.into() }
    }

    #[test]
    fn a_conversation_is_rendered_as_python_would() {
        let template = ChatTemplate::new(SOURCE.into(), "<B>".into(), "<E>".into()).expect("valid");
        let chat = [
            message("system", "系统。"),
            message("user", "hi"),
            message("assistant", "<think>x</think>yes"),
            message("user", "再问"),
        ];
        assert_eq!(
            template.render(&chat, &Value::Null).expect("rendered"),
            "<B>系统。<U>hi<A>yes<E><U>再问<A>"
        );
        let primed = template.render(&chat[1..2], &json!({"thinking": true})).expect("rendered");
        assert!(primes_thinking(&primed) && !primes_thinking("<A></think>"), "{primed}");
    }

    #[test]
    fn a_broken_template_is_an_error() {
        assert!(ChatTemplate::new("{% if %}".into(), String::new(), String::new()).is_err());
        let raises = ChatTemplate::new("{{ raise_exception('no') }}".into(), String::new(), String::new());
        assert!(raises.expect("valid").render(&[], &Value::Null).is_err());
    }
}

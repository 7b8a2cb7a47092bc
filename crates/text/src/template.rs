//! The model's Jinja chat template, rendered with the settings of transformers.
//!
//! A template is untrusted data: it can read only the conversation, and fuel limits how long it runs.
use std::path::Path;

use checkpoint::{GgufTokenizer, TokenizerSource};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, context};
use serde_json::Value;

use crate::barriers::ControlTokens;
use crate::message::ToolCallEncoding;
use crate::{
    Message, Reasoning, TextError, Tokenizer, ToolCall, ToolCallFormat, jinja_source, python, python_methods,
};

/// Limit of minijinja instructions for one prompt. The longest conversations need a few hundred thousand.
const FUEL: u64 = 4_000_000;

/// A compiled chat template with the bos and eos tokens it writes.
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    control_tokens: ControlTokens,
    bos: String,
    eos: String,
    tool_call_format: ToolCallFormat,
    describes_tools: bool,
    writes_calls: bool,
    reasoning: Reasoning,
    tool_call_encoding: ToolCallEncoding,
}

/// The input of [`ChatTemplate::render`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversation<'a> {
    pub messages: &'a [Message],
    /// OpenAI's `tools`.
    pub tools: &'a [Value],
    /// `chat_template_kwargs`: variables for the template, such as `{"thinking": true}`.
    pub template_kwargs: Option<&'a Value>,
    /// Continue the final message, which is the assistant's, instead of answering it.
    pub continue_final_message: bool,
}

impl ChatTemplate {
    /// Reads the template of a model folder or a GGUF file.
    ///
    /// # Errors
    /// No template, or invalid Jinja.
    pub fn open(source: &TokenizerSource) -> Result<Self, TextError> {
        match source {
            TokenizerSource::Folder(dir) => Self::from_folder(dir),
            TokenizerSource::Gguf(gguf) => Self::from_gguf(gguf),
        }
    }

    fn from_gguf(gguf: &GgufTokenizer) -> Result<Self, TextError> {
        let source = gguf.chat_template.as_deref();
        let source = source.ok_or_else(|| TextError::NoTemplate("the file".to_owned()))?;
        let token =
            |id: Option<u32>| id.and_then(|id| gguf.tokens.get(id as usize)).cloned().unwrap_or_default();
        Self::new(source, token(gguf.bos), token(gguf.eos))
    }

    /// `chat_template.jinja` or `tokenizer_config.json` of a model folder.
    fn from_folder(dir: &Path) -> Result<Self, TextError> {
        let path = dir.join("tokenizer_config.json");
        let read_error = |reason: String| TextError::Read { path: path.clone(), reason };
        let text = std::fs::read(&path).map_err(|error| read_error(error.to_string()))?;
        let config: Value = serde_json::from_slice(&text).map_err(|error| read_error(error.to_string()))?;
        let own_file = std::fs::read_to_string(dir.join("chat_template.jinja")).ok();
        let source = own_file
            .or_else(|| template_of(&config))
            .ok_or_else(|| TextError::NoTemplate(path.display().to_string()))?;
        Self::new(&source, token(&config["bos_token"]), token(&config["eos_token"]))
    }

    /// # Errors
    /// `source` is not valid Jinja.
    pub fn new(source: &str, bos: String, eos: String) -> Result<Self, TextError> {
        let mut environment = Environment::new();
        minijinja_contrib::add_to_environment(&mut environment);
        python_methods::add(&mut environment);
        // The settings of transformers.
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(|out, _, value| out.write_str(&python::str(value)).map_err(Error::from));
        environment.add_filter("tojson", python::tojson);
        environment.add_function("raise_exception", |reason: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment.add_function("strftime_now", |format: String| -> Result<String, Error> {
            let now = jiff::Zoned::now();
            jiff::fmt::strtime::format(&format, &now)
                .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
        });
        environment.set_fuel(Some(FUEL));
        environment
            .add_template_owned("chat", jinja_source::adapt(source))
            .map_err(|error| TextError::Template(error.to_string()))?;
        let variables = environment.get_template("chat").map(|template| template.undeclared_variables(false));
        let variables = variables.unwrap_or_default();
        let describes_tools = variables.contains("tools");
        let reasoning = Reasoning::from_template(source, &variables);
        let tool_call_format = ToolCallFormat::from_template(source);
        let writes_calls = source.contains("tool_calls");
        let mut template = Self {
            environment,
            source: source.to_owned(),
            control_tokens: ControlTokens::default(),
            bos,
            eos,
            tool_call_format,
            describes_tools,
            writes_calls,
            reasoning,
            tool_call_encoding: ToolCallEncoding::default(),
        };
        if writes_calls {
            template.tool_call_encoding = template.detect_tool_call_encoding();
        }
        Ok(template)
    }

    /// Sets the control tokens that only the template may write; untrusted text with their names stays text.
    pub fn for_tokenizer(self, tokenizer: &Tokenizer) -> Self {
        Self { control_tokens: tokenizer.control_tokens().clone(), ..self }
    }

    /// How this model writes tool calls.
    pub fn tool_call_format(&self) -> ToolCallFormat {
        self.tool_call_format
    }

    /// Whether this model reasons, and the template variables that switch it.
    pub fn reasoning(&self) -> &Reasoning {
        &self.reasoning
    }

    /// Whether the template handles think tags: it drops reasoning from history or opens it.
    pub fn handles_reasoning(&self) -> bool {
        self.source.contains("</think>")
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn control_tokens(&self) -> &ControlTokens {
        &self.control_tokens
    }

    /// The detected encoding of earlier tool calls.
    pub(crate) fn tool_call_encoding(&self) -> ToolCallEncoding {
        self.tool_call_encoding
    }

    /// Whether the template writes tool calls, so that their format is known.
    pub fn writes_calls(&self) -> bool {
        self.writes_calls
    }

    /// Whether the template reads `tools`.
    pub(crate) fn describes_tools(&self) -> bool {
        self.describes_tools
    }

    /// Renders a probe call in every encoding and returns the first that works. The other encodings give an
    /// error, JSON inside JSON, a Python repr, or a message without the call.
    fn detect_tool_call_encoding(&self) -> ToolCallEncoding {
        let encodings = [(true, true), (true, false), (false, true), (false, false)];
        let encodings = encodings
            .map(|(null_content, string_arguments)| ToolCallEncoding { null_content, string_arguments });
        encodings.into_iter().find(|encoding| self.accepts_tool_call(*encoding)).unwrap_or_default()
    }

    fn accepts_tool_call(&self, encoding: ToolCallEncoding) -> bool {
        let Ok(text) = self.render_probe_call(encoding) else { return false };
        let as_json =
            ["\"wdkey\": \"wdvalue\"", "\"wdkey\":\"wdvalue\""].iter().any(|json| text.contains(json));
        // Some families write each argument in their own format instead of JSON.
        let apart = ["wdkey", "wdvalue"].iter().all(|part| text.contains(part));
        let quoted = ["'wdkey'", "\\\"wdkey"].iter().any(|part| text.contains(part));
        // A null content must not be printed as "None".
        let nones = |text: &str| text.to_lowercase().matches("none").count();
        let without = self.render_probe_call(ToolCallEncoding { null_content: false, ..encoding });
        let prints_none = without.is_ok_and(|without| nones(&text) > nones(&without));
        text.contains("wdname") && (as_json || (apart && !quoted)) && !prints_none
    }

    /// Renders a conversation with one tool call in this encoding.
    fn render_probe_call(&self, encoding: ToolCallEncoding) -> Result<String, TextError> {
        let call = ToolCall {
            id: "call_1".into(),
            name: "wdname".into(),
            arguments: "{\"wdkey\": \"wdvalue\"}".into(),
        };
        let user = Message::new("user", "?");
        let called = Message { tool_calls: vec![call], ..Message::new("assistant", "") };
        let output = Message {
            tool_call_id: Some("call_1".into()),
            name: Some("wdname".into()),
            ..Message::new("tool", "wdoutput")
        };
        let turns = [user, called, output].map(|turn| Value::Object(turn.fields(encoding)));
        self.apply(&turns, &[], None, true)
    }

    pub(crate) fn apply(
        &self,
        messages: &[Value],
        tools: &[Value],
        template_kwargs: Option<&Value>,
        add_generation_prompt: bool,
    ) -> Result<String, TextError> {
        let template = self.environment.get_template("chat").expect("it was added when this was made");
        let tools = if tools.is_empty() { Value::Null } else { tools.into() };
        let values = context! {
            messages => messages,
            tools => tools,
            documents => (),
            add_generation_prompt => add_generation_prompt,
            bos_token => self.bos,
            eos_token => self.eos,
            ..minijinja::Value::from_serialize(template_kwargs.cloned().unwrap_or_else(|| Value::Object(Default::default())))
        };
        template.render(values).map_err(|error| TextError::Template(error.to_string()))
    }
}

fn template_of(config: &Value) -> Option<String> {
    match &config["chat_template"] {
        Value::String(source) => Some(source.clone()),
        // Older files have several named templates; the one for chats is `default`.
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
    use super::*;
    use crate::Prompt;

    fn render(source: &str, messages: &[Message]) -> Result<Prompt, TextError> {
        let template = ChatTemplate::new(source, "<B>".into(), "<E>".into())?;
        template.render(&Conversation { messages, ..Conversation::default() })
    }

    #[test]
    fn broken_endless_and_refusing_templates_are_errors() {
        assert!(render("{% if %}", &[]).is_err());
        assert!(render("{%}{% generation %}", &[]).is_err());
        let refused = render("{{ raise_exception('no such role') }}", &[]).expect_err("it refuses");
        assert!(refused.to_string().contains("no such role"), "{refused}");
        let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
        assert!(render(endless, &[]).is_err());
        assert!(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", &[]).is_err());
    }

    #[test]
    fn what_cannot_be_continued_is_an_error() {
        let template =
            ChatTemplate::new("{{ messages[0]['role'] }}", String::new(), String::new()).expect("valid");
        for role in ["user", "assistant"] {
            let messages = [Message::new(role, "x")];
            let conversation =
                Conversation { messages: &messages, continue_final_message: true, ..Conversation::default() };
            assert!(template.render(&conversation).is_err());
        }
    }
}

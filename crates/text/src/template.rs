//! The model's own chat template, rendered as transformers renders it with Python's Jinja.
//!
//! A template is data from the network: it sees the conversation and nothing else, and it must end.
use std::path::Path;

use checkpoint::{GgufTokenizer, TokenizerSource};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, context};
use serde_json::Value;

use crate::message::CallFields;
use crate::untrusted::{ControlNames, Guarded};
use crate::{
    CallForm, Message, Reasoning, TextError, Tokenizer, ToolCall, jinja_source, python, python_methods,
};

/// Instructions one prompt may take. The longest conversations take some hundred thousand.
const FUEL: u64 = 4_000_000;
/// A template ready to render.
pub struct ChatTemplate {
    environment: Environment<'static>,
    source: String,
    control_names: ControlNames,
    bos: String,
    eos: String,
    call_form: CallForm,
    describes_tools: bool,
    writes_calls: bool,
    reasoning: Reasoning,
    call_fields: CallFields,
}

/// What a template is asked to render.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conversation<'a> {
    pub messages: &'a [Message],
    /// Functions the model may call, as OpenAI's `tools`.
    pub tools: &'a [Value],
    /// Values the caller adds, such as `{"thinking": true}`.
    pub flags: Option<&'a Value>,
    /// Go on with the last message, the assistant's, instead of answering it.
    pub continued: bool,
}

/// A prompt, in which text from outside is marked as such.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompt {
    pub guarded: Guarded,
    /// It ends inside `<think>`, so the answer begins with reasoning.
    pub thinking: bool,
    /// It asks, and says nothing of reasoning where the answer begins, so that is up to the model.
    pub undecided: bool,
}

impl Prompt {
    pub fn text(&self) -> &str {
        &self.guarded.text
    }
}

impl ChatTemplate {
    /// Reads a template from wherever a checkpoint has it.
    ///
    /// # Errors
    /// When there is no template, or it is not valid Jinja.
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
    /// When `source` is not valid Jinja.
    pub fn new(source: &str, bos: String, eos: String) -> Result<Self, TextError> {
        let mut environment = Environment::new();
        minijinja_contrib::add_to_environment(&mut environment);
        python_methods::add(&mut environment);
        // As transformers sets them for every chat template.
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
            .add_template_owned("chat", jinja_source::adapted(source))
            .map_err(|error| TextError::Template(error.to_string()))?;
        let asks_for = environment.get_template("chat").map(|template| template.undeclared_variables(false));
        let asks_for = asks_for.unwrap_or_default();
        let describes_tools = asks_for.contains("tools");
        let reasoning = Reasoning::of_template(source, &asks_for);
        let call_form = CallForm::of_template(source);
        let writes_calls = source.contains("tool_calls");
        let mut template = Self {
            environment,
            source: source.to_owned(),
            control_names: ControlNames::default(),
            bos,
            eos,
            call_form,
            describes_tools,
            writes_calls,
            reasoning,
            call_fields: CallFields::default(),
        };
        if writes_calls {
            template.call_fields = template.tried_calls();
        }
        Ok(template)
    }

    /// With the names that only the template may write as tokens: text from outside that has them stays text.
    pub fn for_tokenizer(self, tokenizer: &Tokenizer) -> Self {
        Self { control_names: tokenizer.control_names().clone(), ..self }
    }

    /// How this model writes calls of functions.
    pub fn call_form(&self) -> CallForm {
        self.call_form
    }

    /// Whether this model thinks, and how it is told to.
    pub fn reasoning(&self) -> &Reasoning {
        &self.reasoning
    }

    /// Whether the template knows of reasoning, to cut it from history or to begin it.
    pub fn cuts_reasoning(&self) -> bool {
        self.source.contains("</think>")
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn control_names(&self) -> &ControlNames {
        &self.control_names
    }

    /// How it was found to take calls of earlier turns.
    pub(crate) fn call_fields(&self) -> CallFields {
        self.call_fields
    }

    /// Whether it writes calls at all.
    pub(crate) fn writes_calls(&self) -> bool {
        self.writes_calls
    }

    /// Whether it looks at the functions that are offered.
    pub(crate) fn describes_tools(&self) -> bool {
        self.describes_tools
    }

    /// Tries a call in every form: a template was written for one of them, and what it does with the others is an error, JSON
    /// inside of JSON, a value as Python prints it, or a turn without the call.
    fn tried_calls(&self) -> CallFields {
        let forms = [(true, true), (true, false), (false, true), (false, false)];
        let forms = forms
            .map(|(content_is_none, arguments_are_text)| CallFields { content_is_none, arguments_are_text });
        forms.into_iter().find(|form| self.takes_call(*form)).unwrap_or_default()
    }

    fn takes_call(&self, form: CallFields) -> bool {
        let Ok(text) = self.called(form) else { return false };
        let as_json =
            ["\"wdkey\": \"wdvalue\"", "\"wdkey\":\"wdvalue\""].iter().any(|json| text.contains(json));
        // Some families write each argument in a form of their own.
        let apart = ["wdkey", "wdvalue"].iter().all(|part| text.contains(part));
        let quoted = ["'wdkey'", "\\\"wdkey"].iter().any(|part| text.contains(part));
        // A value that is none must not be printed as a word.
        let nones = |text: &str| text.to_lowercase().matches("none").count();
        let without = self.called(CallFields { content_is_none: false, ..form });
        let prints_none = without.is_ok_and(|without| nones(&text) > nones(&without));
        text.contains("wdname") && (as_json || (apart && !quoted)) && !prints_none
    }

    /// A turn that calls, as the template writes it in this form.
    fn called(&self, form: CallFields) -> Result<String, TextError> {
        let call = ToolCall {
            id: "call_1".into(),
            name: "wdname".into(),
            arguments: "{\"wdkey\": \"wdvalue\"}".into(),
        };
        let asked = Message::new("user", "?");
        let called = Message { tool_calls: vec![call], ..Message::new("assistant", "") };
        let output = Message {
            tool_call_id: Some("call_1".into()),
            name: Some("wdname".into()),
            ..Message::new("tool", "wdoutput")
        };
        let turns = [asked, called, output].map(|turn| Value::Object(turn.fields(form)));
        self.apply(&turns, &[], None, true)
    }

    pub(crate) fn apply(
        &self,
        messages: &[Value],
        tools: &[Value],
        flags: Option<&Value>,
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
            ..minijinja::Value::from_serialize(flags.cloned().unwrap_or_else(|| Value::Object(Default::default())))
        };
        template.render(values).map_err(|error| TextError::Template(error.to_string()))
    }
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
    use super::*;

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
    fn what_cannot_be_continued_is_said() {
        let template =
            ChatTemplate::new("{{ messages[0]['role'] }}", String::new(), String::new()).expect("valid");
        for role in ["user", "assistant"] {
            let messages = [Message::new(role, "x")];
            let asked = Conversation { messages: &messages, continued: true, ..Conversation::default() };
            assert!(template.render(&asked).is_err());
        }
    }
}

//! The model's own chat template, rendered as transformers renders it with Python's Jinja.
//!
//! A template is data from the network: it sees the conversation and nothing else, and it must end.
use std::path::Path;

use checkpoint::{GgufTokenizer, TokenizerSource};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, context};
use serde_json::Value;

use crate::{CallForm, Message, Reasoning, TextError, python};

/// Instructions one prompt may take. The longest conversations take some hundred thousand.
const FUEL: u64 = 4_000_000;
/// Stands after the text to be continued while the template is applied; what follows it is the end of a turn.
const CONTINUE: &str = "CONTINUE_FINAL_MESSAGE_TAG ";
const THINK: &str = "<think>";

/// A template ready to render.
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
    call_form: CallForm,
    describes_tools: bool,
    writes_calls: bool,
    reasoning: Reasoning,
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

/// A prompt, and whether it ends inside `<think>`, so that the answer begins with reasoning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    pub thinking: bool,
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
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
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
            .add_template_owned("chat", without_generation_tags(source))
            .map_err(|error| TextError::Template(error.to_string()))?;
        let asks_for = environment.get_template("chat").map(|template| template.undeclared_variables(false));
        let asks_for = asks_for.unwrap_or_default();
        let describes_tools = asks_for.contains("tools");
        let reasoning = Reasoning::of_template(source, &asks_for);
        let call_form = CallForm::of_template(source);
        let writes_calls = source.contains("tool_calls");
        Ok(Self { environment, bos, eos, call_form, describes_tools, writes_calls, reasoning })
    }

    /// How this model writes calls of functions.
    pub fn call_form(&self) -> CallForm {
        self.call_form
    }

    /// Whether this model thinks, and how it is told to.
    pub fn reasoning(&self) -> &Reasoning {
        &self.reasoning
    }

    /// The prompt of a conversation. Functions that the template would not mention are described in the system text, and
    /// calls that it could not write are part of the words.
    ///
    /// # Errors
    /// When the template refuses the messages, or cuts away what should be continued.
    pub fn render(&self, conversation: &Conversation) -> Result<Prompt, TextError> {
        let fields = |message: &Message| match self.writes_calls {
            true => message.fields(),
            false => self.call_form.in_words(message).fields(),
        };
        let mut messages: Vec<Value> =
            conversation.messages.iter().map(|message| Value::Object(fields(message))).collect();
        if !conversation.tools.is_empty() && !self.describes_tools {
            describe(&mut messages, &self.call_form.description(conversation.tools));
        }
        let flags = conversation.flags.filter(|flags| flags.is_object());
        if !conversation.continued {
            let text = self.apply(&messages, conversation.tools, flags, true)?;
            let thinking = opens_thinking(&text);
            return Ok(Prompt { text, thinking });
        }
        let last = conversation.messages.last().filter(|message| message.role == "assistant");
        let last = last.ok_or_else(|| {
            TextError::Template("only a last message of the assistant can be continued".into())
        })?;
        if !last.reasoning.is_empty() {
            // Templates cut reasoning away, so the prompt is the one before it, and both parts are put after that.
            messages.pop();
            return Ok(begun(self.apply(&messages, conversation.tools, flags, true)?, last));
        }
        let fields = messages.last_mut().expect("there is a last one");
        fields["content"] = Value::from(format!("{}{CONTINUE}", last.content));
        fields["prefix"] = true.into();
        let text = before_tag(self.apply(&messages, conversation.tools, flags, false)?).ok_or_else(|| {
            TextError::Template("the template cuts away the message that should be continued".into())
        })?;
        let before = text.strip_suffix(last.content.as_str()).unwrap_or(&text);
        let opened = opens_thinking(before) || last.content.contains(THINK);
        Ok(Prompt { thinking: opened && !last.content.contains("</think>"), text })
    }

    fn apply(
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

fn opens_thinking(prompt: &str) -> bool {
    prompt.trim_end().ends_with(THINK)
}

/// The prompt with the beginning of an answer that was cut, inside or after its reasoning.
fn begun(mut text: String, last: &Message) -> Prompt {
    if !opens_thinking(&text) {
        text += "<think>\n";
    }
    text += &last.reasoning;
    if last.content.is_empty() {
        return Prompt { text, thinking: true };
    }
    text.truncate(text.trim_end().len());
    text += "\n</think>\n\n";
    text += &last.content;
    Prompt { text, thinking: false }
}

/// Adds to the first message when it is the system's, or puts one before it.
fn describe(messages: &mut Vec<Value>, text: &str) {
    match messages.first_mut().filter(|first| first["role"] == "system") {
        Some(first) => {
            let said = first["content"].as_str().unwrap_or_default().trim_end().to_owned();
            first["content"] =
                Value::from(if said.is_empty() { text.to_owned() } else { format!("{said}\n\n{text}") });
        }
        None => messages.insert(0, Value::Object(Message::new("system", text).fields())),
    }
}

/// The prompt up to the tag. A template that trims the message trims the tag's own space too.
fn before_tag(mut text: String) -> Option<String> {
    let at = text.rfind(CONTINUE.trim_end())?;
    let spaced = text[at..].starts_with(CONTINUE);
    text.truncate(at);
    if !spaced {
        text.truncate(text.trim_end().len());
    }
    Some(text)
}

/// `{% generation %}` marks what a model is trained on and prints its inside; a scope does the same.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        // From behind the opening: `{%}` is no tag.
        let Some(end) = tag[2..].find("%}").map(|end| end + 4) else { return out + tag };
        let name = tag[2..end - 2].trim_matches(['-', '+']).trim();
        match name {
            "generation" => out.push_str(&tag[..end].replacen("generation", "with", 1)),
            "endgeneration" => out.push_str(&tag[..end].replacen("endgeneration", "endwith", 1)),
            _ => out.push_str(&tag[..end]),
        }
        rest = &tag[end..];
    }
    out + rest
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

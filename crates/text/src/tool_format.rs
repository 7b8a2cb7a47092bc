//! Tool call formats of the model families, and a tool description for templates that ignore `tools`.
//! It writes prompts and grammars; `tool_call_parser` reads the calls of a model's output.
use std::fmt::Write;

use serde_json::{Value, json};

use crate::{Message, TextError, Tokenizer, ToolCall};

/// How a model family writes a tool call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolCallFormat {
    /// V3 and R1: `function<sep>NAME`, then the JSON in a code fence.
    Fenced,
    /// V3.1: `NAME<sep>JSON`.
    Bare,
}

const BEGIN: &[&str] = &["<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>"];
const SEPARATOR: &str = "<｜tool▁sep｜>";
const END: &[&str] = &["<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"];

impl ToolCallFormat {
    /// Detects the format from the template's source.
    pub(crate) fn from_template(source: &str) -> Self {
        if source.contains(SEPARATOR) && !source.contains("```json") { Self::Bare } else { Self::Fenced }
    }

    /// A description of the tools for the system message.
    pub(crate) fn description(self, tools: &[Value]) -> String {
        let mut text = String::from("## Tools\nYou have access to the following tools:\n");
        for tool in tools {
            let function = &tool["function"];
            let part = |name: &str| function[name].as_str().unwrap_or_default().to_owned();
            let parameters = crate::python::json(&function["parameters"]);
            let (name, description) = (part("name"), part("description"));
            let _ = write!(text, "\n### {name}\nDescription: {description}\n\nParameters: {parameters}\n");
        }
        let (begin, end) = (BEGIN.concat(), END.concat());
        let (head, close) = self.around("tool_name");
        let _ = write!(
            text,
            "\nTo call a tool, write exactly this and nothing after it:\n{begin}{head}{{\"argument\": \"value\"}}{close}{end}"
        );
        text
    }

    /// Moves tool calls and tool output into the content, for templates without tool support.
    pub(crate) fn inline(self, message: &Message) -> Message {
        let mut message = message.clone();
        if !message.tool_calls.is_empty() {
            let calls = std::mem::take(&mut message.tool_calls);
            let call = |call: ToolCall| {
                let (head, close) = self.around(&call.name);
                format!("{}{head}{}{close}{}", BEGIN[1], call.arguments, END[0])
            };
            message.content +=
                &format!("{}{}{}", BEGIN[0], calls.into_iter().map(call).collect::<String>(), END[1]);
        }
        if message.role == "tool" {
            message.role = "user".to_owned();
            message.content = format!("<｜tool▁output▁begin｜>{}<｜tool▁output▁end｜>", message.content);
        }
        message
    }

    /// The text before and after the arguments, inside the call markers.
    fn around(self, name: &str) -> (String, &'static str) {
        match self {
            Self::Fenced => (format!("function{SEPARATOR}{name}\n```json\n"), "\n```"),
            Self::Bare => (format!("{name}{SEPARATOR}"), ""),
        }
    }

    /// A Lark grammar for llguidance: exactly one call of one of these tools.
    ///
    /// # Errors
    /// A tool without a name.
    pub(crate) fn grammar(self, tools: &[Value], tokenizer: &Tokenizer) -> Result<String, TextError> {
        let (call, rules) = call_rules(self, tools, tokenizer)?;
        let [begin, open] = [BEGIN[0], BEGIN[1]].map(|mark| symbol(mark, tokenizer));
        let [close, end] = [END[0], END[1]].map(|mark| symbol(mark, tokenizer));
        Ok(format!("start: {begin} {open} {call} {close} {end}{rules}\n"))
    }

    /// A Lark grammar for llguidance: one or more calls. V3 and R1 write each on a line of its own.
    ///
    /// # Errors
    /// A tool without a name.
    pub(crate) fn list_grammar(self, tools: &[Value], tokenizer: &Tokenizer) -> Result<String, TextError> {
        let (call, rules) = call_rules(self, tools, tokenizer)?;
        let [begin, open] = [BEGIN[0], BEGIN[1]].map(|mark| symbol(mark, tokenizer));
        let [close, end] = [END[0], END[1]].map(|mark| symbol(mark, tokenizer));
        let one = format!("\none: {open} {call} {close}");
        Ok(format!("start: {begin} one (\"\\n\"? one)* {end}{one}{rules}\n"))
    }

    /// The token that begins a list of calls.
    pub(crate) fn begin(self, tokenizer: &Tokenizer) -> Option<u32> {
        tokenizer.id(BEGIN[0])
    }
}

/// A choice of calls without their markers, and the rules that it names.
fn call_rules(
    format: ToolCallFormat,
    tools: &[Value],
    tokenizer: &Tokenizer,
) -> Result<(String, String), TextError> {
    let mut names = Vec::new();
    let mut rules = String::new();
    for (at, tool) in tools.iter().enumerate() {
        let function = &tool["function"];
        let name = function["name"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| TextError::Grammar("a function has no name".into()))?;
        let (head, close) = format.around(name);
        let head = head.split(SEPARATOR).map(quoted).collect::<Vec<_>>();
        let head = head.join(&format!(" {} ", symbol(SEPARATOR, tokenizer)));
        let schema = match &function["parameters"] {
            Value::Object(schema) if !schema.is_empty() => json!(schema),
            _ => json!({"type": "object"}),
        };
        let _ = write!(rules, "\ncall{at}: {head} args{at} {}\nargs{at}: %json {schema}", quoted(close));
        names.push(format!("call{at}"));
    }
    Ok((format!("({})", names.join(" | ")), rules))
}

/// A marker as its token id, or as text if the vocabulary has no such token.
fn symbol(mark: &str, tokenizer: &Tokenizer) -> String {
    tokenizer.id(mark).map_or_else(|| quoted(mark), |id| format!("<[{id}]>"))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

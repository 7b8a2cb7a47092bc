//! Chat messages, and the fields that chat templates read from them. Field names are those of transformers'
//! `apply_chat_template`. Images are not here: `image_prompt` adds them.
use serde_json::{Map, Value, json};

/// One chat message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    pub role: String,
    pub content: String,
    /// The reasoning before the answer. Most templates drop it from the history.
    pub reasoning: String,
    pub tool_calls: Vec<ToolCall>,
    /// Only in a message of role `tool`: the id of the call whose output it is.
    pub tool_call_id: Option<String>,
    pub name: Option<String>,
}

/// A tool call in a message of the assistant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// The text the model wrote, normally JSON.
    pub arguments: String,
}

/// How earlier tool calls are passed to a template. Templates differ: each fails on or misprints the other
/// encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ToolCallEncoding {
    /// `content` of a message with only tool calls is null instead of an empty string.
    pub null_content: bool,
    /// `arguments` is the JSON text instead of the parsed object.
    pub string_arguments: bool,
}

impl Default for ToolCallEncoding {
    /// The encoding of DeepSeek's first templates, which treat any string content as an answer.
    fn default() -> Self {
        Self { null_content: true, string_arguments: true }
    }
}

/// The role as templates call it; `None` for an unknown role.
pub(crate) fn known_role(role: &str) -> Option<&str> {
    match role {
        // OpenAI's newer name of the system role, which templates do not know.
        "developer" => Some("system"),
        "system" | "user" | "assistant" | "tool" => Some(role),
        _ => None,
    }
}

impl Message {
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned(), ..Self::default() }
    }

    /// Has tool calls and no content.
    pub(crate) fn is_only_tool_calls(&self) -> bool {
        self.content.is_empty() && !self.tool_calls.is_empty()
    }

    /// The fields passed to the template. An unset field is absent, because templates test with `is defined`.
    pub(crate) fn fields(&self, encoding: ToolCallEncoding) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("role".into(), json!(self.role));
        let none = encoding.null_content && self.is_only_tool_calls();
        map.insert("content".into(), if none { Value::Null } else { json!(self.content) });
        if !self.reasoning.is_empty() {
            map.insert("reasoning_content".into(), json!(self.reasoning));
            map.insert("thinking".into(), json!(self.reasoning));
        }
        if !self.tool_calls.is_empty() {
            let calls = self.tool_calls.iter().map(|call| call.value(encoding.string_arguments));
            map.insert("tool_calls".into(), calls.collect());
        }
        if let Some(id) = &self.tool_call_id {
            map.insert("tool_call_id".into(), json!(id));
        }
        if let Some(name) = &self.name {
            map.insert("name".into(), json!(name));
        }
        map
    }
}

impl ToolCall {
    fn value(&self, as_text: bool) -> Value {
        let object = || serde_json::from_str::<Map<String, Value>>(&self.arguments).ok();
        let arguments = if as_text { None } else { object().map(Value::Object) };
        let arguments = arguments.unwrap_or_else(|| json!(self.arguments));
        let function = json!({"name": self.name, "arguments": arguments});
        json!({"id": self.id, "type": "function", "function": function})
    }
}

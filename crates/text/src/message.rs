//! A conversation as templates expect it.
use serde_json::{Map, Value, json};

/// One turn.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    pub role: String,
    pub content: String,
    /// What the model thought before it answered. Most templates cut it from history.
    pub reasoning: String,
    pub tool_calls: Vec<ToolCall>,
    /// Of a tool's output: the call it belongs to.
    pub tool_call_id: Option<String>,
    pub name: Option<String>,
}

/// A call of a function that the model asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON, as the model wrote it.
    pub arguments: String,
}

/// How a template wants calls of earlier turns. Templates differ, and each refuses or misprints the other form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallFields {
    /// The content of a turn that only calls is none, or an empty text.
    pub content_is_none: bool,
    /// Arguments are the JSON as text, or the object it says.
    pub arguments_are_text: bool,
}

impl Default for CallFields {
    /// As DeepSeek's first templates want it, which take any text for an answer.
    fn default() -> Self {
        Self { content_is_none: true, arguments_are_text: true }
    }
}

/// The role as templates call it; nothing for one that is not known.
pub(crate) fn known_role(role: &str) -> Option<&str> {
    match role {
        // The newer name of the same role, which templates do not know.
        "developer" => Some("system"),
        "system" | "user" | "assistant" | "tool" => Some(role),
        _ => None,
    }
}

impl Message {
    pub fn new(role: &str, content: &str) -> Self {
        Self { role: role.to_owned(), content: content.to_owned(), ..Self::default() }
    }

    /// A turn that calls and says nothing.
    pub(crate) fn is_silent_call(&self) -> bool {
        self.content.is_empty() && !self.tool_calls.is_empty()
    }

    /// The fields a template sees. A field that does not apply is absent, because templates ask whether it is there.
    pub(crate) fn fields(&self, form: CallFields) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("role".into(), json!(self.role));
        let none = form.content_is_none && self.is_silent_call();
        map.insert("content".into(), if none { Value::Null } else { json!(self.content) });
        if !self.reasoning.is_empty() {
            map.insert("reasoning_content".into(), json!(self.reasoning));
            map.insert("thinking".into(), json!(self.reasoning));
        }
        if !self.tool_calls.is_empty() {
            let calls = self.tool_calls.iter().map(|call| call.value(form.arguments_are_text));
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

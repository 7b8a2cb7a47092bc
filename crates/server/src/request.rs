//! The body of a chat request: OpenAI's names, and the few that every local engine adds. Second spellings are read beside it.
use protocol::ApiErrorCode;
use serde::Deserialize;
use serde_json::Value;
use text::{Message, ToolCall};

use crate::body::RequestBody;
use crate::error::ApiError;
use crate::options::Options;
use crate::thinking::ThinkingFields;

mod spellings;

#[derive(Debug, Deserialize)]
pub struct ChatRequest {
    pub model: Option<String>,
    pub messages: Vec<Turn>,
    /// Read from the same object.
    #[serde(skip)]
    pub options: Options,
    #[serde(default)]
    pub logprobs: bool,
    pub top_logprobs: Option<usize>,
    #[serde(default)]
    pub tools: Vec<Value>,
    pub tool_choice: Option<Value>,
    pub response_format: Option<ResponseFormat>,
    #[serde(default)]
    pub chat_template_kwargs: Value,
    /// Go on with the last message instead of answering it, as vLLM calls it.
    #[serde(default)]
    pub continue_final_message: bool,
    /// Which of these the model can do is known by its template.
    pub reasoning_effort: Option<String>,
    pub thinking: Option<ThinkingField>,
    pub enable_thinking: Option<bool>,
    /// True is what is done anyway; false ends an answer after its first call.
    pub parallel_tool_calls: Option<bool>,
}

/// DeepSeek's own: `{"type": "enabled" | "disabled"}`.
#[derive(Debug, Clone, Deserialize)]
pub struct ThinkingField {
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    pub role: String,
    #[serde(default)]
    pub content: Content,
    pub reasoning_content: Option<String>,
    /// The same as vLLM and OpenRouter name it.
    pub reasoning: Option<String>,
    pub tool_calls: Option<Vec<Call>>,
    pub tool_call_id: Option<String>,
    pub name: Option<String>,
    /// Go on with this message, as DeepSeek's own service calls it.
    #[serde(default)]
    pub prefix: bool,
}

/// A text, or a list of parts.
#[derive(Debug, Clone, Default)]
pub enum Content {
    Text(String),
    Parts(Vec<Part>),
    #[default]
    Nothing,
}

/// A text may stand for a part of type text.
#[derive(Debug, Clone)]
pub struct Part {
    pub kind: String,
    pub text: Option<String>,
    pub image_url: Option<ImageUrl>,
}

/// `{"url": …}`, or the address alone.
#[derive(Debug, Clone)]
pub struct ImageUrl {
    pub url: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    #[serde(default)]
    pub id: String,
    pub function: Function,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Function {
    pub name: String,
    /// JSON; where a client sends the object itself, as Python writes it.
    #[serde(default, deserialize_with = "spellings::arguments")]
    pub arguments: String,
}

#[derive(Debug, Deserialize)]
pub struct ResponseFormat {
    #[serde(rename = "type")]
    kind: String,
    json_schema: Option<Value>,
    /// Of a json_object, as llama.cpp and SGLang know it.
    schema: Option<Value>,
}

/// What the answer has to be.
pub enum Form {
    Free,
    /// JSON of this schema.
    Json(Value),
    /// One call of one of these functions.
    Call(Vec<Value>),
}

impl RequestBody for ChatRequest {
    /// A chat sends its pictures with every turn.
    const LONGEST: usize = 64 << 20;

    fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

impl ChatRequest {
    /// # Errors
    /// A value outside its range, named.
    pub fn check(&self) -> Result<(), ApiError> {
        self.options.check()?;
        if self.messages.is_empty() {
            return Err(ApiError::invalid("messages", "there is no message"));
        }
        if self.top_logprobs.is_some_and(|count| count > 20) {
            return Err(ApiError::invalid("top_logprobs", "at most 20 alternatives are given"));
        }
        if !self.logprobs && self.top_logprobs.is_some_and(|count| count > 0) {
            return Err(ApiError::invalid("top_logprobs", "top_logprobs are given where logprobs is true"));
        }
        if !self.chat_template_kwargs.is_null() && !self.chat_template_kwargs.is_object() {
            return Err(ApiError::invalid(
                "chat_template_kwargs",
                "chat_template_kwargs is an object of the template's variables",
            ));
        }
        let named = |tool: &Value| tool["type"] == "function" && tool["function"]["name"].is_string();
        if !self.tools.iter().all(named) {
            return Err(ApiError::invalid("tools", "each tool is a function with a name"));
        }
        Ok(())
    }

    pub fn logprobs(&self) -> Option<usize> {
        self.logprobs.then(|| self.top_logprobs.unwrap_or(0))
    }

    /// # Errors
    /// A part that is not text.
    pub fn messages(&self) -> Result<Vec<Message>, ApiError> {
        self.messages.iter().map(Turn::message).collect()
    }

    pub fn continues(&self) -> bool {
        self.continue_final_message || self.messages.last().is_some_and(|last| last.prefix)
    }

    pub fn thinking(&self) -> ThinkingFields<'_> {
        ThinkingFields {
            effort: self.reasoning_effort.as_deref(),
            thinking: self.thinking.as_ref().map(|thinking| thinking.kind.as_str()),
            enable: self.enable_thinking,
        }
    }

    /// The functions the model is told of.
    pub fn offered(&self) -> &[Value] {
        if self.tool_choice.as_ref().is_some_and(|choice| choice == "none") { &[] } else { &self.tools }
    }

    /// # Errors
    /// A choice or a format that is not known, or one that the other excludes.
    pub fn form(&self) -> Result<Form, ApiError> {
        let format = self.response_format.as_ref().map(ResponseFormat::schema).transpose()?.flatten();
        let called = self.forced()?;
        match (format, called) {
            (Some(_), Some(_)) => {
                Err(ApiError::invalid("response_format", "the answer cannot be JSON and a call at once"))
            }
            (Some(schema), None) => Ok(Form::Json(schema)),
            (None, Some(tools)) => Ok(Form::Call(tools)),
            (None, None) => Ok(Form::Free),
        }
    }

    /// The functions of which one must be called.
    fn forced(&self) -> Result<Option<Vec<Value>>, ApiError> {
        let invalid = |message: &str| ApiError::invalid("tool_choice", message);
        let tools = match &self.tool_choice {
            None => return Ok(None),
            Some(Value::String(choice)) => match choice.as_str() {
                "none" | "auto" => return Ok(None),
                "required" => self.tools.clone(),
                _ => return Err(invalid("it is none, auto, required, or a function of tools")),
            },
            Some(choice) => {
                let name = &choice["function"]["name"];
                self.tools.iter().filter(|tool| tool["function"]["name"] == *name).cloned().collect()
            }
        };
        if tools.is_empty() { Err(invalid("no such function is in tools")) } else { Ok(Some(tools)) }
    }
}

impl ResponseFormat {
    fn schema(&self) -> Result<Option<Value>, ApiError> {
        let invalid = |message: &str| ApiError::invalid("response_format", message);
        match self.kind.as_str() {
            "text" => Ok(None),
            "json_object" => {
                let schema = self.schema.clone().filter(Value::is_object);
                Ok(Some(schema.unwrap_or_else(|| serde_json::json!({"type": "object"}))))
            }
            "json_schema" => {
                let schema = self.json_schema.as_ref().map(|named| named["schema"].clone());
                schema.filter(Value::is_object).map(Some).ok_or_else(|| invalid("json_schema has no schema"))
            }
            _ => Err(invalid("its type is text, json_object or json_schema")),
        }
    }
}

impl Turn {
    /// # Errors
    /// When a part is not text: this model sees no images.
    fn message(&self) -> Result<Message, ApiError> {
        let content = match &self.content {
            Content::Nothing => String::new(),
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => parts.iter().map(Part::text).collect::<Result<_, _>>()?,
        };
        let call = |call: &Call| ToolCall {
            id: call.id.clone(),
            name: call.function.name.clone(),
            arguments: call.function.arguments.clone(),
        };
        Ok(Message {
            role: self.role.clone(),
            content,
            reasoning: self.reasoning_content.clone().or_else(|| self.reasoning.clone()).unwrap_or_default(),
            tool_calls: self.tool_calls.iter().flatten().map(call).collect(),
            tool_call_id: self.tool_call_id.clone(),
            name: self.name.clone(),
        })
    }
}

impl Part {
    /// # Errors
    /// When it is not text.
    pub fn text(&self) -> Result<String, ApiError> {
        let text = self.text.clone().filter(|_| self.kind == "text");
        text.ok_or_else(|| {
            let message = format!("this model reads text and not {}", self.kind);
            ApiError::of("messages", ApiErrorCode::UnsupportedContent, message)
        })
    }
}

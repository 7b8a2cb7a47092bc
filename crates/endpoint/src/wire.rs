//! The words of the OpenAI protocol that are used, and where servers put thinking: `reasoning_content` (DeepSeek, SGLang,
//! llama.cpp, our worker), `reasoning` (vLLM, OpenRouter) or `thinking` (ollama). Read leniently: a field of a strange
//! type says nothing, and an answer that comes whole instead of in pieces is one piece.
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Message {
    pub role: String,
    pub content: Content,
    /// Thinking so far, of an answer to go on with.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reasoning_content: String,
    /// DeepSeek's chat prefix completion: the last message is the beginning of the answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub prefix: bool,
    /// Bailian's name for the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// Of an answer that called tools, as the server wrote them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<Value>,
}

/// A text, or pictures and a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    Text { text: String },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageUrl {
    /// `data:image/png;base64,…`: whoever answers fetches nothing.
    pub url: String,
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Message {
    pub fn new(role: &str, content: impl Into<String>) -> Self {
        Self { role: role.to_owned(), content: Content::Text(content.into()), ..Self::default() }
    }

    /// With pictures before the text, as models that see were trained; data URLs.
    pub fn showing(role: &str, pictures: Vec<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let words = (!text.is_empty()).then_some(Part::Text { text });
        let pictures = pictures.into_iter().map(|url| Part::ImageUrl { image_url: ImageUrl { url } });
        let content = Content::Parts(pictures.chain(words).collect());
        Self { role: role.to_owned(), content, ..Self::default() }
    }

    /// The beginning of the answer that is asked for; servers of other makers may not know it.
    pub fn prefix(content: impl Into<String>, reasoning: impl Into<String>) -> Self {
        Self { reasoning_content: reasoning.into(), prefix: true, ..Self::new("assistant", content) }
    }
}

/// One request for a streamed answer. Absent values are left to the server.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ChatRequest {
    pub model: String,
    pub messages: Vec<Message>,
    pub temperature: f32,
    pub top_p: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u32>,
    /// Whether to think first; each service has a word of its own for it.
    #[serde(skip)]
    pub thinking: Option<bool>,
}

/// The request as it is sent. Written straight from the types: over a JSON value 0.7 would become 0.699999988.
#[derive(Serialize)]
pub(crate) struct Streamed<'a> {
    #[serde(flatten)]
    pub request: &'a ChatRequest,
    /// The switch for thinking, in the service's words.
    #[serde(flatten)]
    pub switch: serde_json::Map<String, Value>,
    pub stream: bool,
    pub stream_options: StreamOptions,
}

/// The request as its tokens are counted.
#[derive(Serialize)]
pub(crate) struct Counted<'a> {
    #[serde(flatten)]
    pub request: &'a ChatRequest,
    #[serde(flatten)]
    pub switch: serde_json::Map<String, Value>,
}

#[derive(Serialize)]
pub(crate) struct StreamOptions {
    pub include_usage: bool,
    /// vLLM's name for counts in every chunk; other services may refuse a field that they do not know.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub continuous_usage_stats: bool,
}

/// What one event of the stream added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatDelta {
    pub text: String,
    pub reasoning: String,
    /// `stop`, `length`, …: the answer is complete.
    pub finish: Option<String>,
    /// From our worker with every piece, from others with the last.
    pub usage: Option<Usage>,
    /// From our worker only.
    pub boxes: Vec<Boxes>,
    /// From our worker only, before the first word.
    pub looking: Option<Looking>,
}

/// How far a worker is that looks at pictures: `done` of `all` steps of one picture, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Looking {
    pub picture: u32,
    pub pictures: u32,
    pub done: u32,
    pub all: u32,
}

/// What an answer names, and where in an image that is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Boxes {
    pub label: String,
    /// Left, top, right, bottom, in 0..=999 of the sides.
    pub boxes: Vec<[u16; 4]>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Usage {
    #[serde(default)]
    pub prompt_tokens: u32,
    #[serde(default)]
    pub completion_tokens: u32,
    /// Measured by our worker; other servers lack it.
    #[serde(default)]
    pub whaledeck: Option<Timings>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Timings {
    pub first_token_ms: f64,
    pub tokens_per_second: f64,
}

#[derive(Deserialize)]
pub(crate) struct Chunk {
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    pub error: Value,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Value,
    /// Of an answer that came whole.
    #[serde(default)]
    message: Value,
    finish_reason: Option<String>,
}

/// Text, or the text of a list of parts.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn thinking(said: &Value) -> String {
    ["reasoning_content", "reasoning", "thinking"]
        .iter()
        .map(|field| text(&said[*field]))
        .find(|thinking| !thinking.is_empty())
        .unwrap_or_default()
}

impl From<Chunk> for ChatDelta {
    fn from(chunk: Chunk) -> Self {
        // Counts of a strange kind are no reason to lose an answer.
        let mut delta = ChatDelta { usage: serde_json::from_value(chunk.usage).ok(), ..ChatDelta::default() };
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            for said in [&choice.delta, &choice.message] {
                delta.text += &text(&said["content"]);
                delta.reasoning += &thinking(said);
                // Boxes of a strange kind are no reason to lose an answer either.
                let boxes = serde_json::from_value::<Vec<Boxes>>(said["whaledeck"]["grounding"].clone());
                delta.boxes.extend(boxes.unwrap_or_default());
                let looking = serde_json::from_value(said["whaledeck"]["looking"].clone()).ok();
                delta.looking = looking.or(delta.looking);
            }
            delta.finish = choice.finish_reason.filter(|reason| !reason.is_empty());
        }
        delta
    }
}

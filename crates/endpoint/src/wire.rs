//! Requests as they are sent, and chunks as servers of many makers send them. Reasoning is in
//! `reasoning_content` (DeepSeek, SGLang, llama.cpp, our worker), `reasoning` (vLLM, OpenRouter) or
//! `thinking` (ollama). Chunks are read leniently: a field of another type is ignored, and a complete
//! answer is read as one chunk.
use protocol::openai::{ChatCompletionRequest, ChatMessage, SamplingParams, Usage};
use protocol::{AnswerExtension, Grounding, VisionProgress};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One request for a streamed answer. Absent values are left to the server.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatRequest {
    pub model: String,
    pub messages: Vec<ChatMessage>,
    pub temperature: f32,
    pub top_p: f32,
    pub top_k: Option<u32>,
    pub min_p: Option<f32>,
    pub frequency_penalty: f32,
    pub presence_penalty: f32,
    pub repetition_penalty: Option<f32>,
    pub max_tokens: Option<u32>,
    pub seed: Option<u32>,
    /// Whether to reason first; each service has a parameter of its own for it.
    pub thinking: Option<bool>,
}

impl ChatRequest {
    /// In the protocol's own names.
    pub(crate) fn to_body(&self) -> ChatCompletionRequest {
        ChatCompletionRequest {
            model: Some(self.model.clone()),
            messages: self.messages.clone(),
            sampling: SamplingParams {
                temperature: Some(self.temperature),
                top_p: Some(self.top_p),
                top_k: self.top_k.map(i64::from),
                min_p: self.min_p,
                frequency_penalty: Some(self.frequency_penalty),
                presence_penalty: Some(self.presence_penalty),
                repetition_penalty: self.repetition_penalty,
                max_tokens: self.max_tokens.map(i64::from),
                seed: self.seed.map(i64::from),
                ..SamplingParams::default()
            },
            ..ChatCompletionRequest::default()
        }
    }
}

/// The body as it is sent. Written straight from the types: over a JSON value 0.7 would become 0.699999988.
#[derive(Serialize)]
pub(crate) struct RequestBody {
    #[serde(flatten)]
    pub request: ChatCompletionRequest,
    /// The thinking parameter, as the service names it.
    #[serde(flatten)]
    pub thinking: serde_json::Map<String, Value>,
}

/// What one event of a stream adds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatDelta {
    pub text: String,
    pub reasoning: String,
    /// `stop`, `length`, …: the answer is complete.
    pub finish: Option<String>,
    /// From our worker with every chunk, from others with the last.
    pub usage: Option<Usage>,
    /// From our worker only.
    pub grounding: Vec<Grounding>,
    /// From our worker only, before the first token.
    pub vision_progress: Option<VisionProgress>,
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
    /// Of an answer in one body.
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

fn reasoning(message: &Value) -> String {
    ["reasoning_content", "reasoning", "thinking"]
        .iter()
        .map(|field| text(&message[*field]))
        .find(|reasoning| !reasoning.is_empty())
        .unwrap_or_default()
}

impl From<Chunk> for ChatDelta {
    fn from(chunk: Chunk) -> Self {
        // Counts of another type must not fail the answer.
        let mut delta = ChatDelta { usage: serde_json::from_value(chunk.usage).ok(), ..ChatDelta::default() };
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            for message in [&choice.delta, &choice.message] {
                delta.text += &text(&message["content"]);
                delta.reasoning += &reasoning(message);
                // Neither must an extension field of another type.
                let extension = serde_json::from_value::<AnswerExtension>(message["whaledeck"].clone());
                let extension = extension.unwrap_or_default();
                delta.grounding.extend(extension.grounding);
                delta.vision_progress = extension.vision_progress.or(delta.vision_progress);
            }
            delta.finish = choice.finish_reason.filter(|reason| !reason.is_empty());
        }
        delta
    }
}

#[cfg(test)]
mod tests {
    use protocol::Tokens;
    use protocol::openai::{ChatCompletionChunk, ChunkChoice, Delta};

    use super::*;

    #[test]
    fn what_the_worker_writes_is_read_back() {
        let progress = VisionProgress { image: 1, images: 2, done: 3, total: 4 };
        let grounding = Grounding { label: "boat".into(), boxes: vec![[1, 2, 3, 4]], pixels: None };
        let whaledeck = AnswerExtension {
            grounding: vec![grounding.clone()],
            vision_progress: Some(progress),
            ..AnswerExtension::default()
        };
        let delta = Delta {
            content: Some("a".into()),
            reasoning_content: Some("b".into()),
            whaledeck: Some(whaledeck),
            ..Delta::default()
        };
        let chunk = ChatCompletionChunk {
            id: "1".into(),
            object: "chat.completion.chunk".into(),
            created: 0,
            model: "m".into(),
            choices: vec![ChunkChoice { delta, ..ChunkChoice::default() }],
            usage: Some(Usage::new(Tokens(5), Tokens(7))),
        };
        let text = serde_json::to_string(&chunk).expect("is data");
        let read: ChatDelta = serde_json::from_str::<Chunk>(&text).expect("reads").into();
        assert_eq!((read.text.as_str(), read.reasoning.as_str(), read.finish), ("a", "b", None));
        assert_eq!((read.grounding, read.vision_progress), (vec![grounding], Some(progress)));
        assert_eq!(read.usage, Some(Usage::new(Tokens(5), Tokens(7))));
    }

    #[test]
    fn a_request_keeps_its_decimals_and_leaves_out_what_is_absent() {
        let request =
            ChatRequest { model: "m".into(), temperature: 0.7, top_p: 1.0, ..ChatRequest::default() };
        let body = RequestBody { request: request.to_body(), thinking: serde_json::Map::new() };
        let text = serde_json::to_string(&body).expect("is data");
        let wanted = r#"{"model":"m","messages":[],"temperature":0.7,"top_p":1.0,"frequency_penalty":0.0,"presence_penalty":0.0}"#;
        assert_eq!(text, wanted);
        let params: SamplingParams = serde_json::from_str(&text).expect("the worker reads it");
        assert_eq!(params, request.to_body().sampling);
    }
}

//! Requests as they are sent, and chunks as servers of many makers send them. Reasoning is in
//! `reasoning_content` (DeepSeek, SGLang, llama.cpp, our worker), `reasoning` (vLLM, OpenRouter) or
//! `thinking` (ollama). Chunks are read leniently: a field of another type is ignored, and a complete
//! answer is read as one chunk.
use protocol::openai::{ChatCompletionRequest, ChatMessage, PromptProgress, SamplingParams, Usage};
use protocol::{AnswerExtension, ExpertLayers, Grounding, TokenTrace, VisionProgress};
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
    /// Functions that the model may call, as OpenAI describes them.
    pub tools: Vec<Value>,
    /// Report the experts and drafts of each token, where the server can.
    pub return_routed_experts: bool,
    /// Report how much of the prompt is computed, where the server can.
    pub return_progress: bool,
    /// Keeps the cached prefix apart from those of other salts, where the server has the parameter.
    pub cache_salt: Option<String>,
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
            tools: self.tools.clone(),
            return_routed_experts: self.return_routed_experts,
            return_progress: self.return_progress,
            cache_salt: self.cache_salt.clone(),
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
    /// Parts of function calls.
    pub calls: Vec<CallDelta>,
    /// `stop`, `length`, …: the answer is complete.
    pub finish: Option<String>,
    /// From our worker with every chunk, from others with the last.
    pub usage: Option<Usage>,
    /// From our worker only.
    pub grounding: Vec<Grounding>,
    /// From our worker only, before the first token.
    pub vision_progress: Option<VisionProgress>,
    /// From our worker and llama-server, before the first token.
    pub prompt_progress: Option<PromptProgress>,
    /// The routed experts of the model, and how the tokens were made: when the request asks, and from servers
    /// that report it.
    pub experts: Option<ExpertLayers>,
    pub tokens: Vec<TokenTrace>,
}

/// A part of a function call. Servers that do not stream calls send each as one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallDelta {
    /// Which call of the answer.
    pub index: usize,
    /// With the first part of a call; absent where a server gives none.
    pub id: Option<String>,
    pub name: Option<String>,
    /// More of the JSON.
    pub arguments: String,
}

#[derive(Deserialize)]
pub(crate) struct Chunk {
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Value,
    #[serde(default)]
    prompt_progress: Value,
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
    /// As vLLM reports them with `--enable-return-routed-experts`: of each token, by MoE layer.
    #[serde(default)]
    routed_experts: Value,
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

/// Leniently, as all chunks: an index may be missing, and arguments may be an object instead of text.
fn calls(message: &Value) -> Vec<CallDelta> {
    let parts = message["tool_calls"].as_array().into_iter().flatten().enumerate();
    let word = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    parts
        .map(|(at, part)| CallDelta {
            index: part["index"].as_u64().map_or(at, |index| index as usize),
            id: word(&part["id"]),
            name: word(&part["function"]["name"]),
            arguments: match &part["function"]["arguments"] {
                Value::String(text) => text.clone(),
                Value::Null => String::new(),
                object => object.to_string(),
            },
        })
        .collect()
}

impl From<Chunk> for ChatDelta {
    fn from(chunk: Chunk) -> Self {
        // Counts of another type must not fail the answer.
        let mut delta = ChatDelta {
            usage: serde_json::from_value(chunk.usage).ok(),
            prompt_progress: serde_json::from_value(chunk.prompt_progress).ok(),
            ..ChatDelta::default()
        };
        if let Some(choice) = chunk.choices.into_iter().flatten().next() {
            for message in [&choice.delta, &choice.message] {
                delta.text += &text(&message["content"]);
                delta.reasoning += &reasoning(message);
                delta.calls.extend(calls(message));
                // Neither must an extension field of another type.
                let extension = serde_json::from_value::<AnswerExtension>(message["whaledeck"].clone());
                let extension = extension.unwrap_or_default();
                delta.grounding.extend(extension.grounding);
                delta.vision_progress = extension.vision_progress.or(delta.vision_progress);
                delta.experts = extension.experts.or(delta.experts);
                delta.tokens.extend(extension.tokens);
            }
            // A server that names experts names no tokens beside them.
            let routed: Vec<Vec<Vec<u16>>> =
                serde_json::from_value(choice.routed_experts).unwrap_or_default();
            delta
                .tokens
                .extend(routed.into_iter().map(|experts| TokenTrace { experts, ..TokenTrace::default() }));
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
            prompt_progress: Some(PromptProgress {
                total: Tokens(9),
                processed: Tokens(4),
                ..PromptProgress::default()
            }),
        };
        let text = serde_json::to_string(&chunk).expect("is data");
        let read: ChatDelta = serde_json::from_str::<Chunk>(&text).expect("reads").into();
        assert_eq!((read.text.as_str(), read.reasoning.as_str(), read.finish), ("a", "b", None));
        assert_eq!((read.grounding, read.vision_progress), (vec![grounding], Some(progress)));
        assert_eq!(read.usage, Some(Usage::new(Tokens(5), Tokens(7))));
        assert_eq!(read.prompt_progress, chunk.prompt_progress);
    }

    #[test]
    fn routed_experts_are_read_from_our_worker_and_from_vllm() {
        let read = |text: &str| -> ChatDelta { serde_json::from_str::<Chunk>(text).expect("reads").into() };
        let ours = read(
            r#"{"choices":[{"delta":{"content":"a","whaledeck":{
                "experts":{"n_routed_experts":8,"num_experts_per_tok":2,"layers":[1]},
                "tokens":[{"id":5,"text":"a","drafted":true,"experts":[[7,0]]}]}}}]}"#,
        );
        assert_eq!(ours.experts.map(|experts| experts.layers), Some(vec![1]));
        let token = TokenTrace { id: 5, text: "a".into(), drafted: true, ..TokenTrace::default() };
        assert_eq!(ours.tokens, [TokenTrace { experts: vec![vec![7, 0]], ..token }]);
        let vllm =
            read(r#"{"choices":[{"delta":{"content":""},"routed_experts":[[[3,1],[0,2]],[[1,0],[2,3]]]}]}"#);
        let experts: Vec<Vec<Vec<u16>>> = vllm.tokens.into_iter().map(|token| token.experts).collect();
        assert_eq!(experts, [[[3, 1], [0, 2]], [[1, 0], [2, 3]]]);
        assert_eq!(read(r#"{"choices":[{"delta":{},"routed_experts":"x"}]}"#).tokens, []);
    }

    #[test]
    fn calls_are_read_from_servers_of_many_makers() {
        let read = |text: &str| -> ChatDelta { serde_json::from_str::<Chunk>(text).expect("reads").into() };
        let call = |index, id: Option<&str>, name: Option<&str>, arguments: &str| CallDelta {
            index,
            id: id.map(str::to_owned),
            name: name.map(str::to_owned),
            arguments: arguments.to_owned(),
        };
        let begin = read(
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"c","type":"function","function":{"name":"f","arguments":""}}]}}]}"#,
        );
        assert_eq!(begin.calls, [call(1, Some("c"), Some("f"), "")]);
        let more =
            read(r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":"{\"a\""}}]}}]}"#);
        assert_eq!(more.calls, [call(1, None, None, "{\"a\"")]);
        let whole = read(
            r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g"}}]}}]}"#,
        );
        assert_eq!(whole.calls, [call(0, None, Some("f"), r#"{"a":1}"#), call(1, None, Some("g"), "")]);
        assert_eq!(read(r#"{"choices":[{"delta":{"tool_calls":"x"}}]}"#).calls, []);
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

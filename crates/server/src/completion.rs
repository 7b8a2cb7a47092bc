//! `/v1/completions`: text goes on, or a hole in it is filled.
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::ApiErrorCode;
use serde::Deserialize;
use serde_json::{Value, json};
use text::{Piece, TextError};

use crate::answer::{Answer, Asked, Heading, Update};
use crate::body::{Body, RequestBody};
use crate::error::ApiError;
use crate::loaded::Loaded;
use crate::options::Options;
use crate::reply::{Shape, reply};
use crate::router::Shared;

/// As many as OpenAI gives when nothing is said.
const MAX_TOKENS: usize = 16;

#[derive(Debug, Deserialize)]
pub struct CompletionRequest {
    pub model: Option<String>,
    pub prompt: Prompt,
    /// What follows the hole.
    pub suffix: Option<String>,
    /// Read from the same object.
    #[serde(skip)]
    pub options: Options,
    pub logprobs: Option<usize>,
    #[serde(default)]
    pub echo: bool,
    pub best_of: Option<usize>,
}

impl RequestBody for CompletionRequest {
    /// Several times the longest context of text.
    const LONGEST: usize = 16 << 20;

    fn with_options(self, options: Options) -> Self {
        Self { options, ..self }
    }
}

/// A text, a list of texts, a list of tokens, or a list of such lists.
#[derive(Debug, Deserialize)]
#[serde(from = "Value")]
pub enum Prompt {
    Text(String),
    Tokens(Vec<u32>),
    /// Something else, or more than one.
    Other,
}

impl From<Value> for Prompt {
    fn from(value: Value) -> Self {
        let token = |value: &Value| {
            let whole = value.as_f64().filter(|number| number.fract() == 0.0)?;
            (0.0..=f64::from(u32::MAX)).contains(&whole).then_some(whole as u32)
        };
        match value {
            Value::String(text) => Self::Text(text),
            Value::Array(list) => match &list[..] {
                [one @ (Value::String(_) | Value::Array(_))] => Self::from(one.clone()),
                _ => list.iter().map(token).collect::<Option<_>>().map_or(Self::Other, Self::Tokens),
            },
            _ => Self::Other,
        }
    }
}

pub async fn completions(
    State(shared): State<Arc<Shared>>,
    Body(request): Body<CompletionRequest>,
) -> Result<Response, ApiError> {
    shared.serves(request.model.as_deref())?;
    request.check()?;
    let loaded = shared.loaded()?;
    let sampling = request.options.sampling(request.logprobs);
    let asked = Asked {
        tokens: request.tokens(loaded)?,
        spans: Vec::new(),
        sampling,
        max_tokens: request.options.max_tokens().tokens(Some(MAX_TOKENS)),
        stops: request.options.stops(),
        splitter: None,
        one_call: false,
        grammar: None,
        param: "prompt",
    };
    let answer = Answer::start(shared.clone(), asked)?;
    reply(&Heading::new(&shared), answer, &request.options, Completion::default()).await
}

impl CompletionRequest {
    fn check(&self) -> Result<(), ApiError> {
        self.options.check()?;
        if self.echo {
            return Err(ApiError::invalid("echo", "the prompt is not given back"));
        }
        if self.best_of.is_some_and(|count| count != 1) {
            return Err(ApiError::invalid("best_of", "one answer is given for each request"));
        }
        if self.logprobs.is_some_and(|count| count > 20) {
            return Err(ApiError::invalid("logprobs", "at most 20 alternatives are given"));
        }
        Ok(())
    }

    fn tokens(&self, loaded: &Loaded) -> Result<Vec<u32>, ApiError> {
        let text = match &self.prompt {
            Prompt::Text(text) => text,
            Prompt::Other => {
                let message = "prompt is one text or one list of token ids for each request";
                return Err(ApiError::invalid("prompt", message));
            }
            Prompt::Tokens(tokens) if self.suffix.is_none() => return Ok(tokens.clone()),
            Prompt::Tokens(_) => {
                return Err(ApiError::invalid("prompt", "a prompt of tokens has no suffix"));
            }
        };
        let tokenizer = &loaded.tokenizer;
        let refused = |error: TextError| ApiError::invalid("prompt", error.to_string());
        let mut tokens = match &self.suffix {
            None => tokenizer.encode(text).map_err(refused)?,
            Some(suffix) => tokenizer.encode_infill(text, suffix).map_err(refused)?.ok_or_else(|| {
                let message = "this model was not trained to fill holes: it has no tokens for it";
                ApiError::of("suffix", ApiErrorCode::FillUnsupported, message)
            })?,
        };
        if let Some(begin) = tokenizer.bos_token()
            && tokens.first() != Some(&begin)
        {
            tokens.insert(0, begin);
        }
        Ok(tokens)
    }
}

/// A completion as OpenAI's older protocol shapes it.
#[derive(Default)]
struct Completion {
    text: String,
    logprobs: Vec<Value>,
    offset: usize,
}

impl Shape for Completion {
    const OBJECT: &'static str = "text_completion";
    const CHUNK: &'static str = "text_completion";
    const ID: &'static str = "cmpl";

    fn chunks(&mut self, update: &Update) -> Vec<Value> {
        match update {
            Update::Pieces { pieces, logprobs } => {
                let text: String = pieces.iter().map(Piece::text).collect();
                let logprobs = self.logprobs(logprobs);
                vec![json!({"index": 0, "text": text, "finish_reason": null, "logprobs": logprobs})]
            }
            Update::End { finish, .. } => {
                vec![json!({"index": 0, "text": "", "finish_reason": finish, "logprobs": null})]
            }
            Update::Looking(_) | Update::Failed(_) => Vec::new(),
        }
    }

    fn add(&mut self, pieces: Vec<Piece>, logprobs: Vec<Value>) {
        self.text.extend(pieces.iter().map(Piece::text));
        self.logprobs.extend(logprobs);
    }

    fn whole(mut self, finish: &str) -> Value {
        let list = std::mem::take(&mut self.logprobs);
        let logprobs = self.logprobs(&list);
        json!({"index": 0, "text": self.text, "finish_reason": finish, "logprobs": logprobs})
    }
}

impl Completion {
    /// Four lists beside each other, and offsets in characters.
    fn logprobs(&mut self, list: &[Value]) -> Value {
        if list.is_empty() {
            return Value::Null;
        }
        let mut offsets = Vec::new();
        for entry in list {
            offsets.push(self.offset);
            self.offset += entry["token"].as_str().unwrap_or_default().chars().count();
        }
        let tops = list.iter().map(|entry| {
            let tops = entry["top_logprobs"].as_array().into_iter().flatten();
            tops.map(|top| (top["token"].as_str().unwrap_or_default().to_owned(), top["logprob"].clone()))
                .collect()
        });
        json!({
            "tokens": list.iter().map(|entry| entry["token"].clone()).collect::<Vec<_>>(),
            "token_logprobs": list.iter().map(|entry| entry["logprob"].clone()).collect::<Vec<_>>(),
            "top_logprobs": tops.map(Value::Object).collect::<Vec<_>>(),
            "text_offset": offsets,
        })
    }
}

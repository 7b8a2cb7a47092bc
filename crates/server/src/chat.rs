//! `/v1/chat/completions`: a conversation becomes a prompt, an answer becomes messages with reasoning and calls.
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::Span;
use serde_json::{Value, json};
use text::{
    AnswerSplitter, Boxes, ChatTemplate, Conversation, Grammar, Piece, Reasoning, TextError, Tokenizer,
};

use crate::answer::{Answer, Asked, Heading, Update};
use crate::body::Body;
use crate::error::{ApiError, Code};
use crate::loaded::{Loaded, Speech};
use crate::looking::Viewing;
use crate::pictures::{Looking, Prepared, Seen, addresses};
use crate::reply::{Shape, reply};
use crate::request::{ChatRequest, Form};
use crate::router::Shared;
use crate::sources::Sources;

pub async fn completions(
    State(shared): State<Arc<Shared>>,
    Body(request): Body<ChatRequest>,
) -> Result<Response, ApiError> {
    shared.serves(request.model.as_deref())?;
    request.check()?;
    let loaded = shared.loaded()?;
    let form = request.form()?;
    let heading = Heading::new(&shared);
    match &loaded.speech {
        Speech::Template(template) => {
            let spoken = written(&request, &form, template, &loaded.tokenizer)?;
            let answer = Answer::start(shared.clone(), asked(&request, spoken))?;
            let shape = Message { id: heading.number, ..Message::default() };
            reply(&heading, answer, &request.options, shape).await
        }
        Speech::Pictures(_) => {
            let (prepared, grammar) = prepared(&request, &form, loaded.clone(), &shared.sources).await?;
            let shape = Message { id: heading.number, picture: prepared.last(), ..Message::default() };
            let options = request.options.clone();
            let (loaded, shared) = (loaded.clone(), shared.clone());
            let viewing = Viewing::start(loaded, prepared, move |seen| {
                let Seen { tokens, spans } = seen;
                let spoken = Spoken { tokens, spans, splitter: AnswerSplitter::pointing(), grammar };
                Answer::start(shared, asked(&request, spoken))
            });
            reply(&heading, viewing, &options, shape).await
        }
    }
}

fn asked(request: &ChatRequest, spoken: Spoken) -> Asked {
    Asked {
        tokens: spoken.tokens,
        spans: spoken.spans,
        sampling: request.options.sampling(request.logprobs()),
        max_tokens: request.options.max_tokens().tokens(None),
        stops: request.options.stops(),
        splitter: Some(spoken.splitter),
        one_call: request.parallel_tool_calls == Some(false),
        grammar: spoken.grammar,
        param: "messages",
    }
}

/// What a conversation asks of the engine.
struct Spoken {
    tokens: Vec<u32>,
    spans: Vec<Span>,
    splitter: AnswerSplitter,
    grammar: Option<(Grammar, bool)>,
}

/// By the model's own template.
fn written(
    request: &ChatRequest,
    form: &Form,
    template: &ChatTemplate,
    tokenizer: &Tokenizer,
) -> Result<Spoken, ApiError> {
    let messages = request.messages()?;
    let flags = request.thinking().flags(template.reasoning(), &request.chat_template_kwargs)?;
    let prompt = template.render(&Conversation {
        messages: &messages,
        tools: request.offered(),
        flags: Some(&flags),
        continued: request.continues(),
    });
    let refused = |error: TextError| ApiError::of("messages", Code::ConversationRefused, error.to_string());
    let prompt = prompt.map_err(refused)?;
    let grammar = match form {
        Form::Free => None,
        Form::Json(schema) => Some(("response_format", Grammar::json_schema(schema, tokenizer))),
        Form::Call(tools) => Some(("tool_choice", Grammar::call(tools, template.call_form(), tokenizer))),
    };
    let impossible = |param, error: TextError| ApiError::of(param, Code::FormImpossible, error.to_string());
    let grammar = grammar.map(|(param, made)| made.map_err(|error| impossible(param, error)));
    Ok(Spoken {
        tokens: tokenizer.encode(&prompt.text).map_err(refused)?,
        spans: Vec::new(),
        splitter: AnswerSplitter::new(prompt.thinking, !request.offered().is_empty()),
        grammar: grammar.transpose()?.map(|grammar| (grammar, prompt.thinking)),
    })
}

/// With pictures, which are fetched and opened here and looked at later.
async fn prepared(
    request: &ChatRequest,
    form: &Form,
    loaded: Arc<Loaded>,
    sources: &Sources,
) -> Result<(Prepared, Option<(Grammar, bool)>), ApiError> {
    request.thinking().flags(&Reasoning::Never, &request.chat_template_kwargs)?;
    if !request.offered().is_empty() {
        return Err(ApiError::invalid("tools", "this model was not trained to call functions"));
    }
    let grammar = match form {
        Form::Json(schema) => {
            let made = Grammar::json_schema(schema, &loaded.tokenizer);
            Some((
                made.map_err(|error| {
                    ApiError::of("response_format", Code::FormImpossible, error.to_string())
                })?,
                false,
            ))
        }
        Form::Free | Form::Call(_) => None,
    };
    let mut pictures = Vec::new();
    for url in addresses(&request.messages)? {
        pictures.push(sources.bytes(&url).await?);
    }
    let turns = request.messages.clone();
    let read = tokio::task::spawn_blocking(move || {
        let Speech::Pictures(seeing) = &loaded.speech else { unreachable!("the model sees") };
        seeing.prepare(&turns, &pictures, &loaded.tokenizer, loaded.engine.context())
    });
    let failed = |error: tokio::task::JoinError| {
        ApiError::new(Code::EngineFailed, format!("open the pictures: {error}"))
    };
    Ok((read.await.map_err(failed)??, grammar))
}

/// The tokens of the prompt that `completions` would answer, of whatever length. Pictures are opened and not looked at.
///
/// # Errors
/// As `completions`, but for a prompt that is too long.
pub async fn prompt_tokens(
    request: ChatRequest,
    loaded: Arc<Loaded>,
    sources: &Sources,
) -> Result<Vec<u32>, ApiError> {
    let mut pictures = Vec::new();
    if matches!(loaded.speech, Speech::Pictures(_)) {
        for url in addresses(&request.messages)? {
            pictures.push(sources.bytes(&url).await?);
        }
    }
    let counted = tokio::task::spawn_blocking(move || match &loaded.speech {
        Speech::Template(template) => {
            written(&request, &Form::Free, template, &loaded.tokenizer).map(|spoken| spoken.tokens)
        }
        Speech::Pictures(seeing) => seeing
            .prepare(&request.messages, &pictures, &loaded.tokenizer, usize::MAX)
            .map(Prepared::into_tokens),
    });
    counted.await.map_err(|error| ApiError::new(Code::Internal, format!("count the tokens: {error}")))?
}

/// The assistant's message as it grows.
#[derive(Default)]
struct Message {
    /// The answer's number, which makes the ids of its calls different from all others.
    id: u64,
    content: String,
    reasoning: String,
    calls: Vec<(String, String)>,
    logprobs: Vec<Value>,
    boxes: Vec<Value>,
    /// Size of the picture that boxes lie on.
    picture: Option<(usize, usize)>,
}

impl Message {
    fn call_id(&self, at: usize) -> String {
        format!("call_{}_{at}", self.id)
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Answer(text) => self.content += &text,
            Piece::Reasoning(text) => self.reasoning += &text,
            Piece::CallName(name) => self.calls.push((name, String::new())),
            Piece::CallArguments(text) => {
                let (_, arguments) =
                    self.calls.last_mut().expect("a call has a name before it has arguments");
                *arguments += &text;
            }
            Piece::Boxes(boxes) => self.boxes.push(self.placed(&boxes)),
        }
    }

    /// Boxes as they were answered, in 0..=999, and in pixels of the last picture.
    fn placed(&self, boxes: &Boxes) -> Value {
        let pixels = self.picture.map(|(width, height)| boxes.pixels(width, height));
        json!({"label": boxes.label, "boxes": boxes.areas, "pixels": pixels})
    }

    /// What a stream says of a piece that was just taken.
    fn delta(&self, piece: &Piece) -> Value {
        let at = self.calls.len().saturating_sub(1);
        match piece {
            Piece::Answer(text) => json!({"content": text}),
            Piece::Reasoning(text) => json!({"reasoning_content": text}),
            Piece::CallName(name) => {
                let function = json!({"name": name, "arguments": ""});
                json!({"tool_calls": [{"index": at, "id": self.call_id(at), "type": "function", "function": function}]})
            }
            Piece::CallArguments(text) => {
                json!({"tool_calls": [{"index": at, "function": {"arguments": text}}]})
            }
            Piece::Boxes(boxes) => json!({"whaledeck": {"grounding": [self.placed(boxes)]}}),
        }
    }

    /// An answer that calls is over when it has called, whatever token said so.
    fn finish<'a>(&self, finish: &'a str) -> &'a str {
        if finish == "stop" && !self.calls.is_empty() { "tool_calls" } else { finish }
    }
}

impl Shape for Message {
    const OBJECT: &'static str = "chat.completion";
    const CHUNK: &'static str = "chat.completion.chunk";
    const ID: &'static str = "chatcmpl";

    fn first(&self) -> Option<Value> {
        Some(choice(json!({"role": "assistant", "content": ""}), None, Value::Null))
    }

    fn chunks(&mut self, update: &Update) -> Vec<Value> {
        match update {
            Update::Looking(Looking { picture, pictures, done, all }) => {
                let looking = json!({"picture": picture, "pictures": pictures, "done": done, "all": all});
                vec![choice(json!({"whaledeck": {"looking": looking}}), None, Value::Null)]
            }
            Update::Pieces { pieces, logprobs } => {
                let mut logprobs = logprobs_of(logprobs);
                let mut chunks = Vec::new();
                for piece in pieces {
                    self.take(piece.clone());
                    chunks.push(choice(self.delta(piece), None, logprobs.take()));
                }
                if !logprobs.is_null() {
                    chunks.push(choice(json!({}), None, logprobs));
                }
                chunks
            }
            Update::End { finish, .. } => vec![choice(json!({}), Some(self.finish(finish)), Value::Null)],
            Update::Failed(_) => Vec::new(),
        }
    }

    fn add(&mut self, pieces: Vec<Piece>, logprobs: Vec<Value>) {
        pieces.into_iter().for_each(|piece| self.take(piece));
        self.logprobs.extend(logprobs);
    }

    fn whole(self, finish: &str) -> Value {
        let finish = self.finish(finish);
        let silent = self.content.is_empty() && !self.calls.is_empty();
        let content = if silent { Value::Null } else { json!(self.content) };
        let mut message = json!({"role": "assistant", "content": content});
        if !self.reasoning.is_empty() {
            message["reasoning_content"] = json!(self.reasoning);
        }
        if !self.boxes.is_empty() {
            message["whaledeck"] = json!({"grounding": self.boxes});
        }
        if !self.calls.is_empty() {
            let call = |(at, (name, arguments)): (usize, &(String, String))| {
                let function = json!({"name": name, "arguments": arguments});
                json!({"id": self.call_id(at), "type": "function", "function": function})
            };
            message["tool_calls"] = self.calls.iter().enumerate().map(call).collect();
        }
        json!({"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs_of(&self.logprobs)})
    }
}

fn choice(delta: Value, finish: Option<&str>, logprobs: Value) -> Value {
    json!({"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs})
}

fn logprobs_of(list: &[Value]) -> Value {
    if list.is_empty() { Value::Null } else { json!({"content": list}) }
}

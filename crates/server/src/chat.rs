//! `/v1/chat/completions`: a conversation becomes a prompt, an answer becomes messages with reasoning and calls.
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::EmbedSpan;
use protocol::ApiErrorCode;
use serde_json::{Value, json};
use text::{ChatTemplate, Conversation, Grammar, OutputParser, Piece, Reasoning, TextError};

use crate::answer::{Answer, Asked, Heading, Update};
use crate::body::Body;
use crate::error::ApiError;
use crate::loaded::{Loaded, Speech};
use crate::looking::Viewing;
use crate::message::Message;
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
            let spoken = written(&request, &form, template, loaded)?;
            let answer = Answer::start(shared.clone(), asked(&request, spoken))?;
            let shape = Choice::of(Message::new(heading.number, &form, None));
            reply(&heading, answer, &request.options, shape).await
        }
        Speech::Pictures(_) => {
            let (prepared, grammar) = prepared(&request, &form, loaded.clone(), &shared.sources).await?;
            let shape = Choice::of(Message::new(heading.number, &form, prepared.last()));
            let options = request.options.clone();
            let (loaded, shared) = (loaded.clone(), shared.clone());
            let viewing = Viewing::start(loaded, prepared, move |seen| {
                let Seen { tokens, spans } = seen;
                let spoken = Spoken { tokens, spans, splitter: OutputParser::with_grounding(), grammar };
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
    spans: Vec<EmbedSpan>,
    splitter: OutputParser,
    grammar: Option<(Grammar, bool)>,
}

/// By the model's own template.
fn written(
    request: &ChatRequest,
    form: &Form,
    template: &ChatTemplate,
    loaded: &Loaded,
) -> Result<Spoken, ApiError> {
    let tokenizer = &loaded.tokenizer;
    let messages = request.messages()?;
    let flags = request.thinking().flags(template.reasoning(), &request.chat_template_kwargs)?;
    let prompt = template.render(&Conversation {
        messages: &messages,
        tools: request.offered(),
        template_kwargs: Some(&flags),
        continue_final_message: request.continues(),
    });
    let refused =
        |error: TextError| ApiError::of("messages", ApiErrorCode::ConversationRefused, error.to_string());
    let prompt = prompt.map_err(refused)?;
    let grammar = match form {
        Form::Free => None,
        Form::Json(schema) => Some(("response_format", Grammar::json_schema(schema, tokenizer))),
        Form::Call(tools) => {
            Some(("tool_choice", Grammar::call(tools, template.tool_call_format(), tokenizer)))
        }
    };
    let impossible =
        |param, error: TextError| ApiError::of(param, ApiErrorCode::FormImpossible, error.to_string());
    let grammar = grammar.map(|(param, made)| made.map_err(|error| impossible(param, error)));
    let mut splitter = OutputParser::new(prompt.thinking, !request.offered().is_empty());
    // An answer that is held to a form begins with it.
    if prompt.undecided && loaded.thinks_untold && grammar.is_none() {
        splitter = splitter.undecided();
    }
    Ok(Spoken {
        tokens: tokenizer.encode_prompt(&prompt).map_err(refused)?,
        spans: Vec::new(),
        splitter,
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
                    ApiError::of("response_format", ApiErrorCode::FormImpossible, error.to_string())
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
        ApiError::new(ApiErrorCode::EngineFailed, format!("open the pictures: {error}"))
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
            written(&request, &Form::Free, template, &loaded).map(|spoken| spoken.tokens)
        }
        Speech::Pictures(seeing) => seeing
            .prepare(&request.messages, &pictures, &loaded.tokenizer, usize::MAX)
            .map(Prepared::into_tokens),
    });
    counted
        .await
        .map_err(|error| ApiError::new(ApiErrorCode::Internal, format!("count the tokens: {error}")))?
}

/// The one choice of an answer.
#[derive(Default)]
struct Choice {
    message: Message,
    logprobs: Vec<Value>,
}

impl Choice {
    fn of(message: Message) -> Self {
        Self { message, ..Self::default() }
    }
}

impl Shape for Choice {
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
                for delta in pieces.iter().filter_map(|piece| self.message.take(piece.clone())) {
                    chunks.push(choice(delta, None, logprobs.take()));
                }
                if !logprobs.is_null() {
                    chunks.push(choice(json!({}), None, logprobs));
                }
                chunks
            }
            Update::End { finish, .. } => {
                let unfinished = self.message.unfinished();
                let delta = unfinished.map_or(json!({}), |part| json!({"whaledeck": {"unfinished": part}}));
                vec![choice(delta, Some(self.message.finish(finish)), Value::Null)]
            }
            Update::Failed(_) => Vec::new(),
        }
    }

    fn add(&mut self, pieces: Vec<Piece>, logprobs: Vec<Value>) {
        for piece in pieces {
            self.message.take(piece);
        }
        self.logprobs.extend(logprobs);
    }

    fn whole(self, finish: &str) -> Value {
        let (message, finish) = (self.message.whole(), self.message.finish(finish));
        json!({"index": 0, "message": message, "finish_reason": finish, "logprobs": logprobs_of(&self.logprobs)})
    }
}

fn choice(delta: Value, finish: Option<&str>, logprobs: Value) -> Value {
    json!({"index": 0, "delta": delta, "finish_reason": finish, "logprobs": logprobs})
}

fn logprobs_of(list: &[Value]) -> Value {
    if list.is_empty() { Value::Null } else { json!({"content": list}) }
}

//! An answer as HTTP: a stream of events or one body, in the form of the route that was called.
//! Server-sent events end with `[DONE]`. Comments keep the connection open during a long prefill.
use std::borrow::Cow;
use std::convert::Infallible;

use axum::Json;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use protocol::openai::{Completion, FinishReason, SamplingParams, StreamOptions, TokenLogprob, Usage};
use protocol::{ApiErrorCode, TokenTrace};
use serde::Serialize;
use text::Piece;

use crate::access_log::TokenCounts;
use crate::error::ApiError;
use crate::generation::{Update, Updates};
use crate::state::AppState;

/// How a route writes the one choice of an answer.
pub trait ResponseKind: Send + 'static {
    const OBJECT: &'static str;
    const CHUNK_OBJECT: &'static str;
    const ID_PREFIX: &'static str;

    type Choice: Serialize;
    type ChunkChoice: Serialize + Send;

    /// The first chunk of a stream, before any token.
    fn first_chunk(&self) -> Option<Self::ChunkChoice> {
        None
    }

    /// A stream's choices for one update.
    fn chunks(&mut self, update: &Update) -> Vec<Self::ChunkChoice>;

    /// Collects pieces for an answer that is sent as one body.
    fn push(&mut self, pieces: Vec<Piece>, logprobs: Vec<TokenLogprob>, traces: Vec<TokenTrace>);

    /// The choice of an answer that is sent as one body.
    fn finish(self, finish: FinishReason) -> Self::Choice;
}

/// What every body of one answer carries.
#[derive(Debug, Clone)]
pub struct ResponseMeta {
    /// A number no other answer of this process has.
    pub number: u64,
    created: u64,
    model: String,
}

impl ResponseMeta {
    pub fn new(state: &AppState) -> Self {
        let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let created = created.map_or(0, |time| time.as_secs());
        Self { number: state.next_id(), created, model: state.model_name.clone() }
    }

    fn body<C>(&self, id_prefix: &str, object: &'static str, choices: Vec<C>) -> Completion<C> {
        Completion {
            id: format!("{id_prefix}-{}", self.number),
            object: Cow::Borrowed(object),
            created: self.created,
            model: self.model.clone(),
            choices,
            usage: None,
        }
    }
}

/// # Errors
/// When the answer fails before it is complete; a stream reports its failure as an event.
pub async fn respond<K: ResponseKind>(
    meta: ResponseMeta,
    updates: impl Updates,
    params: &SamplingParams,
    kind: K,
) -> Result<Response, ApiError> {
    if params.stream {
        Ok(stream_response(meta, updates, params.stream_options, kind))
    } else {
        complete_response(&meta, updates, kind).await
    }
}

fn stream_response<K: ResponseKind>(
    meta: ResponseMeta,
    updates: impl Updates,
    options: StreamOptions,
    kind: K,
) -> Response {
    let chunks = Chunks { meta, options, kind };
    let first = chunks.kind.first_chunk().map(|choice| chunks.event(vec![choice], None));
    let counts = TokenCounts::default();
    let rest = stream::unfold(
        (updates, chunks, counts.clone()),
        move |(mut updates, mut chunks, counts)| async move {
            let update = updates.next().await?;
            if let Update::End { usage, .. } = &update {
                counts.set(usage);
            }
            let events = chunks.events(update, updates.token_counts());
            Some((stream::iter(events), (updates, chunks, counts)))
        },
    );
    let all = stream::iter(first).chain(rest.flatten());
    // Prefill of a long prompt takes minutes; comments keep the connection open until the first token.
    let mut response =
        Sse::new(all.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response();
    response.extensions_mut().insert(counts);
    response
}

struct Chunks<K> {
    meta: ResponseMeta,
    options: StreamOptions,
    kind: K,
}

impl<K: ResponseKind> Chunks<K> {
    fn events(&mut self, update: Update, (prompt, completion): (usize, usize)) -> Vec<SseEvent> {
        let with_usage = self.options.include_usage;
        let counts = with_usage && self.options.continuous_usage_stats;
        let counts = (counts && matches!(update, Update::Pieces { .. }))
            .then(|| Usage::new(prompt.into(), completion.into()));
        let choices = self.kind.chunks(&update);
        let mut events: Vec<SseEvent> =
            choices.into_iter().map(|choice| self.event(vec![choice], counts.clone())).collect();
        match update {
            Update::VisionProgress(_) | Update::Pieces { .. } => {}
            Update::End { usage, .. } => {
                if with_usage {
                    events.push(self.event(Vec::new(), Some(usage)));
                }
                events.push(SseEvent::default().data("[DONE]"));
            }
            Update::Failed(error) => events.push(json_event(&error.body())),
        }
        events
    }

    fn event(&self, choices: Vec<K::ChunkChoice>, usage: Option<Usage>) -> SseEvent {
        json_event(&Completion { usage, ..self.meta.body(K::ID_PREFIX, K::CHUNK_OBJECT, choices) })
    }
}

fn json_event(body: &impl Serialize) -> SseEvent {
    SseEvent::default().data(serde_json::to_string(body).expect("a body is plain data"))
}

async fn complete_response<K: ResponseKind>(
    meta: &ResponseMeta,
    mut updates: impl Updates,
    mut kind: K,
) -> Result<Response, ApiError> {
    while let Some(update) = updates.next().await {
        match update {
            Update::VisionProgress(_) => {}
            Update::Pieces { pieces, logprobs, traces } => kind.push(pieces, logprobs, traces),
            Update::End { finish, usage } => {
                let counts = TokenCounts::default();
                counts.set(&usage);
                let choices = vec![kind.finish(finish)];
                let body = Completion { usage: Some(usage), ..meta.body(K::ID_PREFIX, K::OBJECT, choices) };
                let mut response = Json(body).into_response();
                response.extensions_mut().insert(counts);
                return Ok(response);
            }
            Update::Failed(error) => return Err(error),
        }
    }
    Err(ApiError::new(ApiErrorCode::Internal, "the answer ended without an end"))
}

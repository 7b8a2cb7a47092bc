//! An answer as HTTP: streamed as events or whole, in the shape of the protocol that asked.
use std::convert::Infallible;

use axum::Json;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use protocol::ApiErrorCode;
use serde_json::{Value, json};
use text::Piece;

use crate::answer::{Heading, Update, Updates};
use crate::error::ApiError;
use crate::options::{Options, StreamOptions};
use crate::request_log::Counted;

/// How a protocol writes the one choice of an answer.
pub trait Shape: Send + 'static {
    const OBJECT: &'static str;
    const CHUNK: &'static str;
    const ID: &'static str;

    /// What a stream says before anything came.
    fn first(&self) -> Option<Value> {
        None
    }

    /// A stream's choices for one update.
    fn chunks(&mut self, update: &Update) -> Vec<Value>;

    /// Keeps what came, for an answer that is given whole.
    fn add(&mut self, pieces: Vec<Piece>, logprobs: Vec<Value>);

    /// The choice of an answer that is given whole.
    fn whole(self, finish: &str) -> Value;
}

/// # Errors
/// When the answer fails before it is whole; a stream tells its failure as an event.
pub async fn reply<S: Shape>(
    heading: &Heading,
    updates: impl Updates,
    options: &Options,
    shape: S,
) -> Result<Response, ApiError> {
    if options.stream {
        Ok(stream_of(heading, updates, options.stream_options.clone(), shape))
    } else {
        whole(heading, updates, shape).await
    }
}

fn stream_of<S: Shape>(
    heading: &Heading,
    updates: impl Updates,
    options: StreamOptions,
    shape: S,
) -> Response {
    let head = heading.json(S::ID, S::CHUNK);
    let first: Vec<SseEvent> = shape.first().map(|choice| event(&head, choice)).into_iter().collect();
    let counted = Counted::default();
    let counting = counted.clone();
    let rest = stream::unfold(
        (updates, head, shape, counting, options),
        move |(mut updates, head, mut shape, counting, options)| async move {
            let update = updates.next().await?;
            if let Update::End { usage, .. } = &update {
                counting.set(usage);
            }
            let events = events(&head, update, &options, updates.token_counts(), &mut shape);
            Some((stream::iter(events), (updates, head, shape, counting, options)))
        },
    );
    let all = stream::iter(first).chain(rest.flatten());
    // A long prompt is silent for minutes; the comments say that the worker lives.
    let mut response =
        Sse::new(all.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response();
    response.extensions_mut().insert(counted);
    response
}

fn events<S: Shape>(
    head: &Value,
    update: Update,
    options: &StreamOptions,
    (prompt, completion): (usize, usize),
    shape: &mut S,
) -> Vec<SseEvent> {
    let with_usage = options.include_usage;
    let mut head = head.clone();
    if with_usage && options.continuous_usage_stats && matches!(update, Update::Pieces { .. }) {
        head["usage"] = json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        });
    }
    let head = &head;
    let mut list: Vec<SseEvent> =
        shape.chunks(&update).into_iter().map(|choice| event(head, choice)).collect();
    match update {
        Update::Looking(_) | Update::Pieces { .. } => {}
        Update::End { usage, .. } => {
            if with_usage {
                let mut last = head.clone();
                last["choices"] = json!([]);
                last["usage"] = usage;
                list.push(SseEvent::default().data(last.to_string()));
            }
            list.push(SseEvent::default().data("[DONE]"));
        }
        Update::Failed(error) => list.push(SseEvent::default().data(error.body().to_string())),
    }
    list
}

fn event(head: &Value, choice: Value) -> SseEvent {
    let mut body = head.clone();
    body["choices"] = json!([choice]);
    SseEvent::default().data(body.to_string())
}

async fn whole<S: Shape>(
    heading: &Heading,
    mut updates: impl Updates,
    mut shape: S,
) -> Result<Response, ApiError> {
    while let Some(update) = updates.next().await {
        match update {
            Update::Looking(_) => {}
            Update::Pieces { pieces, logprobs } => shape.add(pieces, logprobs),
            Update::End { finish, usage } => {
                let mut body = heading.json(S::ID, S::OBJECT);
                body["choices"] = json!([shape.whole(finish)]);
                let counted = Counted::default();
                counted.set(&usage);
                body["usage"] = usage;
                let mut response = Json(body).into_response();
                response.extensions_mut().insert(counted);
                return Ok(response);
            }
            Update::Failed(error) => return Err(error),
        }
    }
    Err(ApiError::new(ApiErrorCode::Internal, "the answer ended without an end"))
}

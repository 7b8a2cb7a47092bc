//! An answer as HTTP: a stream of server-sent events or one body, in the form of the route that was called.
//! Comments keep a connection open during a long prefill.
pub mod blocks;
pub mod completion;

use std::convert::Infallible;

use axum::Json;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use protocol::ApiErrorCode;
use protocol::openai::{FinishReason, Usage};
use serde::Serialize;

use crate::access_log::TokenCounts;
use crate::error::ApiError;
use crate::generation::{Update, Updates};

/// How a protocol writes an answer.
pub trait AnswerWriter: Send + 'static {
    type Body: Serialize;

    /// The first events of a stream, before any token.
    fn begin(&mut self, prompt_tokens: usize) -> Vec<SseEvent>;

    /// A stream's events for one update. `counts` are the tokens of the prompt and of the answer so far.
    fn events(&mut self, update: Update, counts: (usize, usize)) -> Vec<SseEvent>;

    /// Collects an update for an answer that is sent as one body; never an end or a failure.
    fn collect(&mut self, update: Update);

    /// The answer as one body.
    fn complete(self, end: AnswerEnd) -> Self::Body;
}

/// How an answer ended.
#[derive(Debug, Clone)]
pub struct AnswerEnd {
    pub finish: FinishReason,
    /// The stop string that ended it.
    pub stop: Option<String>,
    pub usage: Usage,
}

/// # Errors
/// When the answer fails before it is complete; a stream reports its failure as an event.
pub async fn respond<W: AnswerWriter>(
    updates: impl Updates,
    streamed: bool,
    writer: W,
) -> Result<Response, ApiError> {
    if streamed { Ok(stream_response(updates, writer)) } else { complete_response(updates, writer).await }
}

fn stream_response<W: AnswerWriter>(updates: impl Updates, mut writer: W) -> Response {
    let first = writer.begin(updates.token_counts().0);
    let counts = TokenCounts::default();
    let rest = stream::unfold(
        (updates, writer, counts.clone()),
        move |(mut updates, mut writer, counts)| async move {
            let update = updates.next().await?;
            if let Update::End { usage, .. } = &update {
                counts.set(usage);
            }
            let events = writer.events(update, updates.token_counts());
            Some((stream::iter(events), (updates, writer, counts)))
        },
    );
    let all = stream::iter(first).chain(rest.flatten());
    // Prefill of a long prompt takes minutes; comments keep the connection open until the first token.
    let mut response =
        Sse::new(all.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::default()).into_response();
    response.extensions_mut().insert(counts);
    response
}

async fn complete_response<W: AnswerWriter>(
    mut updates: impl Updates,
    mut writer: W,
) -> Result<Response, ApiError> {
    while let Some(update) = updates.next().await {
        match update {
            Update::End { finish, stop, usage } => {
                let counts = TokenCounts::default();
                counts.set(&usage);
                let body = writer.complete(AnswerEnd { finish, stop, usage });
                let mut response = Json(body).into_response();
                response.extensions_mut().insert(counts);
                return Ok(response);
            }
            Update::Failed(error) => return Err(error),
            more => writer.collect(more),
        }
    }
    Err(ApiError::new(ApiErrorCode::Internal, "the answer ended without an end"))
}

pub fn json_event(body: &impl Serialize) -> SseEvent {
    SseEvent::default().data(serde_json::to_string(body).expect("a body is plain data"))
}

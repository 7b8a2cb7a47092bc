//! The bodies of chat and plain completions, which differ in the type of their one choice.
//! A stream ends with `[DONE]`.
use std::borrow::Cow;

use axum::response::Response;
use axum::response::sse::Event as SseEvent;
use protocol::TokenTrace;
use protocol::openai::{Completion, FinishReason, SamplingParams, StreamOptions, TokenLogprob, Usage};
use serde::Serialize;
use text::Piece;

use super::{AnswerEnd, AnswerWriter, json_event};
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
    /// Seconds of the Unix clock.
    pub created: u64,
    pub model: String,
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
            prompt_progress: None,
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
    let writer = CompletionWriter { meta, options: params.stream_options, kind };
    super::respond(updates, params.stream, writer).await
}

struct CompletionWriter<K> {
    meta: ResponseMeta,
    options: StreamOptions,
    kind: K,
}

impl<K: ResponseKind> CompletionWriter<K> {
    fn event(&self, choices: Vec<K::ChunkChoice>, usage: Option<Usage>) -> SseEvent {
        json_event(&Completion { usage, ..self.meta.body(K::ID_PREFIX, K::CHUNK_OBJECT, choices) })
    }
}

impl<K: ResponseKind> AnswerWriter for CompletionWriter<K> {
    type Body = Completion<K::Choice>;

    fn begin(&mut self, _: usize) -> Vec<SseEvent> {
        self.kind.first_chunk().map(|choice| self.event(vec![choice], None)).into_iter().collect()
    }

    fn events(&mut self, update: Update, (prompt, completion): (usize, usize)) -> Vec<SseEvent> {
        let with_usage = self.options.include_usage;
        let counts = with_usage && self.options.continuous_usage_stats;
        let counts = (counts && matches!(update, Update::Pieces { .. }))
            .then(|| Usage::new(prompt.into(), completion.into()));
        let choices = self.kind.chunks(&update);
        if let Update::PromptProgress(progress) = update {
            let body = self.meta.body(K::ID_PREFIX, K::CHUNK_OBJECT, choices);
            return vec![json_event(&Completion { prompt_progress: Some(progress), ..body })];
        }
        let mut events: Vec<SseEvent> =
            choices.into_iter().map(|choice| self.event(vec![choice], counts.clone())).collect();
        match update {
            Update::VisionProgress(_) | Update::PromptProgress(_) | Update::Pieces { .. } => {}
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

    fn collect(&mut self, update: Update) {
        if let Update::Pieces { pieces, logprobs, traces } = update {
            self.kind.push(pieces, logprobs, traces);
        }
    }

    fn complete(self, end: AnswerEnd) -> Completion<K::Choice> {
        let body = self.meta.body(K::ID_PREFIX, K::OBJECT, vec![self.kind.finish(end.finish)]);
        Completion { usage: Some(end.usage), ..body }
    }
}

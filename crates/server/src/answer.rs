//! One answer: from a prompt's tokens to the engine's, and from those to text, reasoning, calls and usage.
use std::sync::Arc;

use engine::{
    CancelHandle, DrafterKind, EmbedSpan, EngineError, Event, FinishReason, Request, Sampling, SubmitError,
    Timings,
};
use protocol::ApiErrorCode;
use serde_json::{Value, json};
use text::{Detokenizer, Grammar, OutputParser, Piece, StopStrings};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::ApiError;
use crate::grammar::{Fault, Held};
use crate::pictures::Looking;
use crate::router::Shared;

/// What the caller hears next.
pub enum Update {
    /// Before the first word of a chat with pictures.
    Looking(Looking),
    Pieces {
        pieces: Vec<Piece>,
        logprobs: Vec<Value>,
    },
    End {
        finish: &'static str,
        usage: Value,
    },
    Failed(ApiError),
}

/// Where updates come from, one after another until the end.
pub trait Updates: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Option<Update>> + Send;

    /// Tokens of the prompt and of the answer so far.
    fn token_counts(&self) -> (usize, usize);
}

/// What every reply of one answer carries.
pub struct Heading {
    /// A number no other answer of this process has.
    pub number: u64,
    created: u64,
    model: String,
}

impl Heading {
    pub fn new(shared: &Shared) -> Self {
        let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let created = created.map_or(0, |time| time.as_secs());
        Self { number: shared.next_id(), created, model: shared.name.clone() }
    }

    pub fn json(&self, id: &str, object: &str) -> Value {
        let id = format!("{id}-{}", self.number);
        json!({"id": id, "object": object, "created": self.created, "model": self.model})
    }
}

/// One answer as its protocol asks for it.
pub struct Asked {
    pub tokens: Vec<u32>,
    /// Pictures among them.
    pub spans: Vec<EmbedSpan>,
    pub sampling: Sampling,
    pub max_tokens: Option<usize>,
    pub stops: Vec<String>,
    /// Tells reasoning and calls apart; without one all is text.
    pub splitter: Option<OutputParser>,
    /// The answer ends before a second call, as `parallel_tool_calls: false` asks.
    pub one_call: bool,
    /// The form of the answer, and whether it begins with reasoning, which is free.
    pub grammar: Option<(Grammar, bool)>,
    /// The field to blame for a prompt that cannot be read.
    pub param: &'static str,
}

/// A running answer. Dropping it, as a closed connection does, cancels it.
pub struct Answer {
    shared: Arc<Shared>,
    events: UnboundedReceiver<Event>,
    cancel: CancelHandle,
    detokenizer: Detokenizer,
    stops: StopStrings,
    splitter: Option<OutputParser>,
    /// Calls that may still come; any number when absent.
    calls_left: Option<usize>,
    fault: Fault,
    prompt_tokens: usize,
    completion_tokens: usize,
    /// A stop string came; the engine's own end is awaited for its timings.
    stopped: bool,
    ended: bool,
}

impl Answer {
    /// # Errors
    /// A prompt that does not fit.
    pub fn start(shared: Arc<Shared>, asked: Asked) -> Result<Self, ApiError> {
        let loaded = shared.loaded()?;
        let prompt_tokens = asked.tokens.len();
        let (sender, events) = unbounded_channel();
        let held = asked.grammar.map(|(grammar, thinking)| Held::new(grammar, loaded.clone(), thinking));
        let (constraint, fault) = held.unzip();
        let request = Request {
            tokens: asked.tokens,
            embeds: asked.spans,
            sampling: asked.sampling,
            max_tokens: asked.max_tokens,
            stop_tokens: loaded.tokenizer.eos_tokens().to_vec(),
            constraint: constraint.map(|held| Box::new(held) as Box<dyn engine::Constraint>),
            ..Request::default()
        };
        let sink = Box::new(move |event| drop(sender.send(event)));
        let cancel =
            loaded.engine.submit(request, sink).map_err(|error| submit_error(&error, asked.param))?;
        Ok(Self {
            events,
            cancel,
            detokenizer: Detokenizer::default(),
            stops: StopStrings::new(asked.stops),
            splitter: asked.splitter,
            calls_left: asked.one_call.then_some(1),
            fault: fault.unwrap_or_default(),
            prompt_tokens,
            completion_tokens: 0,
            stopped: false,
            ended: false,
            shared,
        })
    }

    fn token(&mut self, id: u32) -> Vec<Piece> {
        let loaded = self.shared.loaded().expect("an answer starts after loading");
        self.completion_tokens += 1;
        let fresh = self.detokenizer.push(&loaded.tokenizer, id);
        let watched = self.stops.push(&fresh);
        if watched.ended {
            self.stopped = true;
            self.cancel.cancel();
        }
        let pieces = self.split(watched.text, watched.ended);
        self.within_calls(pieces)
    }

    /// What comes before a call too many, which ends the answer.
    fn within_calls(&mut self, mut pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(left) = &mut self.calls_left else { return pieces };
        let begins = |piece: &(usize, &Piece)| matches!(piece.1, Piece::CallName(_));
        let begun: Vec<usize> = pieces.iter().enumerate().filter(begins).map(|(at, _)| at).collect();
        if let Some(&at) = begun.get(*left) {
            pieces.truncate(at);
            self.stopped = true;
            self.cancel.cancel();
        }
        *left = left.saturating_sub(begun.len());
        pieces
    }

    fn split(&mut self, text: String, last: bool) -> Vec<Piece> {
        match &mut self.splitter {
            None if text.is_empty() => Vec::new(),
            None => vec![Piece::Answer(text)],
            Some(splitter) => {
                let mut pieces = splitter.push(&text);
                if last {
                    pieces.extend(splitter.flush());
                }
                pieces
            }
        }
    }

    /// The held-back rest goes out first; the end follows on the next call.
    fn finish(&mut self, reason: FinishReason, timings: Timings) -> Update {
        if let Some(error) = self.fault.take() {
            return self.failed(ApiErrorCode::FormImpossible, error);
        }
        if !self.stopped {
            self.stopped = true;
            let rest = self.detokenizer.flush();
            let watched = self.stops.push(&rest);
            let tail = if watched.ended { String::new() } else { self.stops.flush() };
            let pieces = self.split(watched.text + &tail, true);
            let pieces = self.within_calls(pieces);
            if !pieces.is_empty() {
                let (sender, events) = unbounded_channel();
                drop(sender.send(Event::Finished { reason, timings }));
                self.events = events;
                return Update::Pieces { pieces, logprobs: Vec::new() };
            }
        }
        self.ended = true;
        let finish = match reason {
            FinishReason::Stop | FinishReason::Cancelled => "stop",
            FinishReason::Length | FinishReason::ContextFull => "length",
        };
        Update::End { finish, usage: usage(&timings, reason) }
    }

    fn failed(&mut self, code: ApiErrorCode, message: String) -> Update {
        self.ended = true;
        Update::Failed(ApiError::new(code, message))
    }

    fn logprob(&self, id: u32, logprob: f32, alternatives: &[engine::TokenLogprob]) -> Value {
        let loaded = self.shared.loaded().expect("an answer starts after loading");
        let entry = |id: u32, logprob: f32| {
            let bytes = loaded.tokenizer.bytes(id);
            json!({"token": String::from_utf8_lossy(bytes), "logprob": logprob, "bytes": bytes})
        };
        let mut value = entry(id, logprob);
        value["top_logprobs"] = alternatives.iter().map(|other| entry(other.id, other.logprob)).collect();
        value
    }
}

impl Updates for Answer {
    fn token_counts(&self) -> (usize, usize) {
        (self.prompt_tokens, self.completion_tokens)
    }

    async fn next(&mut self) -> Option<Update> {
        while !self.ended {
            let event = self.events.recv().await;
            let update = match event {
                Some(Event::Token { .. }) if self.stopped => None,
                Some(Event::Token { id, logprob, alternatives }) => {
                    let pieces = self.token(id);
                    let logprob = logprob.map(|logprob| self.logprob(id, logprob, &alternatives));
                    let logprobs: Vec<Value> = logprob.into_iter().collect();
                    let silent = pieces.is_empty() && logprobs.is_empty();
                    (!silent).then_some(Update::Pieces { pieces, logprobs })
                }
                Some(Event::Finished { reason, timings }) => return Some(self.finish(reason, timings)),
                Some(Event::Failed(error)) => {
                    let code = match error {
                        EngineError::NoAllowedToken => ApiErrorCode::FormImpossible,
                        EngineError::Forward(_) | EngineError::Internal(_) => ApiErrorCode::EngineFailed,
                    };
                    Some(self.failed(code, error.to_string()))
                }
                None => Some(self.failed(ApiErrorCode::EngineFailed, "the engine has stopped".to_owned())),
            };
            if update.is_some() {
                return update;
            }
        }
        None
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn usage(timings: &Timings, reason: FinishReason) -> Value {
    let decoded = timings.completion_tokens.saturating_sub(1) as f64;
    let seconds = timings.decode.as_secs_f64();
    let rate = if seconds > 0.0 { decoded / seconds } else { 0.0 };
    let token_ms = if decoded > 0.0 { seconds * 1000.0 / decoded } else { 0.0 };
    let drafts = &timings.drafts;
    let drafter = drafts.drafter.map(|drafter| match drafter {
        DrafterKind::Mtp => "mtp",
        DrafterKind::Lookup => "lookup",
    });
    json!({
        "prompt_tokens": timings.prompt_tokens,
        "completion_tokens": timings.completion_tokens,
        "total_tokens": timings.prompt_tokens + timings.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": timings.cached_tokens},
        "whaledeck": {
            "queued_ms": timings.queued.as_secs_f64() * 1000.0,
            "first_token_ms": timings.first_token.as_secs_f64() * 1000.0,
            "token_ms": token_ms,
            "tokens_per_second": rate,
            "prefix_tokens": timings.cached_tokens,
            "drafts": {"drafter": drafter, "offered": drafts.offered, "accepted": drafts.accepted,
                "switched_off": drafts.times_disabled},
            "context_full": reason == FinishReason::ContextFull,
        },
    })
}

fn submit_error(error: &SubmitError, param: &'static str) -> ApiError {
    match error {
        SubmitError::PromptTooLong { tokens, context } => ApiError {
            whaledeck: Some(Box::new(json!({"tokens": tokens, "context": context}))),
            ..ApiError::of(param, ApiErrorCode::ContextLengthExceeded, error.to_string())
        },
        SubmitError::EmptyPrompt | SubmitError::UnknownToken { .. } | SubmitError::Embeds { .. } => {
            ApiError::invalid(param, error.to_string())
        }
        SubmitError::Stopped => ApiError::new(ApiErrorCode::EngineFailed, error.to_string()),
    }
}

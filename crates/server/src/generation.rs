//! One answer: the prompt's tokens go to the engine, and its tokens become text, reasoning, calls and usage.
//! It writes no JSON: `response` and the routes turn its updates into bodies and chunks.
use std::sync::Arc;

use engine::{
    CancelHandle, EmbedSpan, EngineError, Event, FinishReason, PrefillProgress, Request, Sampling,
    SubmitError,
};
use protocol::openai::{self, CompletionTokensDetails, PromptProgress, TokenLogprob, TopLogprob, Usage};
use protocol::{ApiErrorCode, PromptSize, TokenTrace, VisionProgress};
use text::{Detokenizer, Grammar, OutputParser, Piece, StopStrings};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::ApiError;
use crate::response_format::{GrammarConstraint, GrammarError, GrammarStart};
use crate::state::AppState;
use crate::usage::usage;

/// The next event of an answer.
pub enum Update {
    /// Before the first token of a chat with images.
    VisionProgress(VisionProgress),
    /// Before the first token, when the request asks for it.
    PromptProgress(PromptProgress),
    Pieces {
        pieces: Vec<Piece>,
        logprobs: Vec<TokenLogprob>,
        traces: Vec<TokenTrace>,
    },
    End {
        finish: openai::FinishReason,
        /// The stop string that ended the answer.
        stop: Option<String>,
        usage: Usage,
    },
    Failed(ApiError),
}

/// Where updates come from, one after another until the end.
pub trait Updates: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Option<Update>> + Send;

    /// Tokens of the prompt and of the answer so far.
    fn token_counts(&self) -> (usize, usize);
}

/// The request to the engine.
pub struct GenerateParams {
    pub tokens: Vec<u32>,
    /// Images among them.
    pub spans: Vec<EmbedSpan>,
    pub sampling: Sampling,
    pub max_tokens: Option<usize>,
    pub stops: Vec<String>,
    /// Separates reasoning and calls from text; without one all is text.
    pub parser: Option<OutputParser>,
    /// The answer ends before a second call, as `parallel_tool_calls: false` asks.
    pub one_call: bool,
    /// The grammar of the answer, and from where on it holds.
    pub grammar: Option<(Grammar, GrammarStart)>,
    /// Reports how each token was made.
    pub trace: bool,
    /// Reports how much of the prompt is computed.
    pub progress: bool,
    /// Keeps the cached prefix apart from those of other salts.
    pub cache_salt: Option<String>,
    /// The field to name in the error for a prompt that is refused.
    pub param: &'static str,
}

/// A running answer. Dropping it, as a closed connection does, cancels it.
pub struct Generation {
    state: Arc<AppState>,
    events: UnboundedReceiver<Event>,
    cancel: CancelHandle,
    detokenizer: Detokenizer,
    stops: StopStrings,
    parser: Option<OutputParser>,
    /// Calls that may still come; any number when absent.
    calls_left: Option<usize>,
    grammar_error: GrammarError,
    prompt_tokens: usize,
    progress: bool,
    completion_tokens: usize,
    /// Those up to the end of the reasoning.
    reasoning_tokens: usize,
    /// The one that came.
    stop: Option<String>,
    /// A stop string came; the engine's own end is awaited for its timings.
    stopped: bool,
    ended: bool,
}

impl Generation {
    /// # Errors
    /// A prompt that does not fit.
    pub fn start(state: Arc<AppState>, params: GenerateParams) -> Result<Self, ApiError> {
        let model = state.model()?;
        let prompt_tokens = params.tokens.len();
        let (sender, events) = unbounded_channel();
        let constraint =
            params.grammar.map(|(grammar, start)| GrammarConstraint::new(grammar, model.clone(), start));
        let (constraint, grammar_error) = constraint.unzip();
        let request = Request {
            tokens: params.tokens,
            embeds: params.spans,
            sampling: params.sampling,
            max_tokens: params.max_tokens,
            stop_tokens: model.tokenizer.eos_tokens().to_vec(),
            constraint: constraint.map(|constraint| Box::new(constraint) as Box<dyn engine::Constraint>),
            trace: params.trace,
            salt: params.cache_salt.unwrap_or_default().into_bytes(),
            ..Request::default()
        };
        let sink = Box::new(move |event| drop(sender.send(event)));
        let cancel =
            model.engine.submit(request, sink).map_err(|error| submit_error(&error, params.param))?;
        Ok(Self {
            events,
            cancel,
            detokenizer: Detokenizer::default(),
            stops: StopStrings::new(params.stops),
            parser: params.parser,
            calls_left: params.one_call.then_some(1),
            grammar_error: grammar_error.unwrap_or_default(),
            prompt_tokens,
            progress: params.progress,
            completion_tokens: 0,
            reasoning_tokens: 0,
            stop: None,
            stopped: false,
            ended: false,
            state,
        })
    }

    fn token(&mut self, id: u32) -> Vec<Piece> {
        let model = self.state.model().expect("an answer starts after loading");
        self.completion_tokens += 1;
        let text = self.detokenizer.push(&model.tokenizer, id);
        let checked = self.stops.push(&text);
        let ended = checked.stop.is_some();
        if ended {
            self.stop = checked.stop;
            self.stopped = true;
            self.cancel.cancel();
        }
        let in_reasoning =
            |parser: &Option<OutputParser>| parser.as_ref().is_some_and(OutputParser::in_reasoning);
        let before = in_reasoning(&self.parser);
        let pieces = self.parse(checked.text, ended);
        let reasoning = pieces.iter().any(|piece| matches!(piece, Piece::Reasoning(_)));
        if before || reasoning || in_reasoning(&self.parser) {
            // Reasoning comes first, so every token so far belongs to it, also those held back till now.
            self.reasoning_tokens = self.completion_tokens;
        }
        self.limit_calls(pieces)
    }

    /// What comes before a call too many, which ends the answer.
    fn limit_calls(&mut self, mut pieces: Vec<Piece>) -> Vec<Piece> {
        let Some(left) = &mut self.calls_left else { return pieces };
        let is_call = |piece: &(usize, &Piece)| matches!(piece.1, Piece::CallName(_));
        let calls: Vec<usize> = pieces.iter().enumerate().filter(is_call).map(|(at, _)| at).collect();
        if let Some(&at) = calls.get(*left) {
            pieces.truncate(at);
            self.stopped = true;
            self.cancel.cancel();
        }
        *left = left.saturating_sub(calls.len());
        pieces
    }

    fn parse(&mut self, text: String, last: bool) -> Vec<Piece> {
        match &mut self.parser {
            None if text.is_empty() => Vec::new(),
            None => vec![Piece::Answer(text)],
            Some(parser) => {
                let mut pieces = parser.push(&text);
                if last {
                    pieces.extend(parser.flush());
                }
                pieces
            }
        }
    }

    /// Text that was held back comes first; the end follows on the next call.
    fn finish(&mut self, reason: FinishReason, timings: engine::Timings) -> Update {
        if let Some(error) = self.grammar_error.take() {
            return self.failed(ApiErrorCode::FormImpossible, error);
        }
        if !self.stopped {
            self.stopped = true;
            let rest = self.detokenizer.flush();
            let checked = self.stops.push(&rest);
            let tail = if checked.stop.is_some() { String::new() } else { self.stops.flush() };
            self.stop = checked.stop;
            let pieces = self.parse(checked.text + &tail, true);
            let pieces = self.limit_calls(pieces);
            if !pieces.is_empty() {
                let (sender, events) = unbounded_channel();
                drop(sender.send(Event::Finished { reason, timings, routing: Arc::default() }));
                self.events = events;
                return Update::Pieces { pieces, logprobs: Vec::new(), traces: Vec::new() };
            }
        }
        self.ended = true;
        let finish = match reason {
            FinishReason::Stop | FinishReason::Cancelled => openai::FinishReason::Stop,
            FinishReason::Length | FinishReason::ContextFull => openai::FinishReason::Length,
        };
        let mut usage = usage(&timings, reason);
        let reasoning_tokens = self.reasoning_tokens.into();
        usage.completion_tokens_details =
            (self.reasoning_tokens > 0).then_some(CompletionTokensDetails { reasoning_tokens });
        Update::End { finish, stop: self.stop.take(), usage }
    }

    fn failed(&mut self, code: ApiErrorCode, message: String) -> Update {
        self.ended = true;
        Update::Failed(ApiError::new(code, message))
    }

    fn trace(&self, id: u32, trace: engine::TokenTrace) -> TokenTrace {
        let model = self.state.model().expect("an answer starts after loading");
        TokenTrace {
            id,
            text: model.token_text(id),
            drafted: trace.draft == Some(id),
            rejected: trace.draft.filter(|&draft| draft != id).map(|draft| model.token_text(draft)),
            experts: trace
                .layers
                .into_iter()
                .map(|(_, experts)| experts.into_iter().map(|(expert, _)| expert).collect())
                .collect(),
        }
    }

    fn logprob(&self, id: u32, logprob: f32, alternatives: &[engine::TokenLogprob]) -> TokenLogprob {
        let model = self.state.model().expect("an answer starts after loading");
        let entry = |id: u32, logprob: f32| TopLogprob {
            token: model.token_text(id),
            logprob: f64::from(logprob),
            bytes: model.tokenizer.bytes(id).to_vec(),
        };
        TokenLogprob {
            chosen: entry(id, logprob),
            top_logprobs: alternatives.iter().map(|other| entry(other.id, other.logprob)).collect(),
        }
    }
}

impl Updates for Generation {
    fn token_counts(&self) -> (usize, usize) {
        (self.prompt_tokens, self.completion_tokens)
    }

    async fn next(&mut self) -> Option<Update> {
        while !self.ended {
            let event = self.events.recv().await;
            let update = match event {
                Some(Event::Prefill(progress)) => {
                    self.progress.then(|| Update::PromptProgress(prompt_progress(progress)))
                }
                Some(Event::Token { .. }) if self.stopped => None,
                Some(Event::Token { id, logprob, alternatives, trace }) => {
                    let pieces = self.token(id);
                    let logprob = logprob.map(|logprob| self.logprob(id, logprob, &alternatives));
                    let logprobs: Vec<TokenLogprob> = logprob.into_iter().collect();
                    let traces: Vec<TokenTrace> =
                        trace.into_iter().map(|trace| self.trace(id, trace)).collect();
                    let empty = pieces.is_empty() && logprobs.is_empty() && traces.is_empty();
                    (!empty).then_some(Update::Pieces { pieces, logprobs, traces })
                }
                Some(Event::Finished { reason, timings, .. }) => return Some(self.finish(reason, timings)),
                Some(Event::Failed(error)) => {
                    let lost = || {
                        let reason = self.state.check_card()?;
                        Some((ApiErrorCode::CardLost, format!("the graphics card stopped working: {reason}")))
                    };
                    let failed = || (ApiErrorCode::EngineFailed, error.to_string());
                    let (code, message) = match &error {
                        EngineError::NoAllowedToken => (ApiErrorCode::FormImpossible, error.to_string()),
                        EngineError::Forward(_) | EngineError::Internal(_) => lost().unwrap_or_else(failed),
                    };
                    Some(self.failed(code, message))
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

impl Drop for Generation {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn prompt_progress(progress: PrefillProgress) -> PromptProgress {
    PromptProgress {
        total: progress.total.into(),
        cache: progress.cached.into(),
        processed: progress.processed.into(),
        time_ms: u64::try_from(progress.elapsed.as_millis()).unwrap_or(u64::MAX),
    }
}

fn submit_error(error: &SubmitError, param: &'static str) -> ApiError {
    match error {
        SubmitError::PromptTooLong { tokens, context } => ApiError {
            prompt_size: Some(PromptSize { tokens: (*tokens).into(), context: (*context).into() }),
            ..ApiError::of(param, ApiErrorCode::ContextLengthExceeded, error.to_string())
        },
        SubmitError::EmptyPrompt | SubmitError::UnknownToken { .. } | SubmitError::Embeds { .. } => {
            ApiError::invalid(param, error.to_string())
        }
        SubmitError::Stopped => ApiError::new(ApiErrorCode::EngineFailed, error.to_string()),
    }
}

//! One request of the engine from its prompt to its end, without text: what the routes of this folder read.
//! They send no stream: a run is short.
use std::sync::Arc;

use engine::{Event, Request, Routing, Timings, TokenTrace};
use protocol::ApiErrorCode;
use protocol::openai::{ChatCompletionRequest, ChatMessage, SamplingParams};
use tokio::sync::mpsc::unbounded_channel;

use crate::chat;
use crate::error::ApiError;
use crate::state::AppState;

/// What came of a request.
pub struct Run {
    pub tokens: Vec<u32>,
    pub traces: Vec<TokenTrace>,
    pub timings: Timings,
    pub routing: Arc<Routing>,
}

/// # Errors
/// When the engine refuses the request, or fails.
pub async fn run(state: &AppState, request: Request) -> Result<Run, ApiError> {
    let model = state.model()?;
    let stop_tokens = model.tokenizer.eos_tokens().to_vec();
    let (sender, mut events) = unbounded_channel();
    let sink = Box::new(move |event| drop(sender.send(event)));
    let submitted = model.engine.submit(Request { stop_tokens, ..request }, sink);
    // Dropping it cancels the request: a closed connection must not leave it running.
    let _cancel = submitted.map_err(|error| ApiError::invalid("messages", error.to_string()))?;
    let (mut tokens, mut traces) = (Vec::new(), Vec::new());
    while let Some(event) = events.recv().await {
        match event {
            Event::Prefill(_) => {}
            Event::Token { id, trace, .. } => {
                tokens.push(id);
                traces.extend(trace);
            }
            Event::Finished { timings, routing, .. } => return Ok(Run { tokens, traces, timings, routing }),
            Event::Failed(error) => return Err(ApiError::new(ApiErrorCode::EngineFailed, error.to_string())),
        }
    }
    Err(ApiError::new(ApiErrorCode::EngineFailed, "the engine has stopped"))
}

/// The tokens of a conversation, as a chat would encode them.
///
/// # Errors
/// As a chat.
pub async fn prompt(
    state: &AppState,
    messages: Vec<ChatMessage>,
    sampling: SamplingParams,
) -> Result<Vec<u32>, ApiError> {
    let request = ChatCompletionRequest { messages, sampling, ..ChatCompletionRequest::default() };
    chat::check(&request)?;
    chat::prompt_tokens(request, state.model()?.clone(), &state.image_fetcher).await
}

/// The text of tokens.
pub fn text(state: &AppState, tokens: &[u32]) -> Result<String, ApiError> {
    let model = state.model()?;
    let bytes: Vec<u8> = tokens.iter().flat_map(|id| model.tokenizer.bytes(*id)).copied().collect();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

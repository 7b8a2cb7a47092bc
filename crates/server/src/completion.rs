//! `/v1/completions`: a text is continued, or the gap before a suffix is filled (fill-in-the-middle).
//! No chat template is applied, and no reasoning or call is parsed: everything is text.
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::openai::{CompletionRequest, FinishReason, Prompt, TextChoice, TextLogprobs, TokenLogprob};
use protocol::{ApiErrorCode, TokenTrace};
use serde_json::Map;
use text::{Piece, TextError};

use crate::error::ApiError;
use crate::generation::{GenerateParams, Generation, Update};
use crate::model::LoadedModel;
use crate::request::body::Body;
use crate::response::completion::{ResponseKind, ResponseMeta, respond};
use crate::sampling_params::{self, max_tokens, sampling};
use crate::state::AppState;

/// OpenAI's default.
const DEFAULT_MAX_TOKENS: usize = 16;

pub async fn completions(
    State(state): State<Arc<AppState>>,
    Body(request): Body<CompletionRequest>,
) -> Result<Response, ApiError> {
    state.check_model_name(request.model.as_deref())?;
    check(&request)?;
    let model = state.model()?;
    let params = GenerateParams {
        tokens: prompt_tokens(&request, model)?,
        spans: Vec::new(),
        sampling: sampling(&request.sampling, request.logprobs),
        max_tokens: max_tokens(&request.sampling, Some(DEFAULT_MAX_TOKENS)),
        stops: request.sampling.stop.0.clone(),
        parser: None,
        one_call: false,
        grammar: None,
        trace: false,
        progress: false,
        cache_salt: request.cache_salt,
        param: "prompt",
    };
    let generation = Generation::start(state.clone(), params)?;
    respond(ResponseMeta::new(&state), generation, &request.sampling, TextKind::default()).await
}

fn check(request: &CompletionRequest) -> Result<(), ApiError> {
    sampling_params::check(&request.sampling)?;
    if request.echo {
        return Err(ApiError::invalid("echo", "echo is not supported"));
    }
    if request.best_of.is_some_and(|count| count != 1) {
        return Err(ApiError::invalid("best_of", "one answer per request is supported"));
    }
    if request.logprobs.is_some_and(|count| count > 20) {
        return Err(ApiError::invalid("logprobs", "at most 20 alternatives are returned"));
    }
    Ok(())
}

fn prompt_tokens(request: &CompletionRequest, model: &LoadedModel) -> Result<Vec<u32>, ApiError> {
    let text = match &request.prompt {
        Prompt::Text(text) => text,
        Prompt::Other(_) => {
            let message = "prompt must be one text or one list of token ids";
            return Err(ApiError::invalid("prompt", message));
        }
        Prompt::Tokens(tokens) if request.suffix.is_none() => return Ok(tokens.clone()),
        Prompt::Tokens(_) => {
            return Err(ApiError::invalid("prompt", "a prompt of tokens cannot have a suffix"));
        }
    };
    let tokenizer = &model.tokenizer;
    let refused = |error: TextError| ApiError::invalid("prompt", error.to_string());
    let mut tokens = match &request.suffix {
        None => tokenizer.encode(text).map_err(refused)?,
        Some(suffix) => tokenizer.encode_infill(text, suffix).map_err(refused)?.ok_or_else(|| {
            let message = "this model has no tokens for fill-in-the-middle";
            ApiError::of("suffix", ApiErrorCode::FillUnsupported, message)
        })?,
    };
    if let Some(bos) = tokenizer.bos_token()
        && tokens.first() != Some(&bos)
    {
        tokens.insert(0, bos);
    }
    Ok(tokens)
}

/// The one choice of a completion.
#[derive(Default)]
struct TextKind {
    text: String,
    logprobs: Vec<TokenLogprob>,
    /// Characters of the tokens so far.
    offset: usize,
}

impl ResponseKind for TextKind {
    const OBJECT: &'static str = "text_completion";
    const CHUNK_OBJECT: &'static str = "text_completion";
    const ID_PREFIX: &'static str = "cmpl";

    type Choice = TextChoice;
    type ChunkChoice = TextChoice;

    fn chunks(&mut self, update: &Update) -> Vec<TextChoice> {
        match update {
            Update::Pieces { pieces, logprobs, .. } => {
                let text = pieces.iter().map(Piece::text).collect();
                let logprobs = self.text_logprobs(logprobs);
                vec![TextChoice { index: 0, text, finish_reason: None, logprobs }]
            }
            Update::End { finish, .. } => {
                let finish_reason = Some(*finish);
                vec![TextChoice { index: 0, text: String::new(), finish_reason, logprobs: None }]
            }
            Update::VisionProgress(_) | Update::PromptProgress(_) | Update::Failed(_) => Vec::new(),
        }
    }

    fn push(&mut self, pieces: Vec<Piece>, logprobs: Vec<TokenLogprob>, _: Vec<TokenTrace>) {
        self.text.extend(pieces.iter().map(Piece::text));
        self.logprobs.extend(logprobs);
    }

    fn finish(mut self, finish: FinishReason) -> TextChoice {
        let logprobs = std::mem::take(&mut self.logprobs);
        let logprobs = self.text_logprobs(&logprobs);
        TextChoice { index: 0, text: self.text, finish_reason: Some(finish), logprobs }
    }
}

impl TextKind {
    fn text_logprobs(&mut self, logprobs: &[TokenLogprob]) -> Option<TextLogprobs> {
        if logprobs.is_empty() {
            return None;
        }
        let mut lists = TextLogprobs::default();
        for TokenLogprob { chosen, top_logprobs } in logprobs {
            lists.text_offset.push(self.offset);
            self.offset += chosen.token.chars().count();
            lists.tokens.push(chosen.token.clone());
            lists.token_logprobs.push(chosen.logprob);
            let top = top_logprobs.iter().map(|top| (top.token.clone(), top.logprob.into()));
            lists.top_logprobs.push(top.collect::<Map<_, _>>());
        }
        Some(lists)
    }
}

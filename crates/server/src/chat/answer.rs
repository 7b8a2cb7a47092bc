//! Starts the answer to a conversation: from text, or with images, whose vision tower runs first.
//! Writes no body: each protocol has its own.
use std::sync::Arc;

use protocol::openai::ChatCompletionRequest;
use text::OutputParser;

use super::check;
use super::prompt::{RenderedPrompt, encode_images, render};
use crate::error::ApiError;
use crate::generation::{GenerateParams, Generation, Update, Updates};
use crate::images::{EncodedPrompt, VisionRun};
use crate::model::PromptFormat;
use crate::response::completion::ResponseMeta;
use crate::response_format::ResponseFormat;
use crate::sampling_params::{max_tokens, sampling};
use crate::state::AppState;

/// An answer that runs.
pub struct ChatAnswer {
    pub meta: ResponseMeta,
    pub updates: ChatUpdates,
    /// It must be JSON.
    pub json: bool,
    /// Width and height of the last image.
    pub image_size: Option<(usize, usize)>,
}

pub enum ChatUpdates {
    Text(Box<Generation>),
    Images(VisionRun),
}

impl ChatAnswer {
    /// # Errors
    /// While the model loads, and a request that is refused.
    pub async fn start(state: &Arc<AppState>, request: ChatCompletionRequest) -> Result<Self, ApiError> {
        state.check_model_name(request.model.as_deref())?;
        check(&request)?;
        let model = state.model()?;
        let format = ResponseFormat::of(&request)?;
        let json = matches!(format, ResponseFormat::Json(_));
        let meta = ResponseMeta::new(state);
        match &model.prompt_format {
            PromptFormat::Template(template) => {
                let prompt = render(&request, &format, template, model)?;
                let generation = Generation::start(state.clone(), params(&request, prompt))?;
                Ok(Self { meta, updates: ChatUpdates::Text(Box::new(generation)), json, image_size: None })
            }
            PromptFormat::Images(_) => {
                let (images, grammar) =
                    encode_images(&request, &format, model.clone(), &state.image_fetcher).await?;
                let image_size = images.last_size();
                let (model, state) = (model.clone(), state.clone());
                let run = VisionRun::start(model, images, move |EncodedPrompt { tokens, spans }| {
                    let parser = OutputParser::with_grounding();
                    let prompt = RenderedPrompt { tokens, spans, parser, grammar };
                    Generation::start(state, params(&request, prompt))
                });
                Ok(Self { meta, updates: ChatUpdates::Images(run), json, image_size })
            }
        }
    }
}

impl Updates for ChatUpdates {
    async fn next(&mut self) -> Option<Update> {
        match self {
            Self::Text(generation) => generation.next().await,
            Self::Images(run) => run.next().await,
        }
    }

    fn token_counts(&self) -> (usize, usize) {
        match self {
            Self::Text(generation) => generation.token_counts(),
            Self::Images(run) => run.token_counts(),
        }
    }
}

fn params(request: &ChatCompletionRequest, prompt: RenderedPrompt) -> GenerateParams {
    let logprobs = request.logprobs.then(|| request.top_logprobs.unwrap_or(0));
    GenerateParams {
        tokens: prompt.tokens,
        spans: prompt.spans,
        sampling: sampling(&request.sampling, logprobs),
        max_tokens: max_tokens(&request.sampling, None),
        stops: request.sampling.stop.0.clone(),
        parser: Some(prompt.parser),
        one_call: request.parallel_tool_calls == Some(false),
        grammar: prompt.grammar,
        trace: request.return_routed_experts,
        // An answer in one body has no place for it.
        progress: request.return_progress && request.sampling.stream,
        cache_salt: request.cache_salt.clone(),
        param: "messages",
    }
}

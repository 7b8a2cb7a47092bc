//! `/v1/chat/completions`: a conversation becomes a prompt, an answer becomes messages with reasoning and
//! calls.
mod check;
mod choice;
mod message;
mod prompt;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::openai::ChatCompletionRequest;
use text::OutputParser;

pub use self::check::check;
use self::choice::ChatKind;
use self::message::MessageBuilder;
pub use self::prompt::prompt_tokens;
use self::prompt::{RenderedPrompt, encode_images, render};
use crate::error::ApiError;
use crate::generation::{GenerateParams, Generation};
use crate::images::{EncodedPrompt, VisionRun};
use crate::model::PromptFormat;
use crate::request::body::Body;
use crate::response::{ResponseMeta, respond};
use crate::response_format::ResponseFormat;
use crate::sampling_params::{max_tokens, sampling};
use crate::state::AppState;

pub async fn completions(
    State(state): State<Arc<AppState>>,
    Body(request): Body<ChatCompletionRequest>,
) -> Result<Response, ApiError> {
    state.check_model_name(request.model.as_deref())?;
    check(&request)?;
    let model = state.model()?;
    let format = ResponseFormat::of(&request)?;
    let meta = ResponseMeta::new(&state);
    let experts = model.experts.clone().filter(|_| request.return_routed_experts);
    match &model.prompt_format {
        PromptFormat::Template(template) => {
            let prompt = render(&request, &format, template, model)?;
            let generation = Generation::start(state.clone(), params(&request, prompt))?;
            let kind = ChatKind::new(MessageBuilder::new(meta.number, &format, None), experts);
            respond(meta, generation, &request.sampling, kind).await
        }
        PromptFormat::Images(_) => {
            let (images, grammar) =
                encode_images(&request, &format, model.clone(), &state.image_fetcher).await?;
            let kind = ChatKind::new(MessageBuilder::new(meta.number, &format, images.last_size()), experts);
            let sampling = request.sampling.clone();
            let (model, state) = (model.clone(), state.clone());
            let run = VisionRun::start(model, images, move |EncodedPrompt { tokens, spans }| {
                let parser = OutputParser::with_grounding();
                let prompt = RenderedPrompt { tokens, spans, parser, grammar };
                Generation::start(state, params(&request, prompt))
            });
            respond(meta, run, &sampling, kind).await
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
        param: "messages",
    }
}

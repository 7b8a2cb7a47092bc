//! `/v1/chat/completions`: a conversation becomes a prompt, an answer becomes messages with reasoning and
//! calls. The routes of other protocols start their answers here.
mod answer;
mod check;
mod choice;
mod message;
mod prompt;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use protocol::openai::ChatCompletionRequest;

pub use self::answer::ChatAnswer;
pub use self::check::check;
use self::choice::ChatKind;
use self::message::MessageBuilder;
pub use self::prompt::prompt_tokens;
use crate::error::ApiError;
use crate::request::body::Body;
use crate::response::completion::respond;
use crate::state::AppState;

pub async fn completions(
    State(state): State<Arc<AppState>>,
    Body(request): Body<ChatCompletionRequest>,
) -> Result<Response, ApiError> {
    let sampling = request.sampling.clone();
    let traced = request.return_routed_experts;
    let ChatAnswer { meta, updates, json, image_size } = ChatAnswer::start(&state, request).await?;
    let experts = state.model()?.experts.clone().filter(|_| traced);
    let kind = ChatKind::new(MessageBuilder::new(meta.number, json, image_size), experts);
    respond(meta, updates, &sampling, kind).await
}

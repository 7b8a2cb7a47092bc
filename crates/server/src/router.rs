//! Routes and the small handlers. A page of a browser from elsewhere may read an answer only where its origin
//! was named. Every refusal has a body of the protocol, also that of an unknown path or method.
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::openai::{ModelList, ModelObject};
use protocol::{ApiErrorCode, HealthStatus};

use crate::auth::{Auth, authenticate};
use crate::cors::{Origins, allow_origins};
use crate::error::ApiError;
use crate::host_check::{HostCheck, check_host};
use crate::state::AppState;
use crate::{chat, completion, explain, memory, messages, metrics, responses, routing, tokenize};

pub fn router(state: Arc<AppState>, auth: Auth, hosts: HostCheck, origins: Origins) -> Router {
    let guarded = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/completions", post(completion::completions))
        .route("/v1/responses", post(responses::responses))
        .route("/v1/messages", post(messages::messages))
        .route("/v1/messages/count_tokens", post(messages::count_tokens))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/v1/whaledeck/memory", get(memory::memory))
        .route("/v1/whaledeck/routing", get(routing::routing))
        .route("/v1/whaledeck/next_token", post(explain::next_token))
        .route("/v1/whaledeck/prompt_routing", post(explain::prompt_routing))
        .route("/v1/whaledeck/all_experts", post(explain::all_experts))
        .route("/v1/whaledeck/fp8", post(explain::fp8))
        .route("/metrics", get(metrics::metrics))
        .route_layer(middleware::from_fn_with_state(Arc::new(auth), authenticate));
    Router::new()
        .route("/health", get(health))
        .merge(guarded)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::new(hosts), check_host))
        .layer(middleware::from_fn(messages::anthropic_errors))
        .layer(middleware::from_fn_with_state(Arc::new(origins), allow_origins))
        .with_state(state)
}

async fn not_found(uri: Uri) -> ApiError {
    let message = format!("no route {}; routes begin with /v1", uri.path());
    ApiError::new(ApiErrorCode::NotFound, message)
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ApiErrorCode::MethodNotAllowed, format!("{} does not support {method}", uri.path()))
}

async fn health(State(state): State<Arc<AppState>>) -> Response {
    let health = state.health();
    let status = match health {
        HealthStatus::Ok => StatusCode::OK,
        HealthStatus::Loading { .. } => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(health)).into_response()
}

async fn models(State(state): State<Arc<AppState>>) -> Json<ModelList> {
    Json(ModelList::new(vec![state.model_object()]))
}

async fn model(
    State(state): State<Arc<AppState>>,
    Path(name): Path<String>,
) -> Result<Json<ModelObject>, ApiError> {
    state.check_model_name(Some(&name))?;
    Ok(Json(state.model_object()))
}

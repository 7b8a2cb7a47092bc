//! Addresses and the small answers. No page of a browser is let in from elsewhere: no answer says that it may be read there.
//! Every refusal has a body of the protocol, also that of an address or a method that is not here.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use protocol::ApiErrorCode;
use serde_json::json;

use crate::chat;
use crate::completion;
use crate::door::{Door, guard};
use crate::error::ApiError;
use crate::hosts::{HostCheck, check_host};
use crate::loaded::Loaded;
use crate::sources::Sources;
use crate::{memory, routing, tokenize};

/// What every request may see.
pub struct Shared {
    pub name: String,
    pub sources: Sources,
    loaded: OnceLock<Arc<Loaded>>,
    done: AtomicU64,
    total: AtomicU64,
    answers: AtomicU64,
}

impl Shared {
    pub fn new(name: String, sources: Sources) -> Self {
        Self {
            name,
            sources,
            loaded: OnceLock::new(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    fn model(&self) -> serde_json::Value {
        let context = self.loaded.get().map(|loaded| loaded.engine.context());
        json!({"id": self.name, "object": "model", "owned_by": "whaledeck", "max_model_len": context})
    }

    /// A number for each answer of this process.
    pub fn next_id(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }

    pub fn progress(&self, done: u64, total: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    pub fn ready(&self, loaded: Loaded) {
        assert!(self.loaded.set(Arc::new(loaded)).is_ok(), "a worker loads once");
    }

    /// # Errors
    /// When another model was asked for: its words would be taken for those of the one that was meant.
    pub fn serves(&self, model: Option<&str>) -> Result<(), ApiError> {
        match model {
            // No name, as an empty field of a form, is none.
            Some(model) if !model.is_empty() && model != self.name => {
                let message = format!("there is no model {model} here; this worker serves {}", self.name);
                Err(ApiError::of("model", ApiErrorCode::ModelNotFound, message))
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// While the model is still loading.
    pub fn loaded(&self) -> Result<&Arc<Loaded>, ApiError> {
        self.loaded.get().ok_or_else(|| ApiError::new(ApiErrorCode::Loading, "the model is still loading"))
    }
}

pub fn router(shared: Arc<Shared>, door: Door, hosts: HostCheck) -> Router {
    let guarded = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(model))
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/completions", post(completion::completions))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/v1/whaledeck/memory", get(memory::memory))
        .route("/v1/whaledeck/routing", get(routing::routing))
        .route("/metrics", get(metrics))
        .route_layer(middleware::from_fn_with_state(Arc::new(door), guard));
    Router::new()
        .route("/health", get(health))
        .merge(guarded)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn_with_state(Arc::new(hosts), check_host))
        .with_state(shared)
}

async fn not_found(uri: Uri) -> ApiError {
    let message = format!("there is nothing at {}; the addresses begin with /v1", uri.path());
    ApiError::new(ApiErrorCode::NotFound, message)
}

async fn method_not_allowed(method: Method, uri: Uri) -> ApiError {
    ApiError::new(ApiErrorCode::MethodNotAllowed, format!("{} does not answer to {method}", uri.path()))
}

async fn health(State(shared): State<Arc<Shared>>) -> Response {
    if shared.loaded.get().is_some() {
        return Json(json!({"status": "ok"})).into_response();
    }
    let (done, total) = (shared.done.load(Ordering::Relaxed), shared.total.load(Ordering::Relaxed));
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"status": "loading", "done": done, "total": total})))
        .into_response()
}

async fn models(State(shared): State<Arc<Shared>>) -> Response {
    Json(json!({"object": "list", "data": [shared.model()]})).into_response()
}

async fn model(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Result<Response, ApiError> {
    shared.serves(Some(&name))?;
    Ok(Json(shared.model()).into_response())
}

/// Prometheus text exposition, version 0.0.4.
async fn metrics(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let m = shared.loaded()?.engine.metrics();
    let rows = [
        ("requests_total", "counter", m.requests),
        ("prompt_tokens_total", "counter", m.prompt_tokens),
        ("completion_tokens_total", "counter", m.completion_tokens),
        ("running", "gauge", m.running as u64),
        ("waiting", "gauge", m.waiting as u64),
        ("kv_pages_used", "gauge", m.pages_used as u64),
        ("kv_pages", "gauge", m.pages_total as u64),
        ("kv_bytes", "gauge", m.cache_bytes),
    ];
    let text: String = rows
        .iter()
        .map(|(name, kind, value)| format!("# TYPE whaledeck_{name} {kind}\nwhaledeck_{name} {value}\n"))
        .collect();
    Ok(([("content-type", "text/plain; version=0.0.4")], text).into_response())
}

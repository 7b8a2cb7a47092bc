//! What every handler sees: the model once it is loaded, how far loading is, and where images may come from.
//! A worker has one model for its whole life; another model is another process.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use protocol::openai::ModelObject;
use protocol::{ApiErrorCode, Bytes, HealthStatus};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::images::ImageFetcher;
use crate::model::LoadedModel;
use crate::place::ChosenPlace;

pub struct AppState {
    pub model_name: String,
    pub image_fetcher: ImageFetcher,
    model: OnceLock<Arc<LoadedModel>>,
    bytes_done: AtomicU64,
    bytes_total: AtomicU64,
    answers: AtomicU64,
    /// Why the card does not answer any more.
    lost: watch::Sender<Option<String>>,
}

impl AppState {
    pub fn new(model_name: String, image_fetcher: ImageFetcher) -> Self {
        Self {
            model_name,
            image_fetcher,
            model: OnceLock::new(),
            bytes_done: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            lost: watch::Sender::new(None),
        }
    }

    pub fn model_object(&self) -> ModelObject {
        let context = self.model.get().map(|model| model.engine.context().into());
        ModelObject::new(self.model_name.clone(), context)
    }

    /// A number for each answer of this process.
    pub fn next_id(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed)
    }

    /// Why a pass failed when the card was lost, after which no other pass succeeds: the worker ends.
    pub fn check_card(&self) -> Option<String> {
        let reason = ChosenPlace::lost(&self.model.get()?.place.place)?;
        self.lost.send_replace(Some(reason.clone()));
        Some(reason)
    }

    /// Waits for the loss of the card; forever without one.
    pub async fn card_lost(&self) -> String {
        let mut lost = self.lost.subscribe();
        match lost.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(reason)) => reason.clone(),
            // The sender lives as long as this.
            _ => std::future::pending().await,
        }
    }

    pub fn set_progress(&self, done: u64, total: u64) {
        self.bytes_done.store(done, Ordering::Relaxed);
        self.bytes_total.store(total, Ordering::Relaxed);
    }

    pub fn set_model(&self, model: LoadedModel) {
        assert!(self.model.set(Arc::new(model)).is_ok(), "a worker loads once");
    }

    pub fn health(&self) -> HealthStatus {
        if self.model.get().is_some() {
            return HealthStatus::Ok;
        }
        let bytes = |count: &AtomicU64| Bytes(count.load(Ordering::Relaxed));
        HealthStatus::Loading { done: bytes(&self.bytes_done), total: bytes(&self.bytes_total) }
    }

    /// # Errors
    /// When another model is named: a client would mistake this model's answer for the other's.
    pub fn check_model_name(&self, model: Option<&str>) -> Result<(), ApiError> {
        match model {
            // An empty name, as an empty field of a form, counts as none.
            Some(model) if !model.is_empty() && model != self.model_name => {
                let message = format!("model {model} not found; this worker serves {}", self.model_name);
                Err(ApiError::of("model", ApiErrorCode::ModelNotFound, message))
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// While the model is still loading.
    pub fn model(&self) -> Result<&Arc<LoadedModel>, ApiError> {
        self.model.get().ok_or_else(|| ApiError::new(ApiErrorCode::Loading, "the model is still loading"))
    }
}

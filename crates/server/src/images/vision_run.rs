//! The answer to a chat with images: the vision tower runs first, on a thread of its own, and reports its
//! progress; then the answer is generated. A closed connection stops both.
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::{ApiErrorCode, VisionProgress};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::encoder::{EncodedPrompt, ImagePrompt};
use crate::error::ApiError;
use crate::generation::{Generation, Update, Updates};
use crate::model::{LoadedModel, PromptFormat};

/// Between two reports about one image; a layer takes less on a fast processor.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// Starts the answer once the images are encoded.
type StartGeneration = Box<dyn FnOnce(EncodedPrompt) -> Result<Generation, ApiError> + Send>;

pub enum VisionRun {
    Encoding {
        progress: UnboundedReceiver<VisionProgress>,
        encoded: JoinHandle<Result<EncodedPrompt, ApiError>>,
        start: StartGeneration,
        _cancel: CancelOnDrop,
    },
    Generating(Box<Generation>),
    Ended,
}

impl VisionRun {
    /// Starts the vision tower.
    pub fn start(
        model: Arc<LoadedModel>,
        prompt: ImagePrompt,
        start: impl FnOnce(EncodedPrompt) -> Result<Generation, ApiError> + Send + 'static,
    ) -> Self {
        let (sender, progress) = unbounded_channel();
        let cancel = CancelOnDrop::default();
        let cancelled = cancel.0.clone();
        let encoded = tokio::task::spawn_blocking(move || {
            let PromptFormat::Images(encoder) = &model.prompt_format else {
                unreachable!("the model takes images")
            };
            let reported: Cell<Option<(u32, Instant)>> = Cell::default();
            let encoded = encoder.encode(prompt, &|progress: VisionProgress| {
                let last = reported.get();
                if last.is_none_or(|(image, at)| image != progress.image || at.elapsed() >= REPORT_EVERY) {
                    reported.set(Some((progress.image, Instant::now())));
                    // The receiver is gone when the connection was closed.
                    let _ = sender.send(progress);
                }
                !cancelled.load(Ordering::Relaxed)
            });
            // Prefill begins: the last image is complete.
            if let (Ok(encoded), Some((image, _))) = (&encoded, reported.get()) {
                let images = encoded.spans.len() as u32;
                let _ = sender.send(VisionProgress { image: image.max(images), images, done: 1, total: 1 });
            }
            encoded
        });
        Self::Encoding { progress, encoded, start: Box::new(start), _cancel: cancel }
    }
}

impl Updates for VisionRun {
    fn token_counts(&self) -> (usize, usize) {
        match self {
            Self::Generating(generation) => generation.token_counts(),
            Self::Encoding { .. } | Self::Ended => (0, 0),
        }
    }

    async fn next(&mut self) -> Option<Update> {
        if let Self::Encoding { progress, encoded, .. } = self {
            if let Some(progress) = progress.recv().await {
                return Some(Update::VisionProgress(progress));
            }
            let encoded = encoded.await;
            let Self::Encoding { start, .. } = std::mem::replace(self, Self::Ended) else { return None };
            let failed = |error: tokio::task::JoinError| {
                ApiError::new(ApiErrorCode::EngineFailed, format!("encode the images: {error}"))
            };
            match encoded.map_err(failed).flatten().and_then(start) {
                Ok(generation) => *self = Self::Generating(Box::new(generation)),
                Err(error) => return Some(Update::Failed(error)),
            }
        }
        match self {
            Self::Generating(generation) => generation.next().await,
            Self::Encoding { .. } | Self::Ended => None,
        }
    }
}

/// Cancels the vision tower: a closed connection drops what runs for it.
#[derive(Default)]
pub struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

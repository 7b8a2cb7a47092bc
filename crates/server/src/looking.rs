//! The answer to a chat with pictures: what is being looked at, on a thread of its own until nobody waits any more, and then the
//! words. Whoever waits hears how far it is, so that only silence is a sign of trouble.
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use protocol::ApiErrorCode;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::answer::{Answer, Update, Updates};
use crate::error::ApiError;
use crate::loaded::{Loaded, Speech};
use crate::pictures::{Looking, Prepared, Seen};

/// Between two words about one picture; a layer takes less on a fast processor.
const SAY_EVERY: Duration = Duration::from_millis(200);

/// What is asked once the pictures were seen.
type Ask = Box<dyn FnOnce(Seen) -> Result<Answer, ApiError> + Send>;

pub enum Viewing {
    Looking {
        progress: UnboundedReceiver<Looking>,
        seen: JoinHandle<Result<Seen, ApiError>>,
        ask: Ask,
        _waits: Waits,
    },
    Answering(Box<Answer>),
    Over,
}

impl Viewing {
    /// Begins to look.
    pub fn start(
        loaded: Arc<Loaded>,
        prepared: Prepared,
        ask: impl FnOnce(Seen) -> Result<Answer, ApiError> + Send + 'static,
    ) -> Self {
        let (sender, progress) = unbounded_channel();
        let waits = Waits::default();
        let gone = waits.0.clone();
        let seen = tokio::task::spawn_blocking(move || {
            let Speech::Pictures(seeing) = &loaded.speech else { unreachable!("the model sees") };
            let said: Cell<Option<(usize, Instant)>> = Cell::default();
            let seen = seeing.look(prepared, &|looking| {
                let before = said.get();
                if before.is_none_or(|(picture, at)| picture != looking.picture || at.elapsed() >= SAY_EVERY)
                {
                    said.set(Some((looking.picture, Instant::now())));
                    // Nobody hears it when the answer is not waited for any more.
                    let _ = sender.send(looking);
                }
                !gone.load(Ordering::Relaxed)
            });
            // Now the prompt is read.
            if let (Ok(seen), Some((picture, _))) = (&seen, said.get()) {
                let (pictures, all) = (seen.spans.len(), 1);
                let _ = sender.send(Looking { picture: picture.max(pictures), pictures, done: all, all });
            }
            seen
        });
        Self::Looking { progress, seen, ask: Box::new(ask), _waits: waits }
    }
}

impl Updates for Viewing {
    fn token_counts(&self) -> (usize, usize) {
        match self {
            Self::Answering(answer) => answer.token_counts(),
            Self::Looking { .. } | Self::Over => (0, 0),
        }
    }

    async fn next(&mut self) -> Option<Update> {
        if let Self::Looking { progress, seen, .. } = self {
            if let Some(looking) = progress.recv().await {
                return Some(Update::Looking(looking));
            }
            let seen = seen.await;
            let Self::Looking { ask, .. } = std::mem::replace(self, Self::Over) else { return None };
            let failed = |error: tokio::task::JoinError| {
                ApiError::new(ApiErrorCode::EngineFailed, format!("see the pictures: {error}"))
            };
            match seen.map_err(failed).flatten().and_then(ask) {
                Ok(answer) => *self = Self::Answering(Box::new(answer)),
                Err(error) => return Some(Update::Failed(error)),
            }
        }
        match self {
            Self::Answering(answer) => answer.next().await,
            Self::Looking { .. } | Self::Over => None,
        }
    }
}

/// Says by its end that nobody waits: a closed connection drops what runs for it.
#[derive(Default)]
pub struct Waits(pub Arc<AtomicBool>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

//! Cancelling a request from any thread. The queue is known only as a [`RemoveCancelled`], so that the queue
//! and the sequences in it can use this module.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

/// The cancel flag of one request. The engine's thread polls it in every layer.
#[derive(Debug, Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Whether both flags belong to the same request.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Ends the cancelled requests that still wait.
pub trait RemoveCancelled: std::fmt::Debug + Send + Sync {
    fn remove_cancelled(&self);
}

/// Cancels its request: at once while it waits, within one layer while it runs. Dropping the handle does not
/// cancel.
#[derive(Debug, Clone)]
pub struct CancelHandle {
    flag: CancelFlag,
    queue: Weak<dyn RemoveCancelled>,
}

impl CancelHandle {
    pub(crate) fn new(flag: CancelFlag, queue: Weak<dyn RemoveCancelled>) -> Self {
        Self { flag, queue }
    }

    /// The last event of a waiting request is emitted on the calling thread, before this returns.
    pub fn cancel(&self) {
        self.flag.cancel();
        if let Some(queue) = self.queue.upgrade() {
            queue.remove_cancelled();
        }
    }
}

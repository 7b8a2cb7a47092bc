//! Cancellation of a running forward pass.
//! Knows no requests: the caller passes a check.
use std::sync::atomic::{AtomicBool, Ordering};

/// Returns whether the work was cancelled. Called often and from several threads, so it must be cheap.
pub type CancelCheck<'a> = &'a (dyn Fn() -> bool + Sync);

/// Long operations check it between blocks of work and skip the rest when it is cancelled; their result is
/// then invalid. A cancellation is latched, so a check after the operation tells whether anything was
/// skipped.
pub struct Cancellation<'a> {
    check: CancelCheck<'a>,
    cancelled: AtomicBool,
}

impl<'a> Cancellation<'a> {
    pub const fn new(check: CancelCheck<'a>) -> Self {
        Self { check, cancelled: AtomicBool::new(false) }
    }

    /// For work that is never cancelled.
    pub const fn never() -> Self {
        Self::new(&|| false)
    }

    pub fn is_cancelled(&self) -> bool {
        if !self.cancelled.load(Ordering::Relaxed) && (self.check)() {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        self.cancelled.load(Ordering::Relaxed)
    }
}

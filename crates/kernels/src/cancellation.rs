//! Whether the work at hand is still wanted.
use std::sync::atomic::{AtomicBool, Ordering};

/// How to ask; asked often and from several threads, so it must be cheap.
pub type Asked<'a> = &'a (dyn Fn() -> bool + Sync);

/// Long operations ask between their pieces and skip the rest once the answer was yes: what they return is then
/// worthless. The answer stays yes, so that asking once more afterwards tells whether anything was skipped.
pub struct Cancellation<'a> {
    asked: Asked<'a>,
    answered: AtomicBool,
}

impl<'a> Cancellation<'a> {
    pub const fn new(asked: Asked<'a>) -> Self {
        Self { asked, answered: AtomicBool::new(false) }
    }

    /// For work that is done to its end.
    pub const fn never() -> Self {
        Self::new(&|| false)
    }

    pub fn is_cancelled(&self) -> bool {
        if !self.answered.load(Ordering::Relaxed) && (self.asked)() {
            self.answered.store(true, Ordering::Relaxed);
        }
        self.answered.load(Ordering::Relaxed)
    }
}

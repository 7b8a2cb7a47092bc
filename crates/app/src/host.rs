//! What the use cases need from whoever shows them: a place to send events. Nothing about windows or terminals.
use contract::AppEvent;

/// A desktop, a command line or a test.
pub trait Host: Send + Sync {
    /// Called from any thread; must return at once.
    fn emit(&self, event: AppEvent);
}

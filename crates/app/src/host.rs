//! The interface to the program that shows the use cases: it receives events. Knows no window and no
//! terminal.
use contract::AppEvent;

/// The desktop, the command line or a test.
pub trait Host: Send + Sync {
    /// Called from any thread. Must not block.
    fn emit(&self, event: AppEvent);
}

//! The app's host in a terminal: events go to a channel that the running command may read.
//! Nothing is printed here; a command without a reader drops its events.
use contract::AppEvent;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

pub struct Terminal(UnboundedSender<AppEvent>);

impl Terminal {
    pub fn new() -> (Self, UnboundedReceiver<AppEvent>) {
        let (sender, events) = unbounded_channel();
        (Self(sender), events)
    }
}

impl app::Host for Terminal {
    fn emit(&self, event: AppEvent) {
        // Most commands ignore events and have dropped the receiver.
        let _ = self.0.send(event);
    }
}

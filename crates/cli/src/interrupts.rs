//! Ctrl+C as a queue of one: a press while the program is busy is not lost.
//! It decides nothing: a chat stops its answer, and a download pauses.
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;

use tokio::signal::ctrl_c;

type Press = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

pub struct Interrupts {
    press: Press,
    /// Pressed before the first call of `next`.
    early: bool,
}

impl Interrupts {
    /// Catches presses from now on.
    pub async fn listen() -> Self {
        let mut interrupts = Self { press: Box::pin(ctrl_c()), early: false };
        // The signal handler is installed by the first poll of the future.
        tokio::select! {
            biased;
            _ = &mut interrupts.press => interrupts.early = true,
            () = ready(()) => {}
        }
        interrupts
    }

    pub async fn next(&mut self) {
        if !std::mem::take(&mut self.early) {
            let _ = (&mut self.press).await;
        }
        self.press = Box::pin(ctrl_c());
    }
}

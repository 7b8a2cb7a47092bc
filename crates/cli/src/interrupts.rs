//! Ctrl+C, heard from one moment on: a press while something else is being done is not lost.
use std::future::{Future, ready};
use std::io;
use std::pin::Pin;

use tokio::signal::ctrl_c;

type Press = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

pub struct Interrupts {
    press: Press,
    /// One came before somebody waited for it.
    early: bool,
}

impl Interrupts {
    /// Presses count from here on.
    pub async fn listen() -> Self {
        let mut interrupts = Self { press: Box::pin(ctrl_c()), early: false };
        // The handler is there once its future was asked.
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

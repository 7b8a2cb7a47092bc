//! Points in a stream's work that the host can ask about without waiting, or wait for, and the time between
//! two of them.
use std::ptr;
use std::sync::Arc;

use cudarc::driver::sys;

use crate::context::Context;
use crate::driver::call;
use crate::error::{Error, Result};

/// A point in the work of a card. One that was never recorded counts as reached.
pub struct Event {
    context: Arc<Context>,
    event: sys::CUevent,
}

// SAFETY: a handle of the driver, for every thread.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// # Errors
    /// When the card stopped working.
    pub fn new(context: &Arc<Context>) -> Result<Self> {
        context.bind()?;
        let mut event = ptr::null_mut();
        call!(cuEventCreate(&raw mut event, sys::CUevent_flags::CU_EVENT_DEFAULT as u32))?;
        Ok(Self { context: Arc::clone(context), event })
    }

    /// Puts the point after everything enqueued for computing so far.
    ///
    /// # Errors
    /// When the card stopped working.
    pub fn record(&self) -> Result<()> {
        self.record_in(self.context.compute())
    }

    pub(crate) fn record_in(&self, stream: sys::CUstream) -> Result<()> {
        self.context.bind()?;
        call!(cuEventRecord(self.event, stream))
    }

    /// Whether the card has come to the point.
    ///
    /// # Errors
    /// When a kernel failed.
    pub fn done(&self) -> Result<bool> {
        self.context.bind()?;
        let not_ready = sys::CUresult::CUDA_ERROR_NOT_READY as u32;
        match call!(cuEventQuery(self.event)) {
            Ok(()) => Ok(true),
            Err(Error::Driver { code, .. }) if code == not_ready => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits until the card comes to the point.
    ///
    /// # Errors
    /// When a kernel failed.
    pub fn wait(&self) -> Result<()> {
        self.context.bind()?;
        call!(cuEventSynchronize(self.event))
    }

    /// Milliseconds between two points that were both reached.
    ///
    /// # Errors
    /// When one of them was not.
    pub fn elapsed_since(&self, earlier: &Event) -> Result<f32> {
        self.context.bind()?;
        let mut milliseconds = 0.0;
        call!(cuEventElapsedTime(&raw mut milliseconds, earlier.event, self.event))?;
        Ok(milliseconds)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        let _ = self.context.bind();
        let _ = call!(cuEventDestroy_v2(self.event));
    }
}

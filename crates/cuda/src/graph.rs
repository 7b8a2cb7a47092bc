//! Work that is captured once and launched again as a whole. Addresses and parameters are those of the
//! capture: what changes from step to step is read from memory by the kernels.
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cudarc::driver::sys::{self, CUstreamCaptureMode};

use crate::context::Context;
use crate::driver::call;
use crate::error::Result;

/// Captured work of the compute stream. Buffers that it names must live as long as it is launched.
pub struct Graph {
    context: Arc<Context>,
    executable: sys::CUgraphExec,
    kernels: u64,
}

// SAFETY: a handle of the driver, for every thread; launches on one stream are ordered by it.
unsafe impl Send for Graph {}
// SAFETY: as above.
unsafe impl Sync for Graph {}

impl Graph {
    /// Runs `enqueue`, whose launches and copies are recorded and not executed. No other thread may enqueue
    /// work for computing meanwhile: it would be recorded too.
    ///
    /// # Errors
    /// Those of `enqueue`, or when it did something that waits or allocates.
    pub fn capture(context: &Arc<Context>, enqueue: impl FnOnce() -> Result<()>) -> Result<Self> {
        context.bind()?;
        let before = context.launches();
        // Other threads may upload at the same time.
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        call!(cuStreamBeginCapture_v2(context.compute(), mode))?;
        let enqueued = enqueue();
        let mut graph = ptr::null_mut();
        let ended = call!(cuStreamEndCapture(context.compute(), &raw mut graph));
        let mut executable = ptr::null_mut();
        let made = enqueued
            .and(ended)
            .and_then(|()| call!(cuGraphInstantiateWithFlags(&raw mut executable, graph, 0)));
        if !graph.is_null() {
            let _ = call!(cuGraphDestroy(graph));
        }
        made?;
        let kernels = context.launches() - before;
        // They run when the graph is launched.
        context.launched.fetch_sub(kernels, Ordering::Relaxed);
        let graph = Self { context: Arc::clone(context), executable, kernels };
        call!(cuGraphUpload(executable, context.compute()))?;
        Ok(graph)
    }

    /// Enqueues all of it.
    ///
    /// # Errors
    /// When the card stopped working.
    pub fn launch(&self) -> Result<()> {
        self.context.bind()?;
        call!(cuGraphLaunch(self.executable, self.context.compute()))?;
        self.context.launched.fetch_add(self.kernels, Ordering::Relaxed);
        Ok(())
    }

    /// How many kernels one launch runs.
    pub fn kernels(&self) -> u64 {
        self.kernels
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        let _ = self.context.bind();
        let _ = call!(cuGraphExecDestroy(self.executable));
    }
}

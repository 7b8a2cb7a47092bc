//! The waiting requests, shared by the threads that submit and the thread that computes. Knows nothing of
//! running sequences but their cancel flags.
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::FinishReason;
use crate::cancel::{CancelFlag, CancelHandle, RemoveCancelled};
use crate::sequence::Sequence;

#[derive(Debug, Default)]
pub struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<Sequence>,
    /// Cancel flags of all waiting and running requests.
    flags: Vec<CancelFlag>,
    closed: bool,
}

/// Why [`Queue::wait`] returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    Work,
    Timeout,
    Closed,
}

impl Queue {
    /// `None` when the queue is closed.
    pub fn push(self: &Arc<Self>, sequence: Sequence) -> Option<CancelHandle> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return None;
        }
        let flag = sequence.cancel.clone();
        inner.flags.push(flag.clone());
        inner.waiting.push_back(sequence);
        self.changed.notify_one();
        Some(CancelHandle::new(flag, Arc::<Self>::downgrade(self)))
    }

    /// Blocks until a request waits, at most for `timeout`.
    pub fn wait(&self, timeout: Option<Duration>) -> Wake {
        let idle = |inner: &mut Inner| inner.waiting.is_empty() && !inner.closed;
        let mut inner = self.inner.lock();
        match timeout {
            None => self.changed.wait_while(&mut inner, idle),
            Some(timeout) => drop(self.changed.wait_while_for(&mut inner, idle, timeout)),
        }
        match (inner.closed, inner.waiting.is_empty()) {
            (true, _) => Wake::Closed,
            (false, true) => Wake::Timeout,
            (false, false) => Wake::Work,
        }
    }

    /// Removes the first waiting request if `admit` accepts it. Requests never overtake each other.
    pub fn pop_if(&self, admit: impl FnOnce(&mut Sequence) -> bool) -> Option<Sequence> {
        let mut inner = self.inner.lock();
        let first = inner.waiting.front_mut()?;
        if admit(first) { inner.waiting.pop_front() } else { None }
    }

    /// Drops the cancel flag of a running sequence that ended.
    pub fn forget(&self, flag: &CancelFlag) {
        self.inner.lock().flags.retain(|other| !other.is_same(flag));
    }

    /// Waiting requests.
    pub fn len(&self) -> usize {
        self.inner.lock().waiting.len()
    }

    pub fn is_closed(&self) -> bool {
        self.inner.lock().closed
    }

    /// Refuses new requests and cancels all that wait or run.
    pub fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        inner.flags.iter().for_each(CancelFlag::cancel);
        drop(inner);
        self.remove_cancelled();
        self.changed.notify_all();
    }

    fn take_cancelled(&self) -> Vec<Sequence> {
        let mut inner = self.inner.lock();
        let waiting = std::mem::take(&mut inner.waiting);
        let (cancelled, waiting): (VecDeque<_>, VecDeque<_>) =
            waiting.into_iter().partition(|sequence| sequence.cancel.is_cancelled());
        inner.waiting = waiting;
        for sequence in &cancelled {
            inner.flags.retain(|other| !other.is_same(&sequence.cancel));
        }
        cancelled.into()
    }
}

impl RemoveCancelled for Queue {
    /// The last events are emitted without the lock, since a sink may submit again.
    fn remove_cancelled(&self) {
        self.take_cancelled()
            .into_iter()
            .for_each(|sequence| sequence.finish(FinishReason::Cancelled, Arc::default()));
    }
}

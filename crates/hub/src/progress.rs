//! Aggregates the progress of a download per file and reports every change. It does not limit the rate of
//! reports.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::RemoteFile;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Requesting the list of files.
    Listing,
    /// Hashing existing files.
    Checking,
    Transferring,
    /// The last report; `download` returns the result.
    Ended,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProgress {
    pub path: String,
    pub size: u64,
    /// Bytes on the disk.
    pub done: u64,
    /// The complete file has the announced digest; never true if none was announced.
    pub verified: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The model's folder.
    pub id: String,
    pub phase: Phase,
    pub files: Vec<FileProgress>,
    pub done_bytes: u64,
    pub verified_bytes: u64,
    pub total_bytes: u64,
    /// Set during the wait for a rate limit.
    pub waiting_until: Option<Instant>,
}

/// Called at every change, also for each received chunk: it must be fast, and clone only what it keeps.
pub type OnProgress = Arc<dyn Fn(&Progress) + Send + Sync>;

pub(crate) struct ProgressAggregator {
    progress: Mutex<Progress>,
    on_progress: OnProgress,
}

impl ProgressAggregator {
    pub fn new(id: &str, on_progress: OnProgress) -> Self {
        let progress = Progress {
            id: id.to_owned(),
            phase: Phase::Listing,
            files: Vec::new(),
            done_bytes: 0,
            verified_bytes: 0,
            total_bytes: 0,
            waiting_until: None,
        };
        Self { progress: Mutex::new(progress), on_progress }
    }

    /// Sets the files and the bytes of each on the disk.
    pub fn listed(&self, files: &[RemoteFile], on_disk: &[u64]) {
        self.change(|progress| {
            let file = |(file, done): (&RemoteFile, &u64)| FileProgress {
                path: file.path.clone(),
                size: file.size,
                done: *done,
                verified: false,
            };
            progress.files = files.iter().zip(on_disk).map(file).collect();
            progress.total_bytes = files.iter().map(|file| file.size).sum();
            progress.done_bytes = on_disk.iter().sum();
            (progress.phase, progress.waiting_until) = (Phase::Checking, None);
        });
    }

    pub fn set_phase(&self, phase: Phase) {
        self.change(|progress| progress.phase = phase);
    }

    pub fn waiting(&self, wait: Duration) {
        let until = Some(Instant::now() + wait);
        self.change(|progress| progress.waiting_until = progress.waiting_until.max(until));
    }

    /// Sets the bytes of file `index`; fewer than before if it starts over.
    pub fn set(&self, index: usize, done: u64) {
        self.change(|progress| {
            let file = &mut progress.files[index];
            progress.done_bytes = progress.done_bytes - file.done + done;
            file.done = done;
            progress.waiting_until = None;
        });
    }

    pub fn verified(&self, index: usize) {
        self.change(|progress| {
            let file = &mut progress.files[index];
            file.verified = true;
            progress.verified_bytes += file.size;
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock();
        change(&mut progress);
        (self.on_progress)(&progress);
    }
}

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
    /// Hashing existing files, also those of other programs.
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
    /// Bytes on this computer that were hashed before the transfer.
    pub hashed: u64,
    /// The program that has the same file on this computer.
    pub found_in: Option<String>,
    /// It is a link to that file, and none of its bytes is transferred.
    pub linked: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The model's folder.
    pub id: String,
    pub phase: Phase,
    pub files: Vec<FileProgress>,
    pub done_bytes: u64,
    pub verified_bytes: u64,
    pub hashed_bytes: u64,
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
            hashed_bytes: 0,
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
                hashed: 0,
                found_in: None,
                linked: false,
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

    /// Sets the hashed bytes of file `index` or of one that may be the same.
    pub fn hashed(&self, index: usize, bytes: u64) {
        self.change(|progress| {
            let file = &mut progress.files[index];
            progress.hashed_bytes = progress.hashed_bytes - file.hashed + bytes;
            file.hashed = bytes;
        });
    }

    /// A program has the same file.
    pub fn found(&self, index: usize, program: &str) {
        self.change(|progress| progress.files[index].found_in = Some(program.to_owned()));
    }

    pub fn linked(&self, index: usize, program: &str) {
        self.change(|progress| {
            let file = &mut progress.files[index];
            (file.found_in, file.linked) = (Some(program.to_owned()), true);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Progress)) {
        let mut progress = self.progress.lock();
        change(&mut progress);
        (self.on_progress)(&progress);
    }
}

//! Every download of this run and the unfinished ones of earlier runs: their views, pushed to the host as they change.
//! Each start of a download is a run with a number of its own, so that the end of an old run never changes a new one.
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use contract::{AppEvent, DownloadFileView, DownloadState, DownloadView, ErrorView, SourceKind};
use hub::{CancellationToken, HubError, Phase, Progress};
use tokio::task::JoinHandle;

use super::failure::hub_error;
use super::list::{List, Wanted};
use super::variant;
use crate::Host;

/// Progress is pushed at most this often.
const PUSH_EVERY: Duration = Duration::from_millis(200);
/// The time over which the speed is taken.
const SPEED_OVER: Duration = Duration::from_secs(5);

pub(crate) struct Downloads {
    jobs: Mutex<BTreeMap<String, Entry>>,
    runs: AtomicU64,
    list: List,
    host: Arc<dyn Host>,
}

struct Entry {
    view: DownloadView,
    run: u64,
    cancel: CancellationToken,
    task: Option<JoinHandle<()>>,
    /// When how many bytes were there, the oldest first.
    samples: VecDeque<(Instant, u64)>,
    phase: Phase,
    pushed: Instant,
}

/// What a run is given to work with.
pub(super) struct Run {
    pub number: u64,
    pub cancel: CancellationToken,
    /// The run before it of the same download; it has to end first.
    pub previous: Option<JoinHandle<()>>,
}

impl Downloads {
    /// Unfinished downloads of the last run come back paused.
    /// With what could not be read of their list.
    pub(crate) fn open(data_dir: &Path, host: Arc<dyn Host>) -> (Self, Option<ErrorView>) {
        let (list, problem) = List::open(data_dir);
        let entry = |wanted: Wanted| {
            let view = fresh(&wanted, DownloadState::Paused);
            (view.id.clone(), Entry::new(view, 0))
        };
        let jobs = Mutex::new(list.read().into_iter().map(entry).collect());
        (Self { jobs, runs: AtomicU64::new(1), list, host }, problem)
    }

    /// Those of one model.
    pub(crate) fn of_model(&self, model_id: &str) -> Vec<DownloadView> {
        let of_model = |view: &&DownloadView| view.model_id == model_id;
        self.lock().values().map(|entry| &entry.view).filter(of_model).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<DownloadView> {
        self.lock().values().map(|entry| entry.view.clone()).collect()
    }

    pub(super) fn get(&self, id: &str) -> Option<DownloadView> {
        self.lock().get(id).map(|entry| entry.view.clone())
    }

    /// Puts a new run in the place of any other of the same download; `spawn` starts its task.
    pub(super) fn start(&self, wanted: &Wanted, spawn: impl FnOnce(Run) -> JoinHandle<()>) -> DownloadView {
        let view = fresh(wanted, DownloadState::Listing);
        {
            let mut jobs = self.lock();
            let old = jobs.remove(&view.id);
            let mut entry = Entry::new(view.clone(), self.runs.fetch_add(1, Ordering::Relaxed));
            let previous = old.and_then(Entry::stop);
            let run = Run { number: entry.run, cancel: entry.cancel.clone(), previous };
            entry.task = Some(spawn(run));
            jobs.insert(view.id.clone(), entry);
            self.host.emit(AppEvent::DownloadChanged { download: view.clone() });
        }
        self.keep();
        view
    }

    /// False when there is no such download. Its state changes when its task has ended.
    pub(super) fn pause(&self, id: &str) -> bool {
        self.lock().get(id).map(|entry| entry.cancel.cancel()).is_some()
    }

    /// Takes a download off the list; its task has ended when this returns.
    pub(super) async fn remove(&self, id: &str) -> Option<DownloadView> {
        let entry = self.lock().remove(id)?;
        self.keep();
        let view = entry.view.clone();
        if let Some(task) = entry.stop() {
            // A panic inside was reported when it happened; the files are removed all the same.
            task.await.ok();
        }
        Some(view)
    }

    /// Changes one download if this run is still its newest, and tells the host when `change` says so.
    fn change(&self, id: &str, run: u64, change: impl FnOnce(&mut Entry) -> bool) {
        let mut jobs = self.lock();
        let Some(entry) = jobs.get_mut(id).filter(|entry| entry.run == run) else { return };
        if change(entry) {
            entry.pushed = Instant::now();
            // Under the lock, so that hosts hear of changes in their order.
            self.host.emit(AppEvent::DownloadChanged { download: entry.view.clone() });
        }
    }

    pub(super) fn progress(&self, id: &str, run: u64, progress: &Progress) {
        self.change(id, run, |entry| {
            let turn = entry.phase != progress.phase;
            let waits = entry.view.waiting_seconds.is_some() != progress.waiting_until.is_some();
            let due = turn || waits || entry.pushed.elapsed() >= PUSH_EVERY;
            if due {
                entry.take(progress);
            }
            due
        });
    }

    pub(super) fn end(&self, id: &str, run: u64, outcome: Result<(), HubError>, other: SourceKind) {
        let finished = outcome.is_ok();
        if finished {
            // Before the host is told: an app that is closed at once does not offer it again.
            self.keep_without(Some(id));
        }
        self.change(id, run, |entry| {
            let view = &mut entry.view;
            (view.speed, view.seconds_left, view.waiting_seconds) = (0.0, None, None);
            match outcome {
                Ok(()) => view.state = DownloadState::Ready,
                Err(HubError::Cancelled) => view.state = DownloadState::Paused,
                Err(error) => {
                    view.state = DownloadState::Failed;
                    view.error = Some(hub_error(&error));
                    let offer = is_of_the_source(&error) && has_repository(view, other);
                    view.alternative = offer.then_some(other);
                }
            }
            true
        });
        if finished {
            let mut jobs = self.lock();
            if jobs.get(id).is_some_and(|entry| entry.run == run) {
                jobs.remove(id);
            }
            drop(jobs);
            self.host.emit(AppEvent::ModelsChanged);
        }
        self.keep();
    }

    fn keep(&self) {
        self.keep_without(None);
    }

    fn keep_without(&self, finished: Option<&str>) {
        let wanted = |view: &DownloadView| Wanted {
            model_id: view.model_id.clone(),
            variant_id: view.variant_id.clone(),
            source: view.source,
        };
        // Held while writing, so that two changes do not reach the disk in the wrong order.
        let jobs = self.lock();
        let unfinished = jobs.iter().filter(|(id, _)| finished != Some(id.as_str()));
        self.list.write(unfinished.map(|(_, entry)| wanted(&entry.view)).collect());
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.jobs.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Entry {
    fn new(view: DownloadView, run: u64) -> Self {
        let (cancel, pushed) = (CancellationToken::new(), Instant::now());
        Self { view, run, cancel, task: None, samples: VecDeque::new(), phase: Phase::Listing, pushed }
    }

    fn stop(self) -> Option<JoinHandle<()>> {
        self.cancel.cancel();
        self.task
    }

    fn take(&mut self, progress: &Progress) {
        let (view, now) = (&mut self.view, Instant::now());
        self.phase = progress.phase;
        match progress.phase {
            Phase::Listing => view.state = DownloadState::Listing,
            Phase::Checking => view.state = DownloadState::Verifying,
            Phase::Transferring => view.state = DownloadState::Transferring,
            Phase::Ended => {}
        }
        let wait = progress.waiting_until.map(|until| until.saturating_duration_since(now).as_secs_f64());
        view.waiting_seconds = wait;
        if progress.total_bytes == 0 {
            return;
        }
        (view.done, view.verified) = (progress.done_bytes as f64, progress.verified_bytes as f64);
        view.total = progress.total_bytes as f64;
        let file = |file: &hub::FileProgress| DownloadFileView {
            path: file.path.clone(),
            size: file.size as f64,
            done: file.done as f64,
            verified: file.verified,
        };
        view.files = progress.files.iter().map(file).collect();

        (view.speed, view.seconds_left) = (0.0, None);
        if progress.phase != Phase::Transferring {
            return;
        }
        self.samples.push_back((now, progress.done_bytes));
        while self.samples.len() > 2 && now - self.samples[0].0 > SPEED_OVER {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let seconds = (now - since).as_secs_f64();
        // A file that starts over takes bytes back; that is no speed.
        let gained = progress.done_bytes.saturating_sub(before) as f64;
        if seconds > 0.5 && gained > 0.0 {
            view.speed = gained / seconds;
            view.seconds_left = Some((view.total - view.done) / view.speed);
        }
    }
}

/// Whether another source could do better; a full disk is the same for both.
fn is_of_the_source(error: &HubError) -> bool {
    !matches!(error, HubError::DiskFull { .. } | HubError::Busy(_) | HubError::Io(_))
}

fn has_repository(view: &DownloadView, source: SourceKind) -> bool {
    let repository = |variant: &catalog::Variant| match source {
        SourceKind::HuggingFace => variant.repo_hugging_face.is_some(),
        SourceKind::ModelScope => variant.repo_model_scope.is_some(),
    };
    variant(&view.model_id, &view.variant_id).is_ok_and(|(_, variant)| repository(variant))
}

fn fresh(wanted: &Wanted, state: DownloadState) -> DownloadView {
    DownloadView {
        id: format!("{}/{}", wanted.model_id, wanted.variant_id),
        model_id: wanted.model_id.clone(),
        variant_id: wanted.variant_id.clone(),
        source: wanted.source,
        state,
        total: variant(&wanted.model_id, &wanted.variant_id).map_or(0.0, |(_, variant)| variant.size as f64),
        done: 0.0,
        verified: 0.0,
        speed: 0.0,
        seconds_left: None,
        waiting_seconds: None,
        files: Vec::new(),
        error: None,
        alternative: None,
    }
}

#[cfg(test)]
mod tests;

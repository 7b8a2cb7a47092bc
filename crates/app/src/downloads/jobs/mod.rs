//! The downloads of this process and the unfinished ones of earlier ones. Their views are sent to the host as
//! they change. Each start of a download is a run with its own number, so that the end of an old run never
//! changes a new one.
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use contract::{AppEvent, DownloadFileView, DownloadState, DownloadView, ErrorView, SourceKind};
use hub::{CancellationToken, HubError, Phase, Progress};
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::failure::hub_error;
use super::list::{UnfinishedDownload, UnfinishedList};
use super::variant;
use crate::Host;

/// Progress is sent at most this often.
const SEND_EVERY: Duration = Duration::from_millis(200);
/// The window over which the speed is averaged.
const SPEED_WINDOW: Duration = Duration::from_secs(5);

pub(crate) struct Downloads {
    jobs: Mutex<BTreeMap<String, Entry>>,
    runs: AtomicU64,
    list: UnfinishedList,
    host: Arc<dyn Host>,
}

struct Entry {
    download: UnfinishedDownload,
    view: DownloadView,
    run: u64,
    cancel: CancellationToken,
    task: Option<JoinHandle<()>>,
    /// Bytes on the disk over time, the oldest first.
    samples: VecDeque<(Instant, u64)>,
    phase: Phase,
    sent_at: Instant,
}

/// Why a run ended without a model.
pub(super) enum RunError {
    Hub(HubError),
    /// The files are here and checked, and no start would accept them.
    Refused(ErrorView),
}

impl From<HubError> for RunError {
    fn from(error: HubError) -> Self {
        Self::Hub(error)
    }
}

/// The inputs of a run's task.
pub(super) struct Run {
    pub number: u64,
    pub cancel: CancellationToken,
    /// The previous run of the same download, which must end first.
    pub previous: Option<JoinHandle<()>>,
}

impl Downloads {
    /// Unfinished downloads of the last process are paused. Also returns the error of a list that cannot be
    /// parsed.
    pub(crate) fn open(data_dir: &Path, host: Arc<dyn Host>) -> (Self, Option<ErrorView>) {
        let (list, problem) = UnfinishedList::open(data_dir);
        let entry = |download: UnfinishedDownload| {
            let view = new_view(&download, DownloadState::Paused);
            (view.id.clone(), Entry::new(download, view, 0))
        };
        let jobs = Mutex::new(list.read().into_iter().map(entry).collect());
        (Self { jobs, runs: AtomicU64::new(1), list, host }, problem)
    }

    /// The downloads of one model.
    pub(crate) fn of_model(&self, model_id: &str) -> Vec<DownloadView> {
        let of_model = |view: &&DownloadView| view.model_id == model_id;
        self.jobs.lock().values().map(|entry| &entry.view).filter(of_model).cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<DownloadView> {
        self.jobs.lock().values().map(|entry| entry.view.clone()).collect()
    }

    #[cfg(test)]
    pub(super) fn get(&self, id: &str) -> Option<DownloadView> {
        self.jobs.lock().get(id).map(|entry| entry.view.clone())
    }

    /// What is left to download, as it is stored.
    pub(super) fn unfinished(&self, id: &str) -> Option<UnfinishedDownload> {
        self.jobs.lock().get(id).map(|entry| entry.download.clone())
    }

    /// Starts a run, in place of any earlier run of the same download. `spawn` starts its task.
    pub(super) fn start(
        &self,
        download: &UnfinishedDownload,
        spawn: impl FnOnce(Run) -> JoinHandle<()>,
    ) -> DownloadView {
        let view = new_view(download, DownloadState::Listing);
        {
            let mut jobs = self.jobs.lock();
            let old = jobs.remove(&view.id);
            let mut entry =
                Entry::new(download.clone(), view.clone(), self.runs.fetch_add(1, Ordering::Relaxed));
            let previous = old.and_then(Entry::stop);
            let run = Run { number: entry.run, cancel: entry.cancel.clone(), previous };
            entry.task = Some(spawn(run));
            jobs.insert(view.id.clone(), entry);
            self.host.emit(AppEvent::DownloadChanged { download: view.clone() });
        }
        self.save_list();
        view
    }

    /// Returns false when there is no such download. The state changes once the task has ended.
    pub(super) fn pause(&self, id: &str) -> bool {
        self.jobs.lock().get(id).map(|entry| entry.cancel.cancel()).is_some()
    }

    /// Removes a download from the list. Its task has ended when this returns.
    pub(super) async fn remove(&self, id: &str) -> Option<UnfinishedDownload> {
        let entry = self.jobs.lock().remove(id)?;
        self.save_list();
        let download = entry.download.clone();
        if let Some(task) = entry.stop() {
            // A panic of the task was reported already; the files are removed in any case.
            task.await.ok();
        }
        Some(download)
    }

    /// Changes a download if this is still its newest run. Sends the view to the host when `change` returns
    /// true.
    fn change(&self, id: &str, run: u64, change: impl FnOnce(&mut Entry) -> bool) {
        let mut jobs = self.jobs.lock();
        let Some(entry) = jobs.get_mut(id).filter(|entry| entry.run == run) else { return };
        if change(entry) {
            entry.sent_at = Instant::now();
            // Sent while the lock is held, so that the host gets the changes in order.
            self.host.emit(AppEvent::DownloadChanged { download: entry.view.clone() });
        }
    }

    pub(super) fn progress(&self, id: &str, run: u64, progress: &Progress) {
        self.change(id, run, |entry| {
            let phase_changed = entry.phase != progress.phase;
            let wait_changed = entry.view.waiting_seconds.is_some() != progress.waiting_until.is_some();
            let due = phase_changed || wait_changed || entry.sent_at.elapsed() >= SEND_EVERY;
            if due {
                entry.apply(progress);
            }
            due
        });
    }

    pub(super) fn end(&self, id: &str, run: u64, outcome: Result<(), RunError>, other: SourceKind) {
        let finished = outcome.is_ok();
        if finished {
            // Before the event: an app that is closed right after it must not offer the download again.
            self.save_list_without(Some(id));
        }
        self.change(id, run, |entry| {
            let view = &mut entry.view;
            (view.speed, view.seconds_left, view.waiting_seconds) = (0.0, None, None);
            match outcome {
                Ok(()) => view.state = DownloadState::Ready,
                Err(RunError::Hub(HubError::Cancelled)) => view.state = DownloadState::Paused,
                Err(RunError::Refused(error)) => {
                    view.state = DownloadState::Failed;
                    view.error = Some(error);
                }
                Err(RunError::Hub(error)) => {
                    view.state = DownloadState::Failed;
                    view.error = Some(hub_error(&error));
                    let offer = is_source_error(&error) && has_repository(view, other);
                    view.alternative = offer.then_some(other);
                }
            }
            true
        });
        if finished {
            let mut jobs = self.jobs.lock();
            if jobs.get(id).is_some_and(|entry| entry.run == run) {
                jobs.remove(id);
            }
            drop(jobs);
            self.host.emit(AppEvent::ModelsChanged);
        }
        self.save_list();
    }

    fn save_list(&self) {
        self.save_list_without(None);
    }

    fn save_list_without(&self, finished: Option<&str>) {
        // The lock is held while writing, so that two changes reach the disk in order.
        let jobs = self.jobs.lock();
        let unfinished = jobs.iter().filter(|(id, _)| finished != Some(id.as_str()));
        self.list.write(unfinished.map(|(_, job)| job.download.clone()).collect());
    }
}

impl Entry {
    fn new(download: UnfinishedDownload, view: DownloadView, run: u64) -> Self {
        let (cancel, sent_at) = (CancellationToken::new(), Instant::now());
        Self {
            download,
            view,
            run,
            cancel,
            task: None,
            samples: VecDeque::new(),
            phase: Phase::Listing,
            sent_at,
        }
    }

    fn stop(self) -> Option<JoinHandle<()>> {
        self.cancel.cancel();
        self.task
    }

    fn apply(&mut self, progress: &Progress) {
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
        view.hashed = progress.hashed_bytes as f64;
        view.total = progress.total_bytes as f64;
        let file = |file: &hub::FileProgress| DownloadFileView {
            path: file.path.clone(),
            size: file.size as f64,
            done: file.done as f64,
            verified: file.verified,
            found_in: file.found_in.clone(),
            linked: file.linked,
        };
        view.files = progress.files.iter().map(file).collect();

        (view.speed, view.seconds_left) = (0.0, None);
        if progress.phase != Phase::Transferring {
            return;
        }
        self.samples.push_back((now, progress.done_bytes));
        while self.samples.len() > 2 && now - self.samples[0].0 > SPEED_WINDOW {
            self.samples.pop_front();
        }
        let (since, before) = self.samples[0];
        let seconds = (now - since).as_secs_f64();
        // A file that is downloaded again reduces the count of bytes; the speed is then zero.
        let gained = progress.done_bytes.saturating_sub(before) as f64;
        if seconds > 0.5 && gained > 0.0 {
            view.speed = gained / seconds;
            view.seconds_left = Some((view.total - view.done) / view.speed);
        }
    }
}

/// Whether another source could succeed. A full disk affects both.
fn is_source_error(error: &HubError) -> bool {
    !matches!(error, HubError::DiskFull { .. } | HubError::Busy(_) | HubError::Io(_))
}

fn has_repository(view: &DownloadView, source: SourceKind) -> bool {
    let repository = |variant: &catalog::Variant| match source {
        SourceKind::HuggingFace => variant.repo_hugging_face.is_some(),
        SourceKind::ModelScope => variant.repo_model_scope.is_some(),
    };
    variant(&view.model_id, &view.variant_id).is_ok_and(|(_, variant)| repository(variant))
}

fn new_view(download: &UnfinishedDownload, state: DownloadState) -> DownloadView {
    DownloadView {
        id: format!("{}/{}", download.model_id, download.variant_id),
        model_id: download.model_id.clone(),
        variant_id: download.variant_id.clone(),
        source: download.source,
        state,
        total: match &download.repository {
            Some(files) => files.size as f64,
            None => variant(&download.model_id, &download.variant_id)
                .map_or(0.0, |(_, variant)| variant.download() as f64),
        },
        done: 0.0,
        verified: 0.0,
        hashed: 0.0,
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

//! The worker as a use case: which model runs, how far loading is, start and stop. Every change reaches the
//! host in the order in which it happened. A worker that is answering is never exchanged for another unless
//! somebody chose so.
mod launch;
mod leases;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use catalog::Catalog;
use contract::{AppEvent, ErrorCode, ErrorView, WhenBusy, WorkerState, WorkerView};
use deploy::{ApiAccess, Failure, State, Worker};
use endpoint::Endpoint;
use protocol::metric;
use tokio::sync::mpsc;

use crate::answers::Running;
use crate::cloud::cloud_model;
use crate::deployments::deployment_model;
use crate::{App, Host};

pub(crate) use launch::Launch;
pub(crate) use leases::Lease;
use leases::Leases;

/// Requests of other programs end without a word to this one, so they are looked at so often.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// A worker and the model it was started for.
#[derive(Clone)]
struct Slot {
    model_id: String,
    /// The files that it runs: another precision of the same model is another worker.
    model_dir: PathBuf,
    share: Option<ApiAccess>,
    context: u32,
    worker: Arc<Worker>,
}

struct Change {
    model_id: String,
    worker: Option<Weak<Worker>>,
    state: State,
}

/// Who would be cut off by another model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Busy {
    /// The model that answers.
    pub model_id: String,
    /// Chats, or the name of a comparison.
    pub holders: Vec<String>,
    /// Requests of other programs.
    pub requests: u32,
}

/// At most one worker, shared with the answers that wait for it.
pub(crate) struct Workers {
    slot: Mutex<Option<Slot>>,
    /// Held while a worker is exchanged for another.
    exchange: tokio::sync::Mutex<()>,
    changes: mpsc::UnboundedSender<Change>,
    leases: Arc<Leases>,
    running: Arc<Running>,
}

impl Workers {
    /// Must be called inside a runtime: a task there passes the changes on.
    pub(crate) fn new(host: Arc<dyn Host>, running: Arc<Running>) -> Self {
        let (changes, mut received) = mpsc::unbounded_channel::<Change>();
        tokio::spawn(async move {
            while let Some(Change { model_id, worker, state }) = received.recv().await {
                let memory = worker.and_then(|worker| worker.upgrade()).and_then(|worker| worker.memory());
                host.emit(AppEvent::WorkerChanged { worker: view(&model_id, &state, memory) });
            }
        });
        let (slot, exchange) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { slot, exchange, changes, leases: Arc::default(), running }
    }

    /// The worker for this model, for one answer of `holder`: the one that runs, or a new one once the
    /// answers of the old one have ended. `on_wait` is called where that takes time. [`WhenBusy::Ask`] waits
    /// here: whoever is to be asked was asked before.
    pub(crate) async fn lease(
        &self,
        launch: Launch,
        holder: &str,
        when_busy: WhenBusy,
        on_wait: impl Fn(),
    ) -> (Arc<Worker>, Lease) {
        let mut changed = self.leases.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let exchange = self.exchange.lock().await;
            let busy = self.busy(&launch, holder).await;
            let stopping = when_busy == WhenBusy::Stop;
            let blocked = busy.filter(|busy| !stopping || !busy.holders.is_empty());
            let Some(busy) = blocked else {
                let worker = self.start_alone(launch).await;
                return (worker, self.leases.take(holder));
            };
            drop(exchange);
            if stopping {
                busy.holders.iter().for_each(|other| self.running.stop(other));
            }
            on_wait();
            // A change is the usual end of the wait; the time is for other programs.
            let _ = tokio::time::timeout(LOOK_AGAIN, changed.changed()).await;
        }
    }

    /// Who would be cut off if this were started for `holder` now; nobody where the worker that runs is the
    /// right one.
    pub(crate) async fn busy(&self, launch: &Launch, holder: &str) -> Option<Busy> {
        let slot = self.slot().filter(|slot| slot.alive() && !slot.serves(launch))?;
        let holders = self.leases.others(holder);
        let requests = self.requests(&slot).await;
        let model_id = slot.model_id;
        (!holders.is_empty() || requests > 0).then_some(Busy { model_id, holders, requests })
    }

    /// Who uses the worker that runs, where it runs this model.
    pub(crate) async fn users(&self, model_id: &str) -> Option<Busy> {
        let slot = self.slot().filter(|slot| slot.alive() && slot.model_id == model_id)?;
        let (holders, requests) = (self.leases.others(""), self.requests(&slot).await);
        let model_id = slot.model_id;
        (!holders.is_empty() || requests > 0).then_some(Busy { model_id, holders, requests })
    }

    /// Requests that other programs have with this worker now.
    async fn requests(&self, slot: &Slot) -> u32 {
        if slot.share.is_none() || !matches!(slot.worker.state(), State::Ready { .. }) {
            return 0;
        }
        let Ok(endpoint) = slot.worker.ready().await else { return 0 };
        let Ok(text) = endpoint.root_text("metrics").await else { return 0 };
        let all: u32 = [metric::RUNNING, metric::WAITING]
            .iter()
            .filter_map(|name| {
                text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u32>().ok())
            })
            .sum();
        all.saturating_sub(u32::try_from(self.leases.count()).unwrap_or(u32::MAX))
    }

    /// The worker for this model: the one that runs, or a new one after the old one ended.
    pub(crate) async fn start(&self, launch: Launch) -> Arc<Worker> {
        let _exchange = self.exchange.lock().await;
        self.start_alone(launch).await
    }

    /// As `start`, for a caller that holds `exchange`.
    async fn start_alone(&self, launch: Launch) -> Arc<Worker> {
        if let Some(slot) = self.slot() {
            if slot.alive() && slot.serves(&launch) {
                return slot.worker;
            }
            slot.worker.stop().await;
        }
        let (changes, model_id, own) =
            (self.changes.clone(), launch.model_id.clone(), Arc::new(OnceLock::new()));
        let this = own.clone();
        // Only passed on here: the worker may hold its own locks while it calls.
        let on_change = move |state: &State| {
            let (model_id, worker) = (model_id.clone(), this.get().cloned());
            // Without a receiver the runtime is ending, and nobody looks.
            let _ = changes.send(Change { model_id, worker, state: state.clone() });
        };
        let (share, context) = (launch.spec.api_access.clone(), launch.spec.context);
        let model_dir = launch.spec.model_dir.clone();
        let worker = Arc::new(Worker::start(launch.spec, Arc::new(on_change)));
        let _ = own.set(Arc::downgrade(&worker));
        *self.lock() =
            Some(Slot { model_id: launch.model_id, model_dir, share, context, worker: worker.clone() });
        worker
    }

    /// The worker of this model and length, where it answers now.
    pub(crate) async fn ready(&self, launch: &Launch) -> Option<Endpoint> {
        let fits = |slot: &Slot| slot.model_id == launch.model_id && slot.context == launch.spec.context;
        let slot = self.slot().filter(fits)?;
        if !matches!(slot.worker.state(), State::Ready { .. }) {
            return None;
        }
        slot.worker.ready().await.ok()
    }

    /// Waits until nobody would be cut off, and starts it then.
    pub(crate) async fn start_when_free(&self, launch: Launch) {
        drop(self.lease(launch, "", WhenBusy::Wait, || {}).await);
    }

    /// Stops the answers of everybody who would be cut off, and starts it.
    pub(crate) async fn start_at_once(&self, launch: Launch) {
        drop(self.lease(launch, "", WhenBusy::Stop, || {}).await);
    }

    async fn stop(&self) {
        let _exchange = self.exchange.lock().await;
        let slot = self.lock().take();
        if let Some(slot) = slot {
            slot.worker.stop().await;
        }
    }

    fn view(&self) -> WorkerView {
        self.slot().map_or_else(
            || view("", &State::Stopped, None),
            |slot| view(&slot.model_id, &slot.worker.state(), slot.worker.memory()),
        )
    }

    /// The model that has a worker, and its files.
    pub(crate) fn running(&self) -> Option<(String, PathBuf)> {
        self.slot().map(|slot| (slot.model_id, slot.model_dir))
    }

    fn slot(&self) -> Option<Slot> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Slot>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn alive(&self) -> bool {
        matches!(self.worker.state(), State::Starting | State::Loading { .. } | State::Ready { .. })
    }

    fn serves(&self, launch: &Launch) -> bool {
        self.model_id == launch.model_id
            && self.model_dir == launch.spec.model_dir
            && self.share == launch.spec.api_access
            && self.context == launch.spec.context
    }
}

impl App {
    pub async fn worker(&self) -> Result<WorkerView, ErrorView> {
        Ok(self.workers.view())
    }

    /// Returns while the process is on its way; the events tell the rest.
    ///
    /// # Errors
    /// When another model is answering: a start ends no answer.
    pub async fn worker_start(&self, model_id: &str) -> Result<WorkerView, ErrorView> {
        let launch = self.launch(model_id)?;
        if let Some(busy) = self.workers.busy(&launch, "").await {
            return Err(self.busy_error(busy).await);
        }
        self.workers.start(launch).await;
        Ok(self.workers.view())
    }

    /// Refuses, before anything is written down, what would cut off somebody else's answer.
    pub(crate) async fn may_use_worker(
        &self,
        model_id: &str,
        holder: &str,
        when_busy: WhenBusy,
    ) -> Result<(), ErrorView> {
        if when_busy != WhenBusy::Ask || !self.runs_here(model_id) {
            return Ok(());
        }
        // A model that cannot start is told of by the answer itself.
        let Ok(launch) = self.launch(model_id) else { return Ok(()) };
        match self.workers.busy(&launch, holder).await {
            Some(busy) => Err(self.busy_error(busy).await),
            None => Ok(()),
        }
    }

    pub(crate) async fn busy_error(&self, busy: Busy) -> ErrorView {
        let name = self.model_name(&busy.model_id);
        let message = format!("load another model: {name} is answering");
        let mut error = ErrorView::new(ErrorCode::ModelBusy, message).with("model", name);
        let mut titles = Vec::new();
        for holder in &busy.holders {
            if holder == crate::compare::TURN {
                error = error.with("comparing", "1");
            } else if let Ok(chat) = self.chat_get(holder).await {
                titles.push(chat.title);
            }
        }
        if !titles.is_empty() {
            error = error.with("chats", titles.join(" · "));
        }
        if busy.requests > 0 {
            error = error.with("requests", busy.requests);
        }
        error
    }

    /// As people know it; the id of one that nobody knows.
    fn model_name(&self, model_id: &str) -> String {
        let own = self.own_models.find(model_id).ok().flatten().map(|model| model.facts.name);
        let known = || Catalog::builtin().model(model_id).map(|model| model.name.clone());
        own.or_else(known).unwrap_or_else(|| model_id.to_owned())
    }

    /// Whether the model is one of this computer's engine.
    pub(crate) fn runs_here(&self, model_id: &str) -> bool {
        cloud_model(model_id).is_none() && deployment_model(model_id).is_none()
    }

    /// Nothing happens when there is none.
    pub async fn worker_stop(&self) -> Result<(), ErrorView> {
        self.workers.stop().await;
        Ok(())
    }
}

pub(crate) fn failure_view(failure: &Failure) -> ErrorView {
    ErrorView { code: failure.code, message: failure.message.clone(), detail: failure.detail.clone() }
}

fn view(model_id: &str, state: &State, memory: Option<u64>) -> WorkerView {
    let mut view = WorkerView {
        model_id: Some(model_id.to_owned()),
        state: WorkerState::Stopped,
        loaded: 0.0,
        total: 0.0,
        place: None,
        memory: memory.map(|bytes| bytes as f64),
        context_length: None,
        error: None,
    };
    match state {
        State::Stopped => (view.model_id, view.memory) = (None, None),
        State::Starting => view.state = WorkerState::Starting,
        State::Loading { done, total } => {
            view.state = WorkerState::Loading;
            (view.loaded, view.total) = (*done as f64, *total as f64);
        }
        State::Ready { context_length, threads } => {
            view.state = WorkerState::Ready;
            view.context_length = Some(*context_length);
            view.place = Some(format!("CPU, {threads} threads"));
        }
        State::Draining => view.state = WorkerState::Draining,
        State::Failed(failure) => {
            view.state = WorkerState::Failed;
            view.error = Some(failure_view(failure));
        }
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_keeps_its_code() {
        let code = ErrorCode::OutOfMemory;
        let failure = Failure { code, message: "load".into(), detail: Default::default() };
        let shown = view("guide", &State::Failed(failure), None);
        assert_eq!(shown.error.map(|error| error.code), Some(ErrorCode::OutOfMemory));
        assert_eq!(view("guide", &State::Stopped, Some(1)).model_id, None);
    }
}

//! The one worker of this program: started for a model, shared by the answers, replaced when they have ended.
//! The host gets every change of its state in order.
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use contract::{AppEvent, WhenBusy, WorkerState, WorkerView};
use deploy::{Failure, State, Worker, WorkerSpec};
use endpoint::Endpoint;
use parking_lot::Mutex;
use protocol::{WorkerPlace, metric};
use tokio::sync::mpsc;

use super::leases::{Lease, Leases};
use crate::Host;
use crate::answer::turn::RunningAnswers;
use crate::convert::failure_view;
use crate::model_settings::MemoryHistory;

/// The interval at which the requests of other programs are polled, because their end sends no event to the
/// app.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// The parameters of a worker start.
pub(crate) struct Launch {
    pub model_id: String,
    pub spec: WorkerSpec,
    /// Without a question for so long it is unloaded.
    pub unload_after: Option<Duration>,
}

impl Launch {
    /// Tokens of one conversation.
    pub fn context(&self) -> u32 {
        self.spec.args.context.unwrap_or(0)
    }
}

/// A worker and the model it was started for.
#[derive(Clone)]
pub(super) struct Slot {
    pub model_id: String,
    /// Another precision, or another setting, needs another worker.
    pub spec: WorkerSpec,
    pub unload_after: Option<Duration>,
    pub started: jiff::Timestamp,
    pub worker: Arc<Worker>,
}

struct StateChange {
    model_id: String,
    worker: Option<Weak<Worker>>,
    state: State,
}

/// The answers that a start of another model would end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Busy {
    /// The model that is answering.
    pub model_id: String,
    /// Ids of chats, or the key of a comparison.
    pub holders: Vec<String>,
    /// The number of requests of other programs.
    pub requests: u32,
}

/// Holds at most one worker, which the answers share.
pub(crate) struct Workers {
    slot: Mutex<Option<Slot>>,
    /// Held while a worker is replaced.
    replacing: tokio::sync::Mutex<()>,
    changes: mpsc::UnboundedSender<StateChange>,
    pub(super) leases: Arc<Leases>,
    running: Arc<RunningAnswers>,
    pub(super) history: Arc<MemoryHistory>,
}

impl Workers {
    /// Must be called inside a runtime, whose task sends the changes to the host.
    pub(crate) fn new(
        host: Arc<dyn Host>,
        running: Arc<RunningAnswers>,
        history: Arc<MemoryHistory>,
    ) -> Self {
        let (changes, mut received) = mpsc::unbounded_channel::<StateChange>();
        tokio::spawn(async move {
            while let Some(StateChange { model_id, worker, state }) = received.recv().await {
                let memory = worker.and_then(|worker| worker.upgrade()).and_then(|worker| worker.memory());
                host.emit(AppEvent::WorkerChanged { worker: view(&model_id, &state, memory) });
            }
        });
        let (slot, replacing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { slot, replacing, changes, leases: Arc::default(), running, history }
    }

    /// The worker of this model for one answer of `holder`: the running one, or a new one once the answers of
    /// the old one have ended. `on_wait` is called while it waits. [`WhenBusy::Ask`] waits too, because
    /// `App::check_worker_free` has refused before.
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
            let replacing = self.replacing.lock().await;
            let busy = self.busy(&launch, holder).await;
            let stopping = when_busy == WhenBusy::Stop;
            let blocked = busy.filter(|busy| !stopping || !busy.holders.is_empty());
            let Some(busy) = blocked else {
                let worker = self.start_locked(launch).await;
                return (worker, self.leases.take(holder));
            };
            drop(replacing);
            if stopping {
                busy.holders.iter().for_each(|other| self.running.stop(other));
            }
            on_wait();
            // The end of a lease ends the wait; the timeout is for requests of other programs.
            let _ = tokio::time::timeout(POLL_EVERY, changed.changed()).await;
        }
    }

    /// The answers that a start for `holder` would end now; `None` when the running worker serves the launch.
    pub(crate) async fn busy(&self, launch: &Launch, holder: &str) -> Option<Busy> {
        let slot = self.slot().filter(|slot| slot.alive() && !slot.serves(launch))?;
        let holders = self.leases.others(holder);
        let requests = self.external_requests(&slot).await;
        let model_id = slot.model_id;
        (!holders.is_empty() || requests > 0).then_some(Busy { model_id, holders, requests })
    }

    /// The answers in progress with this model.
    pub(crate) async fn users(&self, model_id: &str) -> Option<Busy> {
        let slot = self.slot().filter(|slot| slot.alive() && slot.model_id == model_id)?;
        let (holders, requests) = (self.leases.others(""), self.external_requests(&slot).await);
        let model_id = slot.model_id;
        (!holders.is_empty() || requests > 0).then_some(Busy { model_id, holders, requests })
    }

    /// The number of requests of other programs in progress.
    pub(super) async fn external_requests(&self, slot: &Slot) -> u32 {
        if !slot.is_shared() || !matches!(slot.worker.state(), State::Ready { .. }) {
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

    /// The worker of this model: the running one, or a new one after the old one ended.
    pub(crate) async fn start(&self, launch: Launch) -> Arc<Worker> {
        let _replacing = self.replacing.lock().await;
        self.start_locked(launch).await
    }

    /// As `start`, for a caller that holds `replacing`.
    async fn start_locked(&self, launch: Launch) -> Arc<Worker> {
        if let Some(slot) = self.slot() {
            if slot.alive() && slot.serves(&launch) {
                self.unload_after(&launch.model_id, launch.unload_after);
                return slot.worker;
            }
            slot.worker.stop().await;
        }
        let (changes, model_id, own) =
            (self.changes.clone(), launch.model_id.clone(), Arc::new(OnceLock::new()));
        let this = own.clone();
        // Only forwarded here, because the worker may hold its own locks during the call.
        let on_change = move |state: &State| {
            let (model_id, worker) = (model_id.clone(), this.get().cloned());
            // Without a receiver the runtime is shutting down.
            let _ = changes.send(StateChange { model_id, worker, state: state.clone() });
        };
        let worker = Arc::new(Worker::start(launch.spec.clone(), Arc::new(on_change)));
        let _ = own.set(Arc::downgrade(&worker));
        *self.slot.lock() = Some(Slot {
            model_id: launch.model_id,
            spec: launch.spec,
            unload_after: launch.unload_after,
            started: jiff::Timestamp::now(),
            worker: worker.clone(),
        });
        worker
    }

    /// The endpoint of the worker, if it is ready with this model and context length.
    pub(crate) async fn ready(&self, launch: &Launch) -> Option<Endpoint> {
        self.ready_worker(launch)?.ready().await.ok()
    }

    fn ready_worker(&self, launch: &Launch) -> Option<Arc<Worker>> {
        let fits = |slot: &Slot| {
            slot.model_id == launch.model_id && slot.spec.args.context == launch.spec.args.context
        };
        let worker = self.slot().filter(fits)?.worker;
        matches!(worker.state(), State::Ready { .. }).then_some(worker)
    }

    /// The worker for work in the background, if it has this model. The lease keeps the model loaded, and no
    /// other model waits for it.
    pub(crate) fn background(&self, launch: &Launch) -> Option<(Arc<Worker>, Lease)> {
        let worker = self.ready_worker(launch)?;
        Some((worker, self.leases.take_background()))
    }

    /// Starts the worker once the answers of the old one have ended.
    pub(crate) async fn start_when_free(&self, launch: Launch) {
        drop(self.lease(launch, "", WhenBusy::Wait, || {}).await);
    }

    /// Stops the answers of the old worker, and starts the new one.
    pub(crate) async fn start_at_once(&self, launch: Launch) {
        drop(self.lease(launch, "", WhenBusy::Stop, || {}).await);
    }

    /// Changes when the running worker of this model is unloaded.
    pub(crate) fn unload_after(&self, model_id: &str, after: Option<Duration>) {
        if let Some(slot) = self.slot.lock().as_mut().filter(|slot| slot.model_id == model_id) {
            slot.unload_after = after;
        }
    }

    /// Stops the worker unless an answer has begun to use it.
    pub(super) async fn unload(&self) {
        let _replacing = self.replacing.lock().await;
        if self.leases.count() > 0 {
            return;
        }
        let slot = self.slot.lock().take();
        if let Some(slot) = slot {
            slot.worker.stop().await;
        }
    }

    pub(super) async fn stop(&self) {
        let _replacing = self.replacing.lock().await;
        let slot = self.slot.lock().take();
        if let Some(slot) = slot {
            slot.worker.stop().await;
        }
    }

    pub(super) fn view(&self) -> WorkerView {
        self.slot().map_or_else(
            || view("", &State::Stopped, None),
            |slot| view(&slot.model_id, &slot.worker.state(), slot.worker.memory()),
        )
    }

    /// The model of the worker, and its files.
    pub(crate) fn running(&self) -> Option<(String, PathBuf)> {
        self.slot().map(|slot| (slot.model_id, slot.spec.args.model))
    }

    /// The card that the worker computes on, and the bytes of its memory that the worker takes.
    pub(crate) fn card(&self) -> Option<(u32, u64)> {
        match self.slot()?.worker.state() {
            State::Ready { place: WorkerPlace::Card { index, used, .. }, .. } => Some((index, used.0)),
            _ => None,
        }
    }

    pub(super) fn slot(&self) -> Option<Slot> {
        self.slot.lock().clone()
    }
}

impl Slot {
    fn alive(&self) -> bool {
        matches!(self.worker.state(), State::Starting | State::Loading { .. } | State::Ready { .. })
    }

    fn serves(&self, launch: &Launch) -> bool {
        self.model_id == launch.model_id && self.spec == launch.spec
    }

    /// Other programs may use it.
    pub(super) fn is_shared(&self) -> bool {
        self.spec.args.keys.is_some()
    }
}

fn view(model_id: &str, state: &State, memory: Option<u64>) -> WorkerView {
    let mut view = WorkerView {
        model_id: Some(model_id.to_owned()),
        state: WorkerState::Stopped,
        loaded: 0.0,
        total: 0.0,
        place: None,
        card_memory: None,
        card_problem: None,
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
        State::Ready { context_length, place } => {
            view.state = WorkerState::Ready;
            view.context_length = Some(*context_length);
            match place {
                WorkerPlace::Cpu { threads, reason } => {
                    view.place = Some(format!("CPU, {threads} threads"));
                    let problem = reason.as_ref().map(|refused| Failure::from(refused.failure()));
                    view.card_problem = problem.as_ref().map(failure_view);
                }
                WorkerPlace::Card { name, used, .. } => {
                    (view.place, view.card_memory) = (Some(name.clone()), Some(used.0 as f64));
                }
            }
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
    use contract::ErrorCode;
    use protocol::CardRefusal;

    use super::*;

    #[test]
    fn the_place_says_what_a_model_takes_and_why_it_is_not_on_a_card() {
        let ready = |place| view("guide", &State::Ready { context_length: 2048, place }, None);
        let card = ready(WorkerPlace::Card { index: 1, name: "L40S".into(), used: 7_000_000_000.into() });
        assert_eq!((card.place.as_deref(), card.card_memory), (Some("L40S"), Some(7e9)));
        let refused = CardRefusal::Memory { needed: 9_000_000_000.into(), free: 4_000_000_000.into() };
        let cpu = ready(WorkerPlace::Cpu { threads: 8, reason: Some(refused) });
        let problem = cpu.card_problem.expect("it has a reason");
        assert_eq!((cpu.place.as_deref(), problem.code), (Some("CPU, 8 threads"), ErrorCode::CardMemory));
        let sizes = ["needed", "free"].map(|name| problem.detail[name].as_str());
        assert_eq!(sizes, ["9000000000", "4000000000"]);
        assert_eq!(ready(WorkerPlace::Cpu { threads: 8, reason: None }).card_problem, None);
    }

    #[test]
    fn a_failure_keeps_its_code() {
        let code = ErrorCode::OutOfMemory;
        let failure = Failure { code, message: "load".into(), detail: Default::default() };
        let shown = view("guide", &State::Failed(failure), None);
        assert_eq!(shown.error.map(|error| error.code), Some(ErrorCode::OutOfMemory));
        assert_eq!(view("guide", &State::Stopped, Some(1)).model_id, None);
    }
}

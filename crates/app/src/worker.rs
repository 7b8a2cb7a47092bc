//! The worker as a use case: which model runs, how far loading is, start and stop. Every change reaches the host in
//! the order in which it happened.
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use catalog::{Catalog, DEFAULT_CONTEXT, FamilyKind};
use contract::{AppEvent, ErrorCode, ErrorView, WorkerState, WorkerView};
use deploy::{Failure, Share, State, Worker, WorkerSpec};
use tokio::sync::mpsc;

use crate::imports::check_there;
use crate::{App, Host, Paths};

/// A worker and the model it was started for.
#[derive(Clone)]
struct Slot {
    model_id: String,
    /// The files that it runs: another precision of the same model is another worker.
    model_dir: PathBuf,
    share: Option<Share>,
    worker: Arc<Worker>,
}

/// What a start needs to know.
pub(crate) struct Launch {
    pub model_id: String,
    pub spec: WorkerSpec,
}

struct Change {
    model_id: String,
    worker: Option<Weak<Worker>>,
    state: State,
}

/// At most one worker, shared with the answers that wait for it.
pub(crate) struct Workers {
    slot: Mutex<Option<Slot>>,
    /// Held while a worker is exchanged for another.
    exchange: tokio::sync::Mutex<()>,
    changes: mpsc::UnboundedSender<Change>,
}

impl Workers {
    /// Must be called inside a runtime: a task there passes the changes on.
    pub(crate) fn new(host: Arc<dyn Host>) -> Self {
        let (changes, mut received) = mpsc::unbounded_channel::<Change>();
        tokio::spawn(async move {
            while let Some(Change { model_id, worker, state }) = received.recv().await {
                let memory = worker.and_then(|worker| worker.upgrade()).and_then(|worker| worker.memory());
                host.emit(AppEvent::WorkerChanged { worker: view(&model_id, &state, memory) });
            }
        });
        Self { slot: Mutex::default(), exchange: tokio::sync::Mutex::default(), changes }
    }

    /// The worker for this model: the one that runs, or a new one after the old one ended.
    pub(crate) async fn start(&self, launch: Launch) -> Arc<Worker> {
        let _exchange = self.exchange.lock().await;
        if let Some(slot) = self.slot() {
            let alive =
                matches!(slot.worker.state(), State::Starting | State::Loading { .. } | State::Ready { .. });
            let same = slot.model_id == launch.model_id && slot.model_dir == launch.spec.model_dir;
            if alive && same && slot.share == launch.spec.share {
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
        let (share, model_dir) = (launch.spec.share.clone(), launch.spec.model_dir.clone());
        let worker = Arc::new(Worker::start(launch.spec, Arc::new(on_change)));
        let _ = own.set(Arc::downgrade(&worker));
        *self.lock() = Some(Slot { model_id: launch.model_id, model_dir, share, worker: worker.clone() });
        worker
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

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Slot>> {
        self.slot.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl App {
    pub async fn worker(&self) -> Result<WorkerView, ErrorView> {
        Ok(self.workers.view())
    }

    /// Returns as soon as the process is on its way; the events tell the rest.
    pub async fn worker_start(&self, model_id: &str) -> Result<WorkerView, ErrorView> {
        self.workers.start(self.launch(model_id)?).await;
        Ok(self.workers.view())
    }

    /// Nothing happens when there is none.
    pub async fn worker_stop(&self) -> Result<(), ErrorView> {
        self.workers.stop().await;
        Ok(())
    }

    pub(crate) fn launch(&self, model_id: &str) -> Result<Launch, ErrorView> {
        let mut launch = self.launch_alone(model_id)?;
        launch.spec.share = self.sharing.share()?;
        Ok(launch)
    }

    fn launch_alone(&self, model_id: &str) -> Result<Launch, ErrorView> {
        if let Some(model) = self.own_models.find(model_id)? {
            check_there(&model)?;
            return Ok(started(&self.paths, model.path, model_id, model.facts.context_max));
        }
        let here = self.precisions_of(model_id);
        let used = self.precisions.used(model_id, &here).map(|used| used.dir.clone());
        launch(&self.paths, used, model_id)
    }
}

/// Only models of the catalogue, so an id is never a path of its own. `used` is where the precision lies that is used.
fn launch(paths: &Paths, used: Option<PathBuf>, model_id: &str) -> Result<Launch, ErrorView> {
    let missing = |message| ErrorView::new(ErrorCode::ModelNotFound, message).with("model_id", model_id);
    let model =
        Catalog::builtin().model(model_id).ok_or_else(|| missing("find the model in the catalogue"))?;
    if !model.embedded {
        let message = "start the model: the engine of this version cannot run it";
        return Err(ErrorView::new(ErrorCode::ModelUnsupported, message).with("model_id", model_id));
    }
    let model_dir = if model.family == FamilyKind::Guide {
        let folder = paths.built_in(model_id);
        if !folder.join("config.json").is_file() {
            let message = "start the model: it is not where this program's own files are";
            return Err(ErrorView::new(ErrorCode::BuiltInMissing, message).with("path", folder.display()));
        }
        folder
    } else {
        used.ok_or_else(|| missing("start the model: it is not downloaded"))?
    };
    Ok(started(paths, model_dir, model_id, model.context_max))
}

fn started(paths: &Paths, model_dir: PathBuf, model_id: &str, context_max: u32) -> Launch {
    let spec = WorkerSpec {
        binary: paths.engine_binary.clone(),
        model_dir,
        model_name: model_id.to_owned(),
        context: context_max.min(DEFAULT_CONTEXT),
        share: None,
    };
    Launch { model_id: model_id.to_owned(), spec }
}

/// A code that this version does not know is a bug of ours.
pub(crate) fn failure_view(failure: &Failure) -> ErrorView {
    let code = serde_json::from_value(serde_json::Value::from(failure.code.as_str()));
    ErrorView {
        code: code.unwrap_or(ErrorCode::Internal),
        message: failure.message.clone(),
        detail: failure.detail.clone(),
    }
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
    use std::path::Path;

    use super::*;

    fn paths(folder: &Path) -> Paths {
        Paths {
            data_dir: folder.to_owned(),
            models_dir: folder.join("models"),
            engine_binary: folder.join("whaledeck-engine"),
            guide_dir: folder.join("guide"),
        }
    }

    #[test]
    fn only_models_that_are_here_and_understood_may_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let paths = paths(folder.path());
        let code = |id: &str, used: Option<PathBuf>| launch(&paths, used, id).err().map(|error| error.code);
        // Its files come with the program, so downloading them again is no way out.
        assert_eq!(code("guide", None), Some(ErrorCode::BuiltInMissing));
        std::fs::create_dir_all(folder.path().join("guide")).expect("is made");
        std::fs::write(folder.path().join("guide/config.json"), "{}").expect("is written");
        assert_eq!(code("guide", None), None);
        assert_eq!(code("../guide", None), Some(ErrorCode::ModelNotFound));
        for model in Catalog::builtin().models().iter().filter(|model| model.family != FamilyKind::Guide) {
            let unsupported = (!model.embedded).then_some(ErrorCode::ModelUnsupported);
            assert_eq!(code(&model.id, None), unsupported.or(Some(ErrorCode::ModelNotFound)), "{}", model.id);
            assert_eq!(code(&model.id, Some(folder.path().to_owned())), unsupported, "{}", model.id);
        }
    }

    #[test]
    fn a_failure_keeps_its_code_and_a_strange_one_is_internal() {
        let failure =
            |code: &str| Failure { code: code.into(), message: "load".into(), detail: Default::default() };
        let shown = view("guide", &State::Failed(failure("out_of_memory")), None);
        assert_eq!(shown.error.map(|error| error.code), Some(ErrorCode::OutOfMemory));
        assert_eq!(failure_view(&failure("odd")).code, ErrorCode::Internal);
        assert_eq!(view("guide", &State::Stopped, Some(1)).model_id, None);
    }
}

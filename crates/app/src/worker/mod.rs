//! The worker as a use case: its model, the progress of loading, start and stop. A worker that is answering
//! is never replaced by another model unless the user chose so.
mod idle;
mod launch;
mod leases;
mod measure;
mod workers;

use catalog::Catalog;
use contract::{ErrorCode, ErrorView, WhenBusy, WorkerMemory, WorkerView};
use protocol::ModelRef;

use crate::App;
use crate::answer::turn::{COMPARISON, EVALUATION, EXPLANATION};

pub(crate) use idle::watch;
pub(crate) use leases::Lease;
pub(crate) use workers::{Busy, Launch, Workers};

impl App {
    pub async fn worker(&self) -> Result<WorkerView, ErrorView> {
        Ok(self.workers.view())
    }

    /// Returns once the process is started; events report its progress.
    ///
    /// # Errors
    /// When another model is answering, because a start never ends an answer.
    pub async fn worker_start(&self, model_id: &str) -> Result<WorkerView, ErrorView> {
        let launch = self.launch(model_id)?;
        if let Some(busy) = self.workers.busy(&launch, "").await {
            return Err(self.busy_error(busy).await);
        }
        self.workers.start(launch).await;
        Ok(self.workers.view())
    }

    /// Refuses, before anything is stored, a request that would end another answer.
    pub(crate) async fn check_worker_free(
        &self,
        model_id: &str,
        holder: &str,
        when_busy: WhenBusy,
    ) -> Result<(), ErrorView> {
        if when_busy != WhenBusy::Ask || !self.runs_here(model_id) {
            return Ok(());
        }
        // The answer itself reports the error of a model that cannot start.
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
            if holder == COMPARISON {
                error = error.with("comparing", "1");
            } else if holder == EVALUATION || holder == EXPLANATION {
                error = error.with("explaining", "1");
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

    /// The display name of a model; its id when it is not known.
    pub(crate) fn model_name(&self, model_id: &str) -> String {
        let own = self.own_models.find(model_id).ok().flatten().map(|model| model.facts.name);
        let known = || Catalog::builtin().model(model_id).map(|model| model.name.clone());
        own.or_else(known).unwrap_or_else(|| model_id.to_owned())
    }

    /// Whether the worker of this computer runs the model.
    pub(crate) fn runs_here(&self, model_id: &str) -> bool {
        matches!(ModelRef::from(model_id), ModelRef::Local { .. })
    }

    /// What the worker takes of memory now; `None` while no model is loaded, or where the system does not
    /// tell.
    pub async fn worker_memory(&self) -> Result<Option<WorkerMemory>, ErrorView> {
        let Some(slot) = self.workers.slot() else { return Ok(None) };
        Ok(measure::measure(&slot.worker).await)
    }

    /// Stops the worker. Does nothing when there is none.
    pub async fn worker_stop(&self) -> Result<(), ErrorView> {
        self.workers.stop().await;
        Ok(())
    }
}

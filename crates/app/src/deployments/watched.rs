//! The deployments and those of them that this program watches: it reattaches to the running ones, stores and
//! reports their changes, and gives the endpoint of one to an answer.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{AppEvent, DeploymentView, ErrorView, SamplingView};
use deploy::remote::{Deployment, DeploymentEvent, OnEvent, Record, Timing, Transport};
use parking_lot::Mutex;

use super::keys::DeploymentKeys;
use super::records::Records;
use super::views::{deployment_view, line_view, point_view, recommended, stopped_view};
use crate::Host;
use crate::convert::failure_view;
use crate::model_ref::ModelEndpoint;

/// Replaces the user's ssh configuration.
const SSH_CONFIG: &str = "WHALEDECK_SSH_CONFIG";

pub(crate) struct Deployments {
    pub(super) records: Records,
    pub(super) keys: DeploymentKeys,
    pub(super) transport: Transport,
    pub(super) watched: Mutex<BTreeMap<String, Arc<Deployment>>>,
    host: Arc<dyn Host>,
}

impl Deployments {
    pub(crate) fn open(data_dir: &Path, host: Arc<dyn Host>) -> (Arc<Self>, Option<ErrorView>) {
        let (records, problem) = Records::open(data_dir);
        let ssh_config = std::env::var_os(SSH_CONFIG).filter(|value| !value.is_empty()).map(PathBuf::from);
        let transport = Transport { folder: data_dir.join("deployments"), ssh_config };
        let keys = DeploymentKeys::new(data_dir);
        (Arc::new(Self { records, keys, transport, watched: Mutex::default(), host }), problem)
    }

    pub(super) fn watch(
        self: &Arc<Self>,
        record: Record,
        begin: fn(Record, Transport, Timing, OnEvent) -> Deployment,
    ) -> Result<Arc<Deployment>, ErrorView> {
        let mut watched = self.watched.lock();
        if let Some(known) = watched.get(&record.id) {
            return Ok(known.clone());
        }
        let record = self.keys.with_key(record)?;
        let (this, id) = (Arc::downgrade(self), record.id.clone());
        let on_event: OnEvent = Arc::new(move |event| {
            if let Some(this) = this.upgrade() {
                this.apply(&id, event);
            }
        });
        let id = record.id.clone();
        let deployment = Arc::new(begin(record, self.transport.clone(), Timing::default(), on_event));
        watched.insert(id, deployment.clone());
        Ok(deployment)
    }

    fn apply(&self, id: &str, event: DeploymentEvent) {
        match event {
            // Stored first, so that a program that is killed now finds the deployment again.
            DeploymentEvent::Record(record) => {
                if let Err(error) = self.records.update(*record) {
                    tracing::error!(%error, "failed to store a deployment");
                }
            }
            DeploymentEvent::State(_) => {
                // The view is made anew, because more than the state may have changed. While the deployment
                // is being created the lock is held, and the page reads the list instead.
                let Some(known) = self.watched.try_lock().and_then(|watched| watched.get(id).cloned()) else {
                    return self.host.emit(AppEvent::DeploymentsChanged);
                };
                self.host.emit(AppEvent::DeploymentChanged { deployment: Box::new(deployment_view(&known)) });
            }
            DeploymentEvent::Log(lines) => {
                let lines = lines.into_iter().map(line_view).collect();
                self.host.emit(AppEvent::DeploymentSaid { id: id.to_owned(), lines });
            }
            DeploymentEvent::Point(point) => {
                let point = point_view(point);
                self.host.emit(AppEvent::DeploymentMeasured { id: id.to_owned(), point });
            }
        }
    }

    /// Watches the deployments that this or another program started before.
    pub(super) fn reattach_all(self: &Arc<Self>) -> Result<Vec<Record>, ErrorView> {
        let records = self.records.all()?;
        for record in records.iter().filter(|record| record.has_processes()) {
            self.watch(record.clone(), Deployment::reattach)?;
        }
        Ok(records)
    }

    /// The deployment of this id or name, watched from now on.
    pub(super) fn watched_one(self: &Arc<Self>, id: &str) -> Result<Arc<Deployment>, ErrorView> {
        let record = self.records.find(id)?;
        let begin = if record.has_processes() { Deployment::reattach } else { Deployment::idle };
        self.watch(record, begin)
    }

    pub(super) fn view(&self, record: &Record) -> DeploymentView {
        let known = self.watched.lock().get(&record.id).cloned();
        known.map_or_else(|| stopped_view(record), |known| deployment_view(&known))
    }

    pub(crate) fn model_endpoint(self: &Arc<Self>, id: &str) -> Result<ModelEndpoint, ErrorView> {
        let deployment = self.watched_one(id)?;
        let endpoint = deployment.endpoint().map_err(|failure| failure_view(&failure))?;
        let record = deployment.record();
        Ok(ModelEndpoint { endpoint, model: record.model_id, label: record.name })
    }

    /// The context length of one conversation, in tokens.
    pub(crate) fn context(&self, id: &str) -> Result<u32, ErrorView> {
        Ok(self.records.find(id)?.context)
    }

    pub(crate) fn recommended_sampling(&self, id: &str) -> Result<SamplingView, ErrorView> {
        Ok(recommended(&self.records.find(id)?))
    }
}

//! Deployments as use cases: plan, start, reattach, watch, stop and remove them. Gives the endpoint of one to
//! an answer. A deployment outlives this program; only an explicit stop ends it.

mod keys;
mod records;
mod start;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contract::{
    AppEvent, DeploymentLine, DeploymentSpec, DeploymentView, ErrorView, MachineView, PlanOutcome,
    SamplingView,
};
use deploy::remote::{self, Deployment, DeploymentEvent, OnEvent, Record, Timing, Transport};
use parking_lot::Mutex;

use self::keys::DeploymentKeys;
use self::records::Records;
use self::views::{deployment_view, line_view, machine_view, point_view, recommended, stopped_view};
use crate::convert::failure_view;
use crate::model_ref::ModelEndpoint;
use crate::{App, Host};

/// Replaces the user's ssh configuration.
const SSH_CONFIG: &str = "WHALEDECK_SSH_CONFIG";

pub(crate) struct Deployments {
    records: Records,
    keys: DeploymentKeys,
    transport: Transport,
    watched: Mutex<BTreeMap<String, Arc<Deployment>>>,
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

    fn watch(
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
    fn reattach_all(self: &Arc<Self>) -> Result<Vec<Record>, ErrorView> {
        let records = self.records.all()?;
        for record in records.iter().filter(|record| record.has_processes()) {
            self.watch(record.clone(), Deployment::reattach)?;
        }
        Ok(records)
    }

    /// The deployment of this id or name, watched from now on.
    fn watched_one(self: &Arc<Self>, id: &str) -> Result<Arc<Deployment>, ErrorView> {
        let record = self.records.find(id)?;
        let begin = if record.has_processes() { Deployment::reattach } else { Deployment::idle };
        self.watch(record, begin)
    }

    fn view(&self, record: &Record) -> DeploymentView {
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

impl App {
    /// Every deployment, the oldest first. The running ones are watched from now on.
    pub async fn deployments(&self) -> Result<Vec<DeploymentView>, ErrorView> {
        let records = self.deployments.reattach_all()?;
        Ok(records.iter().map(|record| self.deployments.view(record)).collect())
    }

    /// The plan of a deployment, or why there is none. Connects to no host.
    pub async fn deployment_plan(&self, spec: DeploymentSpec) -> Result<PlanOutcome, ErrorView> {
        start::plan(&spec)
    }

    /// Probes the hosts, stores the deployment, and starts it. Events report its progress.
    pub async fn deployment_start(&self, spec: DeploymentSpec) -> Result<DeploymentView, ErrorView> {
        let record = start::record(&self.deployments.transport, &spec).await?;
        self.deployments.records.add(record.clone())?;
        self.deployments.watch(record.clone(), Deployment::start)?;
        self.host.emit(AppEvent::DeploymentsChanged);
        Ok(self.deployments.view(&record))
    }

    /// Starts a deployment again that was stopped or failed.
    pub async fn deployment_restart(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.watched_one(id)?;
        deployment.restart().await;
        Ok(deployment_view(&deployment))
    }

    /// Stops the processes of the deployment on its hosts, and no others, and waits for their end.
    pub async fn deployment_stop(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.watched_one(id)?;
        deployment.stop().await.map_err(|failure| failure_view(&failure))?;
        Ok(deployment_view(&deployment))
    }

    /// Stops the deployment, then removes it from the list. Its chats stay.
    pub async fn deployment_remove(&self, id: &str) -> Result<(), ErrorView> {
        let deployment = self.deployments.watched_one(id)?;
        if deployment.record().has_processes() {
            deployment.stop().await.map_err(|failure| failure_view(&failure))?;
        }
        let id = deployment.record().id;
        self.deployments.watched.lock().remove(&id);
        self.deployments.records.remove(&id)?;
        self.host.emit(AppEvent::DeploymentsChanged);
        Ok(())
    }

    /// The last lines of its log: those that were received, or else those on its hosts.
    pub async fn deployment_log(&self, id: &str) -> Result<Vec<DeploymentLine>, ErrorView> {
        let record = self.deployments.keys.with_key(self.deployments.records.find(id)?)?;
        let known = self.deployments.watched.lock().get(&record.id).cloned();
        let seen = known.map(|known| known.log()).unwrap_or_default();
        if !seen.is_empty() {
            return Ok(seen.into_iter().map(line_view).collect());
        }
        let mut all: Vec<DeploymentLine> = Vec::new();
        for (rank, node) in record.nodes.iter().enumerate() {
            let (part, key) = (record.node_id(rank), record.key.as_deref());
            let lines = remote::read_log(&self.deployments.transport, &node.host, &part, key).await;
            for line in lines.map_err(|failure| failure_view(&failure))? {
                all.push(DeploymentLine { number: all.len() as u32, machine: rank as u32, text: line.text });
            }
        }
        Ok(all)
    }

    /// Waits until the deployment serves, or returns the error that prevents it.
    pub async fn deployment_ready(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.watched_one(id)?;
        deployment.ready().await.map_err(|failure| failure_view(&failure))?;
        Ok(deployment_view(&deployment))
    }

    /// Probes a host for engines and GPUs.
    pub async fn machine_look(&self, machine: &str, first: &str) -> Result<MachineView, ErrorView> {
        let machine = remote::Host::parse(machine).map_err(|failure| failure_view(&failure))?;
        let report = remote::probe(&self.deployments.transport, &machine, first, 30_000).await;
        machine_view(&machine, &report.map_err(|failure| failure_view(&failure))?)
    }
}

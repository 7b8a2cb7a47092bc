//! Deployments as use cases: plan, start, find again, watch, stop and forget them, and answer in a chat that runs on one.
//! What runs outlives this program; only a stop that was asked for ends it.

mod keys;
mod records;
mod start;
mod views;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::{
    AppEvent, DeploymentLine, DeploymentSpec, DeploymentView, ErrorView, MachineView, PlanOutcome,
    SamplingView,
};
use deploy::remote::{self, Deployment, DeploymentEvent, OnEvent, Record, Timing, Transport};

use self::keys::Keys;
use self::records::Records;
use self::views::{deployment_view, line_view, machine_view, point_view, recommended, resting_view};
use crate::model_ref::ModelEndpoint;
use crate::worker::failure_view;
use crate::{App, Host};

pub(crate) use crate::model_ref::deployment_model;

/// Instead of the person's own configuration of ssh.
const SSH_CONFIG: &str = "WHALEDECK_SSH_CONFIG";

pub(crate) struct Deployments {
    records: Records,
    keys: Keys,
    transport: Transport,
    watched: Mutex<BTreeMap<String, Arc<Deployment>>>,
    host: Arc<dyn Host>,
}

impl Deployments {
    pub(crate) fn open(data_dir: &Path, host: Arc<dyn Host>) -> (Arc<Self>, Option<ErrorView>) {
        let (records, problem) = Records::open(data_dir);
        let ssh_config = std::env::var_os(SSH_CONFIG).filter(|value| !value.is_empty()).map(PathBuf::from);
        let transport = Transport { folder: data_dir.join("deployments"), ssh_config };
        let keys = Keys::new(data_dir);
        (Arc::new(Self { records, keys, transport, watched: Mutex::default(), host }), problem)
    }

    fn watched(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Deployment>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(
        self: &Arc<Self>,
        record: Record,
        begin: fn(Record, Transport, Timing, OnEvent) -> Deployment,
    ) -> Result<Arc<Deployment>, ErrorView> {
        let mut watched = self.watched();
        if let Some(known) = watched.get(&record.id) {
            return Ok(known.clone());
        }
        let record = self.keys.fill(record)?;
        let (this, id) = (Arc::downgrade(self), record.id.clone());
        let on_event: OnEvent = Arc::new(move |change| {
            if let Some(this) = this.upgrade() {
                this.heard(&id, change);
            }
        });
        let id = record.id.clone();
        let deployment = Arc::new(begin(record, self.transport.clone(), Timing::default(), on_event));
        watched.insert(id, deployment.clone());
        Ok(deployment)
    }

    fn heard(&self, id: &str, change: DeploymentEvent) {
        match change {
            // Written down before anything else happens: a program that is killed now finds it again.
            DeploymentEvent::Record(record) => {
                if let Err(error) = self.records.update(*record) {
                    tracing::error!(%error, "a deployment was not written down");
                }
            }
            DeploymentEvent::State(_) => {
                // Asked for anew, because more than the state may have changed. Not while it is being made.
                let Some(known) = self.watched.try_lock().ok().and_then(|watched| watched.get(id).cloned())
                else {
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

    /// Goes on watching what was started before, here or by another program.
    fn find_all(self: &Arc<Self>) -> Result<Vec<Record>, ErrorView> {
        let records = self.records.all()?;
        for record in records.iter().filter(|record| record.has_processes()) {
            self.watch(record.clone(), Deployment::reattach)?;
        }
        Ok(records)
    }

    /// The one of this id or name, watched.
    fn one(self: &Arc<Self>, id: &str) -> Result<Arc<Deployment>, ErrorView> {
        let record = self.records.find(id)?;
        let begin = if record.has_processes() { Deployment::reattach } else { Deployment::idle };
        self.watch(record, begin)
    }

    fn view(&self, record: &Record) -> DeploymentView {
        let known = self.watched().get(&record.id).cloned();
        known.map_or_else(|| resting_view(record), |known| deployment_view(&known))
    }

    pub(crate) fn model_endpoint(self: &Arc<Self>, id: &str) -> Result<ModelEndpoint, ErrorView> {
        let deployment = self.one(id)?;
        let endpoint = deployment.endpoint().map_err(|failure| failure_view(&failure))?;
        let record = deployment.record();
        Ok(ModelEndpoint { endpoint, model: record.model_id, label: record.name })
    }

    /// Tokens of one conversation.
    pub(crate) fn context(&self, id: &str) -> Result<u32, ErrorView> {
        Ok(self.records.find(id)?.context)
    }

    pub(crate) fn recommended_sampling(&self, id: &str) -> Result<SamplingView, ErrorView> {
        Ok(recommended(&self.records.find(id)?))
    }
}

impl App {
    /// Every deployment, the earliest first. Those that run are found again and watched from now on.
    pub async fn deployments(&self) -> Result<Vec<DeploymentView>, ErrorView> {
        let records = self.deployments.find_all()?;
        Ok(records.iter().map(|record| self.deployments.view(record)).collect())
    }

    /// Every word of what would be started, or why nothing can be. Asks no machine.
    pub async fn deployment_plan(&self, spec: DeploymentSpec) -> Result<PlanOutcome, ErrorView> {
        start::plan(&spec)
    }

    /// Looks at the machines, writes down what is started, and starts it. The events tell the rest.
    pub async fn deployment_start(&self, spec: DeploymentSpec) -> Result<DeploymentView, ErrorView> {
        let record = start::record(&self.deployments.transport, &spec).await?;
        self.deployments.records.add(record.clone())?;
        self.deployments.watch(record.clone(), Deployment::start)?;
        self.host.emit(AppEvent::DeploymentsChanged);
        Ok(self.deployments.view(&record))
    }

    /// Starts one again that was stopped or failed.
    pub async fn deployment_restart(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.one(id)?;
        deployment.restart().await;
        Ok(deployment_view(&deployment))
    }

    /// Ends what was started on its machines and nothing else, and waits for that.
    pub async fn deployment_stop(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.one(id)?;
        deployment.stop().await.map_err(|failure| failure_view(&failure))?;
        Ok(deployment_view(&deployment))
    }

    /// Stops it where it runs, then forgets it. Chats that ran on it stay.
    pub async fn deployment_remove(&self, id: &str) -> Result<(), ErrorView> {
        let deployment = self.deployments.one(id)?;
        if deployment.record().has_processes() {
            deployment.stop().await.map_err(|failure| failure_view(&failure))?;
        }
        let id = deployment.record().id;
        self.deployments.watched().remove(&id);
        self.deployments.records.remove(&id)?;
        self.host.emit(AppEvent::DeploymentsChanged);
        Ok(())
    }

    /// The last lines that it said: those that were seen, or else those on its machines.
    pub async fn deployment_log(&self, id: &str) -> Result<Vec<DeploymentLine>, ErrorView> {
        let record = self.deployments.keys.fill(self.deployments.records.find(id)?)?;
        let known = self.deployments.watched().get(&record.id).cloned();
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

    /// Waits until it serves, or for the reason it does not.
    pub async fn deployment_ready(&self, id: &str) -> Result<DeploymentView, ErrorView> {
        let deployment = self.deployments.one(id)?;
        deployment.ready().await.map_err(|failure| failure_view(&failure))?;
        Ok(deployment_view(&deployment))
    }

    /// What a machine has for an engine: the programs and the cards.
    pub async fn machine_look(&self, machine: &str, first: &str) -> Result<MachineView, ErrorView> {
        let machine = remote::Host::parse(machine).map_err(|failure| failure_view(&failure))?;
        let report = remote::probe(&self.deployments.transport, &machine, first, 30_000).await;
        machine_view(&machine, &report.map_err(|failure| failure_view(&failure))?)
    }
}

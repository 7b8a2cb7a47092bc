//! Deployments as use cases: plan, start, stop and remove them. A deployment outlives this program; only an
//! explicit stop ends it.

mod keys;
mod records;
mod start;
mod views;
mod watched;

use contract::{
    AppEvent, DeploymentLine, DeploymentSpec, DeploymentView, ErrorView, MachineView, PlanOutcome,
};
use deploy::remote::{self, Deployment};

use self::views::{deployment_view, line_view, machine_view};
use crate::App;
use crate::convert::failure_view;

pub(crate) use self::watched::Deployments;

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

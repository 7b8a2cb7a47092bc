//! From a request to the record of a deployment: the plan with its bind address, the probed hosts, and a free
//! port of the first host.
use contract::{DeploymentSpec, ErrorCode, ErrorView, PlanOutcome};
use deploy::remote::{self, Exposure, Host, LaunchTarget, Record, Transport};
use plan::Plan;

use crate::convert::{failure_view, invalid, plan_outcome};
use crate::plans::plan_request;

pub(super) fn plan(spec: &DeploymentSpec) -> Result<PlanOutcome, ErrorView> {
    machines(spec)?;
    let plan = plan_request(&spec.wish)?;
    let plan = match plan {
        Ok(plan) => Ok(with_reach(plan, spec)?),
        Err(not) => Err(not),
    };
    Ok(plan_outcome(&plan))
}

/// The plan with its bind address: loopback, or open to the network with a key.
fn with_reach(plan: Plan, spec: &DeploymentSpec) -> Result<Plan, ErrorView> {
    if !spec.open {
        return Ok(plan);
    }
    let refused = || {
        invalid("open the deployment: ollama asks callers for no key", "engine", "sglang, vllm, llama-server")
    };
    plan.open_to_network().ok_or_else(refused)
}

/// Probes every host for the engine, and the first host for a free port.
pub(super) async fn record(transport: &Transport, spec: &DeploymentSpec) -> Result<Record, ErrorView> {
    let mut machines = machines(spec)?;
    let plan = plan_request(&spec.wish)?.map_err(|_| {
        ErrorView::new(ErrorCode::NoPlan, "start the deployment: the machines cannot hold the model")
            .with("cards", &spec.wish.machines)
    })?;
    if machines.len() < plan.inventory.hosts as usize {
        let message = format!("start the deployment: the plan is for {} machines", plan.inventory.hosts);
        return Err(invalid(message, "machines", plan.inventory.hosts));
    }
    // The plan may need fewer hosts than were named.
    machines.truncate(plan.inventory.hosts as usize);
    let (mut port, mut version) = (plan.port, None);
    for (rank, machine) in machines.iter().enumerate() {
        let report = remote::probe(transport, machine, &spec.first, plan.port).await;
        let report = report.map_err(|failure| failure_view(&failure))?;
        let Some(installed) = report.installed(plan.engine) else {
            return Err(ErrorView::new(
                ErrorCode::EngineMissing,
                "start the deployment: its program was not found",
            )
            .with("engine", plan.engine.name())
            .with("install", plan.engine.install().0)
            .with("machine", machine.name()));
        };
        if rank == 0 {
            port = report.port.unwrap_or(port);
            version.clone_from(&installed.version);
        }
    }
    let leader = match spec.address.trim() {
        "" => transport.address(&machines[0]).await.map_err(|failure| failure_view(&failure))?,
        address if address.chars().all(|letter| letter.is_alphanumeric() || ".-_:[]".contains(letter)) => {
            address.to_owned()
        }
        address => return Err(invalid("start the deployment: its address is no host", "address", address)),
    };
    let alone = machines.len() == 1;
    if !alone && machines[0] == Host::Local && spec.address.trim().is_empty() {
        let message = "start the deployment: the others need the address of this computer in their network";
        return Err(invalid(message, "address", "10.0.0.1"));
    }
    let exposure = if spec.open { Exposure::Open(leader.clone()) } else { Exposure::Private };
    let plan = with_reach(plan.with_port(port), spec)?;
    let name =
        if spec.name.trim().is_empty() { plan.model_name.clone() } else { spec.name.trim().to_owned() };
    let target = LaunchTarget { hosts: machines, exposure, setup: spec.first.clone(), leader };
    let now = jiff::Timestamp::now().to_string();
    let record = Record::new(uuid::Uuid::now_v7().simple().to_string(), name, now, &plan, target);
    Ok(Record { engine_version: version, ..record })
}

fn machines(spec: &DeploymentSpec) -> Result<Vec<Host>, ErrorView> {
    let named: Result<Vec<_>, _> = spec.machines.iter().map(|name| Host::parse(name)).collect();
    let machines = named.map_err(|failure| failure_view(&failure))?;
    let mut sorted = machines.clone();
    sorted.sort();
    sorted.dedup();
    if machines.is_empty() || sorted.len() < machines.len() {
        return Err(invalid(
            "start the deployment: each machine is named once",
            "machines",
            "here, gpu1, me@10.0.0.7",
        ));
    }
    Ok(machines)
}

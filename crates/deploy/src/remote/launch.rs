//! Starting and ending the processes of a deployment on all of its machines at once.
use std::sync::Arc;
use std::time::Duration;

use protocol::ErrorCode;
use tokio::task::JoinSet;

use super::host::Machine;
use super::record::Process;
use super::shared::{Shared, lock};
use super::ssh::Reaching;
use crate::Failure;

const START: &str = include_str!("scripts/start.sh");
const STOP: &str = include_str!("scripts/stop.sh");

/// On all machines at once: those that serve together wait for each other.
pub(crate) async fn launch(shared: &Arc<Shared>, reaching: &Reaching) -> Result<(), Failure> {
    let record = lock(&shared.record).clone();
    let mut starts = JoinSet::new();
    for (rank, node) in record.nodes.iter().enumerate() {
        let (reaching, node, id) = (reaching.clone(), node.clone(), record.part(rank));
        let (first, leader) = (record.first.clone(), record.leader.clone());
        let key = record.key.clone().unwrap_or_default();
        starts.spawn(async move {
            let body = node.script.as_str();
            let values = [("body", body), ("first", &first), ("leader", &leader), ("key", &key)];
            (rank, reaching.ask(&node.machine, &id, START, &values).await, node.machine)
        });
    }
    let mut failed = None;
    while let Some(started) = starts.join_next().await {
        let Ok((rank, said, machine)) = started else { continue };
        match said.map(|said| Process::read(&said)) {
            Ok(Some(process)) => shared.change(|record| record.nodes[rank].process = Some(process)),
            Ok(None) => failed = Some(unread(&machine)),
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        None => Ok(()),
        Some(failure) => {
            // Those that did start would wait for the others in vain.
            let _ = sweep(shared, reaching, Duration::ZERO).await;
            Err(failure)
        }
    }
}

fn unread(machine: &Machine) -> Failure {
    Failure::new(ErrorCode::MachineFailed, "start there: the shell did not say what it started")
        .with("machine", machine.name())
        .with("reason", "")
}

/// Ends what was started on every machine, each of which is asked even where another cannot be reached.
pub(crate) async fn sweep(shared: &Arc<Shared>, reaching: &Reaching, grace: Duration) -> Result<(), Failure> {
    let record = lock(&shared.record).clone();
    let mut stops = JoinSet::new();
    for (rank, node) in record.nodes.iter().enumerate() {
        let (reaching, machine, id) = (reaching.clone(), node.machine.clone(), record.part(rank));
        stops.spawn(async move {
            let grace = (grace.as_millis() / 100).to_string();
            (rank, reaching.ask(&machine, &id, STOP, &[("grace", &grace)]).await)
        });
    }
    let mut failed = Ok(());
    while let Some(stopped) = stops.join_next().await {
        match stopped {
            Ok((rank, Ok(_))) => shared.change(|record| record.nodes[rank].process = None),
            Ok((_, Err(failure))) => failed = Err(failure),
            Err(_) => {}
        }
    }
    failed
}

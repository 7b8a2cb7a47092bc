//! Starts and stops the processes of a deployment, on all of its hosts at once.
//! What a host runs is in scripts/start.sh and scripts/stop.sh. It does not wait until the engine serves.
use std::sync::Arc;
use std::time::Duration;

use protocol::ErrorCode;
use tokio::task::JoinSet;

use super::host::Host;
use super::record::Process;
use super::shared::Shared;
use super::ssh::Transport;
use crate::Failure;

const START: &str = include_str!("scripts/start.sh");
const STOP: &str = include_str!("scripts/stop.sh");

/// Starts all hosts at once, because the ranks wait for each other. If one fails, the others are stopped.
pub(crate) async fn launch(shared: &Arc<Shared>, transport: &Transport) -> Result<(), Failure> {
    let record = shared.record.lock().clone();
    let mut starts = JoinSet::new();
    for (rank, node) in record.nodes.iter().enumerate() {
        let (transport, node, id) = (transport.clone(), node.clone(), record.node_id(rank));
        let (setup, leader) = (record.setup.clone(), record.leader.clone());
        let key = record.key.clone().unwrap_or_default();
        starts.spawn(async move {
            let script = node.script.as_str();
            let values = [("script", script), ("setup", &setup), ("leader", &leader), ("key", &key)];
            (rank, transport.run(&node.host, &id, START, &values).await, node.host)
        });
    }
    let mut failed = None;
    while let Some(started) = starts.join_next().await {
        let Ok((rank, output, host)) = started else { continue };
        match output.map(|output| Process::parse(&output)) {
            Ok(Some(process)) => shared.update_record(|record| record.nodes[rank].process = Some(process)),
            Ok(None) => failed = Some(no_process(&host)),
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        None => Ok(()),
        Some(failure) => {
            // Hosts that did start would wait for the others for ever.
            let _ = cleanup(shared, transport, Duration::ZERO).await;
            Err(failure)
        }
    }
}

fn no_process(host: &Host) -> Failure {
    Failure::new(ErrorCode::MachineFailed, "start the engine: the script printed no process")
        .with("machine", host.name())
        .with("reason", "")
}

/// Stops the processes on every host, also where another host cannot be reached.
pub(crate) async fn cleanup(
    shared: &Arc<Shared>,
    transport: &Transport,
    grace: Duration,
) -> Result<(), Failure> {
    let record = shared.record.lock().clone();
    let mut stops = JoinSet::new();
    for (rank, node) in record.nodes.iter().enumerate() {
        let (transport, host, id) = (transport.clone(), node.host.clone(), record.node_id(rank));
        stops.spawn(async move {
            let grace = (grace.as_millis() / 100).to_string();
            (rank, transport.run(&host, &id, STOP, &[("grace", &grace)]).await)
        });
    }
    let mut result = Ok(());
    while let Some(stopped) = stops.join_next().await {
        match stopped {
            Ok((rank, Ok(_))) => shared.update_record(|record| record.nodes[rank].process = None),
            Ok((_, Err(failure))) => result = Err(failure),
            Err(_) => {}
        }
    }
    result
}

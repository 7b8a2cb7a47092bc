//! Watches one host of a deployment until it is dropped, and reconnects when the connection breaks.
//! It sends observations, log bytes and the forwarded port, and decides nothing: `supervisor` does.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use protocol::ErrorCode;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::sync::mpsc::UnboundedSender;

use super::host::Host;
use super::observation::{Observation, ObservationStream};
use super::ssh::{Transport, script_failure};
use crate::Failure;

const WATCH: &str = include_str!("scripts/watch.sh");
const MAX_RECONNECT_DELAY: Duration = Duration::from_secs(30);
const RECONNECT_DELAYS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(MAX_RECONNECT_DELAY)
    .without_max_times();
/// Bytes of ssh's error output that are kept.
const STDERR_LIMIT: u64 = 16 << 10;

#[derive(Debug)]
pub(crate) enum WatchEvent {
    Observed(Observation),
    /// The host is watched; `port` is the local port that is forwarded to it.
    Connected {
        port: Option<u16>,
    },
    Disconnected(Failure),
}

/// One host to watch.
pub(crate) struct HostWatch {
    pub transport: Transport,
    pub node_id: String,
    /// Counts the watches of a deployment, so that late events of an earlier one are ignored.
    pub generation: u64,
    pub rank: u32,
    pub host: Host,
    /// A port of the host to forward to localhost.
    pub port: Option<u16>,
    /// Offset in the log to continue from; `u64::MAX` for the end of the log only.
    pub log_offset: Arc<AtomicU64>,
}

/// Generation, rank and event.
pub(crate) type Sender = UnboundedSender<(u64, u32, WatchEvent)>;

/// Returns only when the receiver is dropped.
pub(crate) async fn watch_host(watch: HostWatch, to: Sender) {
    let send = |event| to.send((watch.generation, watch.rank, event)).is_ok();
    let mut delays = RECONNECT_DELAYS.build();
    loop {
        let failure = match connect(&watch).await {
            Ok((child, port)) => {
                let (connected, failure) = follow(&watch, child, port, &send).await;
                if connected {
                    delays = RECONNECT_DELAYS.build();
                }
                failure
            }
            Err(failure) => failure,
        };
        if !send(WatchEvent::Disconnected(failure)) {
            return;
        }
        tokio::time::sleep(delays.next().unwrap_or(MAX_RECONNECT_DELAY)).await;
    }
}

async fn connect(watch: &HostWatch) -> Result<(Child, Option<u16>), Failure> {
    let offset = watch.log_offset.load(Ordering::Relaxed);
    let offset = if offset == u64::MAX { String::new() } else { offset.to_string() };
    let forward = match watch.port {
        Some(remote) if watch.host != Host::Local => Some((free_port()?, remote)),
        _ => None,
    };
    let values = [("offset", offset.as_str())];
    let child = watch.transport.spawn(&watch.host, &watch.node_id, WATCH, &values, forward).await?;
    Ok((child, forward.map(|(local, _)| local)))
}

/// Whether the script sent anything, and why it ended.
async fn follow(
    watch: &HostWatch,
    mut child: Child,
    port: Option<u16>,
    send: &impl Fn(WatchEvent) -> bool,
) -> (bool, Failure) {
    let mut stderr = String::new();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let read_stderr = async {
        if let Some(err) = err {
            let mut bytes = Vec::new();
            let _ = err.take(STDERR_LIMIT).read_to_end(&mut bytes).await;
            stderr = String::from_utf8_lossy(&bytes).into_owned();
        }
    };
    let mut connected = false;
    let read_stdout = async {
        let Some(out) = out else { return };
        let mut stream = ObservationStream::new(out);
        while let Some(observation) = stream.next().await {
            if !connected {
                connected = true;
                send(WatchEvent::Connected { port });
            }
            if let Observation::Log { next, .. } = &observation {
                watch.log_offset.store(*next, Ordering::Relaxed);
            }
            if !send(WatchEvent::Observed(observation)) {
                return;
            }
        }
    };
    // ssh closes both at its end; a script that closed only one has ended, too.
    tokio::join!(read_stdout, read_stderr);
    let _ = child.start_kill();
    let code = child.wait().await.ok().and_then(|status| status.code());
    (connected, script_failure(&watch.host, code, "", &stderr))
}

/// A port of localhost that is free now. If another program takes it first, ssh fails and the next attempt
/// takes another.
fn free_port() -> Result<u16, Failure> {
    let bound =
        std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).and_then(|bound| bound.local_addr());
    bound.map(|address| address.port()).map_err(|error| {
        Failure::new(ErrorCode::MachineUnreachable, format!("find a free local port: {error}"))
            .with("machine", "here")
    })
}

//! Looks at one machine of a deployment for as long as it is asked to, through lost lines and new ones.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use protocol::ErrorCode;
use tokio::io::AsyncReadExt;
use tokio::process::Child;
use tokio::sync::mpsc::UnboundedSender;

use super::host::Machine;
use super::ssh::{Reaching, refused};
use super::stream::{Seen, Watching};
use crate::Failure;

const WATCH: &str = include_str!("scripts/watch.sh");
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Of what ssh says when it fails.
const COMPLAINT_LIMIT: u64 = 16 << 10;

/// What a look at a machine brings.
#[derive(Debug)]
pub(crate) enum News {
    Seen(Seen),
    /// The machine is seen, and its port is this one here.
    Found {
        port: Option<u16>,
    },
    Lost(Failure),
}

/// A machine to look at.
pub(crate) struct Look {
    pub reaching: Reaching,
    pub id: String,
    /// Which of the looks that followed each other, and of which machine.
    pub turn: u64,
    pub rank: u32,
    pub machine: Machine,
    /// The port there that is to be reached from here.
    pub port: Option<u16>,
    /// The byte of the log to go on from; the largest number for its last part.
    pub from: Arc<AtomicU64>,
}

pub(crate) type Sender = UnboundedSender<(u64, u32, News)>;

/// Ends only when nobody listens.
pub(crate) async fn look(look: Look, to: Sender) {
    let tell = |news| to.send((look.turn, look.rank, news)).is_ok();
    let mut pause = SHORTEST_PAUSE;
    loop {
        let failure = match begin(&look).await {
            Ok((child, port)) => {
                let (seen, failure) = follow(&look, child, port, &tell).await;
                if seen {
                    pause = SHORTEST_PAUSE;
                }
                failure
            }
            Err(failure) => failure,
        };
        if !tell(News::Lost(failure)) {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn begin(look: &Look) -> Result<(Child, Option<u16>), Failure> {
    let from = look.from.load(Ordering::Relaxed);
    let from = if from == u64::MAX { String::new() } else { from.to_string() };
    let forward = match look.port {
        Some(there) if look.machine != Machine::Here => Some((free_port()?, there)),
        _ => None,
    };
    let child = look.reaching.begin(&look.machine, &look.id, WATCH, &[("from", &from)], forward).await?;
    Ok((child, forward.map(|(here, _)| here)))
}

/// Whether anything was seen, and why it ended.
async fn follow(
    look: &Look,
    mut child: Child,
    port: Option<u16>,
    tell: &impl Fn(News) -> bool,
) -> (bool, Failure) {
    let mut complaint = String::new();
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let complaining = async {
        if let Some(err) = err {
            let mut bytes = Vec::new();
            let _ = err.take(COMPLAINT_LIMIT).read_to_end(&mut bytes).await;
            complaint = String::from_utf8_lossy(&bytes).into_owned();
        }
    };
    let mut seen = false;
    let seeing = async {
        let Some(out) = out else { return };
        let mut watching = Watching::new(out);
        while let Some(one) = watching.next().await {
            if !seen {
                seen = true;
                tell(News::Found { port });
            }
            if let Seen::Log { next, .. } = &one {
                look.from.store(*next, Ordering::Relaxed);
            }
            if !tell(News::Seen(one)) {
                return;
            }
        }
    };
    // ssh closes both at its end; a script that only closed one is over, too.
    tokio::join!(seeing, complaining);
    let _ = child.start_kill();
    let code = child.wait().await.ok().and_then(|status| status.code());
    (seen, refused(&look.machine, code, "", &complaint))
}

/// A port of this computer that is free now. Another program may take it first: then ssh says so, and the next is tried.
fn free_port() -> Result<u16, Failure> {
    let bound =
        std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).and_then(|bound| bound.local_addr());
    bound.map(|address| address.port()).map_err(|error| {
        Failure::new(ErrorCode::MachineUnreachable, format!("find a free port here: {error}"))
            .with("machine", "here")
    })
}

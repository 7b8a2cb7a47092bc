//! Types that the deployment, its supervisor and the launch share: timing, events, commands and the current
//! values.
use std::sync::Arc;
use std::time::Duration;

use endpoint::Endpoint;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use super::log::{Log, LogLine};
use super::metrics::{Point, Series};
use super::record::Record;
use super::state::State;
use crate::Failure;

/// Intervals and timeouts. There is no timeout for slow loading: only an engine without any activity counts
/// as hung.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Between two health checks.
    pub poll: Duration,
    /// Without a successful health check, log output or processor time, after which the engine counts as
    /// hung.
    pub hang_after: Duration,
    /// Of uninterrupted service, after which the count of failed starts is reset.
    pub stable_after: Duration,
    /// Between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Factor on the wait before a restart; for tests.
    pub backoff_scale: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            hang_after: Duration::from_secs(15 * 60),
            stable_after: Duration::from_secs(60),
            grace: Duration::from_secs(20),
            backoff_scale: 1.0,
        }
    }
}

/// Sent to [`OnEvent`], in the order of the changes.
#[derive(Debug, Clone)]
pub enum DeploymentEvent {
    State(State),
    /// Processes were started or stopped. The callback must store the record before it returns.
    Record(Box<Record>),
    Log(Vec<LogLine>),
    Point(Point),
}

/// Called from the task of the deployment; must not block.
pub type OnEvent = Arc<dyn Fn(DeploymentEvent) + Send + Sync>;

pub(crate) enum Command {
    /// Replies when the command was applied.
    Start(oneshot::Sender<()>),
    /// Replies when the deployment has stopped.
    Stop(oneshot::Sender<Result<(), Failure>>),
}

pub(crate) struct Shared {
    pub record: Mutex<Record>,
    pub state: watch::Sender<State>,
    pub log: Mutex<Log>,
    pub series: Mutex<Series>,
    /// Address and client; set while the first host is connected.
    pub endpoint: Mutex<Option<(String, Endpoint)>>,
    pub on_event: OnEvent,
}

impl Shared {
    pub fn emit(&self, event: DeploymentEvent) {
        (self.on_event)(event);
    }

    /// Emits the changed record, so that it can be stored.
    pub fn update_record(&self, change: impl FnOnce(&mut Record)) {
        let record = {
            let mut record = self.record.lock();
            change(&mut record);
            record.clone()
        };
        self.emit(DeploymentEvent::Record(Box::new(record)));
    }
}

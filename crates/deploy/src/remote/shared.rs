//! What the deployment, its supervisor and the launch share: timing, events, commands and the current values.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use endpoint::Endpoint;
use tokio::sync::{oneshot, watch};

use super::log::{Log, LogLine};
use super::metrics::{Point, Series};
use super::record::Record;
use super::state::State;
use crate::Failure;

/// How long things may take. Times of a person, not of a machine: nothing ends because it is slow.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two questions whether it serves.
    pub poll: Duration,
    /// Without service, a word in the log or work of a processor: then it hangs.
    pub silence: Duration,
    /// Of service, after which a crash is a first one again.
    pub steady: Duration,
    /// For an engine that was asked to end.
    pub grace: Duration,
    /// A wait before a new start is so many times as long as it is by itself; for tests.
    pub hurry: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(2),
            silence: Duration::from_secs(15 * 60),
            steady: Duration::from_secs(60),
            grace: Duration::from_secs(20),
            hurry: 1.0,
        }
    }
}

/// What whoever looks on is told, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Change {
    State(State),
    /// Processes were started or ended: to be written down before anything else happens.
    Record(Box<Record>),
    Log(Vec<LogLine>),
    Point(Point),
}

/// Called from the task of the deployment; must return at once.
pub type OnNews = Arc<dyn Fn(Change) + Send + Sync>;

pub(crate) enum Command {
    /// Answered when it was taken.
    Start(oneshot::Sender<()>),
    /// Answered when it is done.
    Stop(oneshot::Sender<Result<(), Failure>>),
}

pub(crate) struct Shared {
    pub record: Mutex<Record>,
    pub state: watch::Sender<State>,
    pub log: Mutex<Log>,
    pub series: Mutex<Series>,
    /// While the first machine is seen.
    pub endpoint: Mutex<Option<(String, Endpoint)>>,
    pub on_news: OnNews,
}

pub(crate) fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn tell(&self, change: Change) {
        (self.on_news)(change);
    }

    /// Told with the change, so that it can be written down.
    pub fn change(&self, change: impl FnOnce(&mut Record)) {
        let record = {
            let mut record = lock(&self.record);
            change(&mut record);
            record.clone()
        };
        self.tell(Change::Record(Box::new(record)));
    }
}

//! One deployment: what whoever has it can ask and be told. A task of its own watches it; when that ends, what runs goes on.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use endpoint::Endpoint;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::log::{Log, LogLine};
use super::machine::Reaching;
use super::metrics::{Point, Series};
use super::record::Record;
use super::state::{Phase, State};
use super::supervisor::Supervisor;
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

/// Ends its watch with its value, never what runs.
pub struct Deployment {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

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
    on_news: OnNews,
}

impl Deployment {
    /// Starts it; call it inside a tokio runtime.
    pub fn start(record: Record, reaching: Reaching, pace: Pace, on_news: OnNews) -> Self {
        Self::begin(record, reaching, pace, on_news, Phase::Starting)
    }

    /// Looks for what was started before, and goes on watching it.
    pub fn find(record: Record, reaching: Reaching, pace: Pace, on_news: OnNews) -> Self {
        Self::begin(record, reaching, pace, on_news, Phase::Finding)
    }

    /// One that does not run.
    pub fn rest(record: Record, reaching: Reaching, pace: Pace, on_news: OnNews) -> Self {
        Self::begin(record, reaching, pace, on_news, Phase::Stopped)
    }

    fn begin(record: Record, reaching: Reaching, pace: Pace, on_news: OnNews, phase: Phase) -> Self {
        let log = Mutex::new(Log::new(record.key.clone()));
        let shared = Arc::new(Shared {
            record: Mutex::new(record),
            state: watch::Sender::new(State::new(phase)),
            log,
            series: Mutex::default(),
            endpoint: Mutex::default(),
            on_news,
        });
        let (commands, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(Supervisor::new(shared.clone(), reaching, pace).run(received));
        Self { shared, commands, task }
    }

    pub fn record(&self) -> Record {
        lock(&self.shared.record).clone()
    }

    pub fn state(&self) -> State {
        self.shared.state.borrow().clone()
    }

    pub fn log(&self) -> Vec<LogLine> {
        lock(&self.shared.log).lines()
    }

    pub fn points(&self) -> Vec<Point> {
        lock(&self.shared.series).points()
    }

    /// Where it answers from here, while its first machine is seen.
    pub fn address(&self) -> Option<String> {
        lock(&self.shared.endpoint).as_ref().map(|(address, _)| address.clone())
    }

    /// # Errors
    /// When it does not serve now.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        let ready = self.state().phase == Phase::Ready;
        let endpoint = lock(&self.shared.endpoint).as_ref().map(|(_, endpoint)| endpoint.clone());
        endpoint.filter(|_| ready).ok_or_else(|| {
            let name = self.record().name;
            Failure::new("deployment_not_ready", "ask the deployment: it does not serve now")
                .with("name", name)
        })
    }

    /// Starts what is stopped or failed; nothing happens otherwise.
    pub async fn restart(&self) {
        let (taken, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Start(taken));
        let _ = answer.await;
    }

    /// Asks for the end of what was started, and waits for it or for the reason it could not be had.
    pub async fn stop(&self) -> Result<(), Failure> {
        let (done, answer) = oneshot::channel();
        let _ = self.commands.send(Command::Stop(done));
        // Without a supervisor the runtime is ending.
        answer.await.unwrap_or(Ok(()))
    }

    /// Waits until it serves, or for the reason it does not.
    pub async fn ready(&self) -> Result<Endpoint, Failure> {
        let mut states = self.shared.state.subscribe();
        let settled = |state: &State| {
            matches!(state.phase, Phase::Ready | Phase::Failed(_) | Phase::Draining | Phase::Stopped)
                || unseen(state).is_some()
        };
        let state = states.wait_for(settled).await.map(|state| state.clone());
        match state.as_ref().map(|state| (&state.phase, unseen(state))) {
            Ok((Phase::Failed(failure), _) | (_, Some(failure))) => Err(failure.clone()),
            _ => self.endpoint(),
        }
    }
}

/// Why one that is looked for cannot be seen: nobody knows for how long.
fn unseen(state: &State) -> Option<&Failure> {
    state.lost.as_ref().filter(|_| state.phase == Phase::Finding)
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.task.abort();
    }
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

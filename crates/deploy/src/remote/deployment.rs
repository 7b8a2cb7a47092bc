//! One deployment: what whoever has it can ask and be told. A task of its own watches it; when that ends, what runs goes on.
use std::sync::{Arc, Mutex};

use endpoint::Endpoint;
use protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::log::{Log, LogLine};
use super::metrics::Point;
use super::record::Record;
use super::shared::{Command, OnNews, Pace, Shared, lock};
use super::ssh::Reaching;
use super::state::{Phase, State};
use super::supervisor::Supervisor;
use crate::Failure;

/// Ends its watch with its value, never what runs.
pub struct Deployment {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
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
            Failure::new(ErrorCode::DeploymentNotReady, "ask the deployment: it does not serve now")
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

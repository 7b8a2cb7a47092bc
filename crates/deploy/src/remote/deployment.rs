//! The handle of one deployment. A task of its own supervises the engine; when that task ends, the engine
//! keeps running.
use std::sync::Arc;

use endpoint::Endpoint;
use parking_lot::Mutex;
use protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::log::{Log, LogLine};
use super::metrics::Point;
use super::record::Record;
use super::shared::{Command, OnEvent, Shared, Timing};
use super::ssh::Transport;
use super::state::{Phase, State};
use super::supervisor::Supervisor;
use crate::Failure;

/// Dropping it ends the supervision and leaves the engine running.
pub struct Deployment {
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    task: JoinHandle<()>,
}

impl Deployment {
    /// Starts the engine. Must be called inside a tokio runtime.
    pub fn start(record: Record, transport: Transport, timing: Timing, on_event: OnEvent) -> Self {
        Self::spawn(record, transport, timing, on_event, Phase::Starting)
    }

    /// Reattaches to an engine that was started before, by its record.
    pub fn reattach(record: Record, transport: Transport, timing: Timing, on_event: OnEvent) -> Self {
        Self::spawn(record, transport, timing, on_event, Phase::Reattaching)
    }

    /// A deployment that does not run.
    pub fn idle(record: Record, transport: Transport, timing: Timing, on_event: OnEvent) -> Self {
        Self::spawn(record, transport, timing, on_event, Phase::Stopped)
    }

    fn spawn(record: Record, transport: Transport, timing: Timing, on_event: OnEvent, phase: Phase) -> Self {
        let log = Mutex::new(Log::new(record.key.clone()));
        let shared = Arc::new(Shared {
            record: Mutex::new(record),
            state: watch::Sender::new(State::new(phase)),
            log,
            series: Mutex::default(),
            endpoint: Mutex::default(),
            on_event,
        });
        let (commands, received) = mpsc::unbounded_channel();
        let task = tokio::spawn(Supervisor::new(shared.clone(), transport, timing).run(received));
        Self { shared, commands, task }
    }

    pub fn record(&self) -> Record {
        self.shared.record.lock().clone()
    }

    pub fn state(&self) -> State {
        self.shared.state.borrow().clone()
    }

    pub fn log(&self) -> Vec<LogLine> {
        self.shared.log.lock().lines()
    }

    pub fn points(&self) -> Vec<Point> {
        self.shared.series.lock().points()
    }

    /// Address at which this host reaches the engine, while the first host is connected.
    pub fn address(&self) -> Option<String> {
        self.shared.endpoint.lock().as_ref().map(|(address, _)| address.clone())
    }

    /// # Errors
    /// When the engine does not serve now.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        let ready = self.state().phase == Phase::Ready;
        let endpoint = self.shared.endpoint.lock().as_ref().map(|(_, endpoint)| endpoint.clone());
        endpoint.filter(|_| ready).ok_or_else(|| {
            let name = self.record().name;
            Failure::new(ErrorCode::DeploymentNotReady, "use the deployment: it does not serve now")
                .with("name", name)
        })
    }

    /// Starts a stopped or failed deployment; otherwise does nothing.
    pub async fn restart(&self) {
        let (reply, applied) = oneshot::channel();
        let _ = self.commands.send(Command::Start(reply));
        let _ = applied.await;
    }

    /// Stops the engine on all hosts and waits for the result.
    pub async fn stop(&self) -> Result<(), Failure> {
        let (reply, stopped) = oneshot::channel();
        let _ = self.commands.send(Command::Stop(reply));
        // The supervisor is gone only when the runtime shuts down.
        stopped.await.unwrap_or(Ok(()))
    }

    /// Waits until the engine serves or has failed.
    pub async fn ready(&self) -> Result<Endpoint, Failure> {
        let mut states = self.shared.state.subscribe();
        let is_settled = |state: &State| {
            matches!(state.phase, Phase::Ready | Phase::Failed(_) | Phase::Draining | Phase::Stopped)
                || unreachable(state).is_some()
        };
        let state = states.wait_for(is_settled).await.map(|state| state.clone());
        match state.as_ref().map(|state| (&state.phase, unreachable(state))) {
            Ok((Phase::Failed(failure), _) | (_, Some(failure))) => Err(failure.clone()),
            _ => self.endpoint(),
        }
    }
}

/// The connection failure of a deployment that is being reattached; it may last for ever.
fn unreachable(state: &State) -> Option<&Failure> {
    state.connection_error.as_ref().filter(|_| state.phase == Phase::Reattaching)
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.task.abort();
    }
}

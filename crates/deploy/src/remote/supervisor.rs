//! Runs the effects of the state machine of one deployment: starts the processes, watches every host, polls
//! the engine, waits between restarts and stops. Knows nothing of the callers.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use endpoint::{Address, Dialect, Endpoint};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::cause::Cause;
use super::engine_failure::{exit_failure, hang_failure};
use super::health::{Health, check_health};
use super::launch::{cleanup, launch};
use super::observation::Observation;
use super::record::Exposure;
use super::shared::{Command, DeploymentEvent, Shared, Timing};
use super::ssh::Transport;
use super::state::{Effect, Input, Phase};
use super::watch::{self, HostWatch, WatchEvent, watch_host};
use crate::Failure;

/// Log lines in the detail of a failure.
const LOG_TAIL: usize = 8;

type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    transport: Transport,
    timing: Timing,
    watches: Vec<AbortHandle>,
    /// Counts the calls of [`Self::watch`]; events of earlier watches are ignored.
    generation: u64,
    watch_events: (watch::Sender, mpsc::UnboundedReceiver<(u64, u32, WatchEvent)>),
    /// A running launch or cleanup.
    task: Option<Task<Input>>,
    /// The launch or cleanup to run after it.
    queued: Option<Effect>,
    stop_replies: Vec<oneshot::Sender<Result<(), Failure>>>,
    health_check: Option<Task<Health>>,
    backoff_until: Option<Instant>,
    /// Per rank: whether its process was observed to run.
    running: Vec<bool>,
    /// Per rank: processor time of its processes.
    cpu_ticks: Vec<u64>,
    /// Per rank: offset in its log to continue from.
    log_offsets: Vec<Arc<AtomicU64>>,
    /// Number of the first log line of the current start.
    first_log_line: u64,
    last_activity: Instant,
    ready_since: Option<Instant>,
    last_metrics: Instant,
}

impl Supervisor {
    pub(crate) fn new(shared: Arc<Shared>, transport: Transport, timing: Timing) -> Self {
        let count = shared.record.lock().nodes.len();
        let now = Instant::now();
        Self {
            shared,
            transport,
            timing,
            watches: Vec::new(),
            generation: 0,
            watch_events: mpsc::unbounded_channel(),
            task: None,
            queued: None,
            stop_replies: Vec::new(),
            health_check: None,
            backoff_until: None,
            running: vec![false; count],
            cpu_ticks: vec![0; count],
            log_offsets: (0..count).map(|_| Arc::new(AtomicU64::new(u64::MAX))).collect(),
            first_log_line: 0,
            last_activity: now,
            ready_since: None,
            last_metrics: now,
        }
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        match self.phase() {
            Phase::Reattaching => self.watch(),
            Phase::Starting => self.launch(),
            _ => {}
        }
        let mut ticks = interval(self.timing.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Start(reply)) => {
                        self.apply(Input::StartRequested);
                        let _ = reply.send(());
                    }
                    Some(Command::Stop(reply)) => {
                        self.stop_replies.push(reply);
                        self.apply(Input::StopRequested);
                        self.reply_to_stops();
                    }
                    None => return,
                },
                Some((generation, rank, event)) = self.watch_events.1.recv() => {
                    if generation == self.generation {
                        self.handle_watch_event(rank, event);
                    }
                }
                input = finished(&mut self.task) => {
                    self.task = None;
                    self.apply(input);
                    if let Some(effect) = self.queued.take() {
                        self.perform(effect);
                    }
                    self.reply_to_stops();
                }
                health = finished(&mut self.health_check) => {
                    self.health_check = None;
                    self.handle_health(health);
                }
                () = sleep_until(self.backoff_until.unwrap_or_else(Instant::now)),
                    if self.backoff_until.is_some() && self.task.is_none() =>
                {
                    self.backoff_until = None;
                    self.apply(Input::BackoffElapsed);
                }
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    fn phase(&self) -> Phase {
        self.shared.state.borrow().phase.clone()
    }

    fn apply(&mut self, input: Input) {
        let before = self.shared.state.borrow().clone();
        let (after, effects) = before.clone().step(input);
        if after.phase != before.phase {
            self.ready_since = (after.phase == Phase::Ready).then(Instant::now);
            self.last_activity = Instant::now();
        }
        if after != before {
            self.shared.state.send_replace(after.clone());
            self.shared.emit(DeploymentEvent::State(after));
        }
        effects.into_iter().for_each(|effect| self.perform(effect));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            // One at a time: the processes of an aborted start must still be stopped.
            Effect::Launch | Effect::Cleanup if self.task.is_some() => self.queued = Some(effect),
            Effect::Launch => self.launch(),
            Effect::Watch => self.watch(),
            Effect::Cleanup => self.cleanup(),
            Effect::Backoff(wait) => {
                self.backoff_until = Some(Instant::now() + wait.mul_f64(self.timing.backoff_scale));
            }
            Effect::Idle => self.idle(),
        }
    }

    fn reply_to_stops(&mut self) {
        let result = match self.phase() {
            Phase::Stopped => Ok(()),
            Phase::Failed(failure) => Err(failure),
            _ => return,
        };
        for reply in self.stop_replies.drain(..) {
            let _ = reply.send(result.clone());
        }
    }

    fn idle(&mut self) {
        self.unwatch();
        self.health_check = None;
        self.backoff_until = None;
        *self.shared.endpoint.lock() = None;
    }

    fn unwatch(&mut self) {
        self.generation += 1;
        self.watches.drain(..).for_each(|watch| watch.abort());
    }

    fn watch(&mut self) {
        self.unwatch();
        let record = self.shared.record.lock().clone();
        self.running.fill(false);
        self.shared.series.lock().reset_counters();
        for (rank, node) in record.nodes.iter().enumerate() {
            let watch = HostWatch {
                transport: self.transport.clone(),
                node_id: record.node_id(rank),
                generation: self.generation,
                rank: rank as u32,
                host: node.host.clone(),
                port: (rank == 0 && record.exposure == Exposure::Private).then_some(record.port),
                log_offset: self.log_offsets[rank].clone(),
            };
            let task = tokio::spawn(watch_host(watch, self.watch_events.0.clone()));
            self.watches.push(task.abort_handle());
        }
    }

    fn launch(&mut self) {
        self.unwatch();
        self.first_log_line = self.shared.log.lock().next();
        let (shared, transport) = (self.shared.clone(), self.transport.clone());
        self.task = Some(Box::pin(async move {
            match launch(&shared, &transport).await {
                Ok(()) => Input::Launched,
                Err(failure) => Input::LaunchFailed(failure),
            }
        }));
    }

    fn cleanup(&mut self) {
        self.unwatch();
        let (shared, transport, grace) = (self.shared.clone(), self.transport.clone(), self.timing.grace);
        self.task =
            Some(Box::pin(async move { Input::CleanupDone(cleanup(&shared, &transport, grace).await) }));
    }

    fn handle_watch_event(&mut self, rank: u32, event: WatchEvent) {
        let at = rank as usize;
        match event {
            WatchEvent::Connected { port } => {
                if rank == 0 {
                    self.set_endpoint(port);
                }
                self.apply(Input::ConnectionRestored);
            }
            WatchEvent::Disconnected(failure) => {
                self.running[at] = false;
                self.apply(Input::ConnectionLost(failure));
            }
            WatchEvent::Observed(Observation::Log { bytes, .. }) => {
                self.last_activity = Instant::now();
                let lines = self.shared.log.lock().add(rank, &bytes);
                if !lines.is_empty() {
                    self.shared.emit(DeploymentEvent::Log(lines));
                }
            }
            WatchEvent::Observed(Observation::Running { cpu_ticks }) => {
                if cpu_ticks != self.cpu_ticks[at] {
                    self.cpu_ticks[at] = cpu_ticks;
                    self.last_activity = Instant::now();
                }
                self.running[at] = true;
                // The health check decides between loading and ready, so it runs without waiting for the next
                // tick.
                if self.is_reattached() && self.health_check.is_none() {
                    self.health_check = self.start_health_check(false);
                }
            }
            WatchEvent::Observed(Observation::Stopped) => self.apply(Input::StoppedExternally),
            WatchEvent::Observed(Observation::Exited { code }) => self.handle_exit(rank, Some(code)),
            WatchEvent::Observed(Observation::Gone) => self.handle_exit(rank, None),
        }
    }

    /// While reattaching: the processes of all hosts were observed to run.
    fn is_reattached(&self) -> bool {
        self.phase() == Phase::Reattaching && self.running.iter().all(|&running| running)
    }

    fn set_endpoint(&mut self, port: Option<u16>) {
        let record = self.shared.record.lock().clone();
        let (host, port) = match &record.exposure {
            Exposure::Private => ("127.0.0.1".to_owned(), port.unwrap_or(record.port)),
            // An IPv6 address in a URL is in brackets.
            Exposure::Open(host) if host.contains(':') && !host.starts_with('[') => {
                (format!("[{host}]"), record.port)
            }
            Exposure::Open(host) => (host.clone(), record.port),
        };
        let text = format!("http://{host}:{port}");
        if self.shared.endpoint.lock().as_ref().is_some_and(|(known, _)| *known == text) {
            return;
        }
        // The user named the host, so any host and scheme is allowed.
        let Some(address) = Address::for_worker(&text) else {
            return tracing::warn!(%text, "invalid address of a deployment");
        };
        let endpoint = Endpoint::for_service(address, record.key.clone(), Dialect::engine());
        *self.shared.endpoint.lock() = Some((text, endpoint));
        self.health_check = None;
    }

    fn handle_exit(&mut self, rank: u32, code: Option<i32>) {
        // If one rank fails, the others end, too: the cause is in the log of any of them.
        let count = self.log_offsets.len() as u32;
        let others = (0..count).filter(|&other| other != rank);
        let cause = std::iter::once(rank).chain(others).find_map(|rank| {
            let lines = self.shared.log.lock().since(self.first_log_line, rank);
            Cause::from_log(lines.iter().map(String::as_str)).map(|cause| (rank, cause))
        });
        let (rank, cause) = cause.map_or((rank, None), |(rank, cause)| (rank, Some(cause)));
        let record = self.shared.record.lock().clone();
        let host = record.nodes[rank as usize].host.name().to_owned();
        let log = self.shared.log.lock().tail(rank, LOG_TAIL);
        let failure = exit_failure(&record, code, cause);
        self.apply(Input::Died(failure.with("machine", host).with("engine", record.engine).with("log", log)));
    }

    fn tick(&mut self) {
        let phase = self.phase();
        if !matches!(phase, Phase::Reattaching | Phase::Loading | Phase::Ready) {
            return;
        }
        if self.health_check.is_none() {
            self.health_check = self.start_health_check(phase == Phase::Ready);
        }
        // A host that cannot be reached says nothing about activity.
        let observed = self.running.iter().all(|&running| running);
        let inactive = self.last_activity.elapsed() > self.timing.hang_after;
        if observed && phase != Phase::Reattaching && inactive {
            let record = self.shared.record.lock().clone();
            let log = self.shared.log.lock().tail(0, LOG_TAIL);
            self.apply(Input::Died(hang_failure(&record, self.timing.hang_after.as_secs(), log)));
        }
        if self.ready_since.is_some_and(|since| since.elapsed() > self.timing.stable_after) {
            self.apply(Input::Stable);
        }
    }

    fn start_health_check(&self, was_ready: bool) -> Option<Task<Health>> {
        let (_, endpoint) = self.shared.endpoint.lock().clone()?;
        let record = self.shared.record.lock().clone();
        Some(Box::pin(check_health(endpoint, record, was_ready)))
    }

    fn handle_health(&mut self, health: Health) {
        if !health.serves {
            if self.is_reattached() {
                self.apply(Input::ProcessesRunning);
            }
            return;
        }
        self.last_activity = Instant::now();
        self.apply(Input::Healthy);
        let engine = self.shared.record.lock().engine();
        let (Some(text), Some(engine)) = (health.metrics, engine) else { return };
        let seconds = self.last_metrics.elapsed().as_secs_f64();
        self.last_metrics = Instant::now();
        let point = self.shared.series.lock().add(engine, &text, seconds);
        if let Some(point) = point {
            self.shared.emit(DeploymentEvent::Point(point));
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.unwatch();
    }
}

/// Waits for a task; never returns where there is none.
async fn finished<T>(task: &mut Option<Task<T>>) -> T {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

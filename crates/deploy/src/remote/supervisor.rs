//! Does what the state machine says: starts the processes, looks at every machine, asks the engine how it is,
//! waits, sweeps. Knows nobody who asks.
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use endpoint::{Address, Dialect, Endpoint};
use protocol::ErrorCode;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::cause::{Cause, smaller_context};
use super::launch::{launch, sweep};
use super::metrics;
use super::record::{Reach, Record};
use super::shared::{Change, Command, Pace, Shared, lock};
use super::ssh::Reaching;
use super::state::{Effect, Input, Phase};
use super::stream::Seen;
use super::watch::{self, Look, News};
use crate::Failure;
use crate::plan::Engine;

/// Lines of the log that a failure shows.
const LAST_LINES: usize = 8;
/// What a shell ends with when there is no such program.
const NO_PROGRAM: i32 = 127;

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a question to the engine brought.
struct Answer {
    serves: bool,
    metrics: Option<String>,
}

pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    reaching: Reaching,
    pace: Pace,
    looks: Vec<AbortHandle>,
    turn: u64,
    news: (watch::Sender, mpsc::UnboundedReceiver<(u64, u32, News)>),
    /// A start or a sweep, and what it comes to.
    work: Option<Work<Input>>,
    /// What follows when that is done.
    next: Option<Effect>,
    /// Whoever waits for a stop.
    stopping: Vec<oneshot::Sender<Result<(), Failure>>>,
    asking: Option<Work<Answer>>,
    wait_until: Option<Instant>,
    /// Per machine: whether it was seen to run, its processor time, the byte of its log to go on from.
    running: Vec<bool>,
    used: Vec<u64>,
    from: Vec<Arc<AtomicU64>>,
    /// The line of the log from which on this start speaks.
    log_from: u64,
    alive_at: Instant,
    ready_at: Option<Instant>,
    asked_at: Instant,
}

impl Supervisor {
    pub(crate) fn new(shared: Arc<Shared>, reaching: Reaching, pace: Pace) -> Self {
        let count = lock(&shared.record).nodes.len();
        let now = Instant::now();
        Self {
            shared,
            reaching,
            pace,
            looks: Vec::new(),
            turn: 0,
            news: mpsc::unbounded_channel(),
            work: None,
            next: None,
            stopping: Vec::new(),
            asking: None,
            wait_until: None,
            running: vec![false; count],
            used: vec![0; count],
            from: (0..count).map(|_| Arc::new(AtomicU64::new(u64::MAX))).collect(),
            log_from: 0,
            alive_at: now,
            ready_at: None,
            asked_at: now,
        }
    }

    pub(crate) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        match self.phase() {
            Phase::Finding => self.watch(),
            Phase::Starting => self.launch(),
            _ => {}
        }
        let mut ticks = interval(self.pace.poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Start(taken)) => {
                        self.take(Input::StartAsked);
                        let _ = taken.send(());
                    }
                    Some(Command::Stop(done)) => {
                        self.stopping.push(done);
                        self.take(Input::StopAsked);
                        self.answer_stops();
                    }
                    None => return,
                },
                Some((turn, rank, news)) = self.news.1.recv() => {
                    if turn == self.turn {
                        self.hear(rank, news);
                    }
                }
                input = done(&mut self.work) => {
                    self.work = None;
                    self.take(input);
                    if let Some(effect) = self.next.take() {
                        self.perform(effect);
                    }
                    self.answer_stops();
                }
                answer = done(&mut self.asking) => {
                    self.asking = None;
                    self.answered(answer);
                }
                () = sleep_until(self.wait_until.unwrap_or_else(Instant::now)), if self.wait_until.is_some() && self.work.is_none() => {
                    self.wait_until = None;
                    self.take(Input::WaitOver);
                }
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    fn phase(&self) -> Phase {
        self.shared.state.borrow().phase.clone()
    }

    fn take(&mut self, input: Input) {
        let before = self.shared.state.borrow().clone();
        let (after, effects) = before.clone().step(input);
        if after.phase != before.phase {
            self.ready_at = (after.phase == Phase::Ready).then(Instant::now);
            self.alive_at = Instant::now();
        }
        if after != before {
            self.shared.state.send_replace(after.clone());
            self.shared.tell(Change::State(after));
        }
        effects.into_iter().for_each(|effect| self.perform(effect));
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            // One after the other: a start that is given up is still to be swept.
            Effect::Launch | Effect::Sweep if self.work.is_some() => self.next = Some(effect),
            Effect::Launch => self.launch(),
            Effect::Watch => self.watch(),
            Effect::Sweep => self.sweep(),
            Effect::Wait(wait) => self.wait_until = Some(Instant::now() + wait.mul_f64(self.pace.hurry)),
            Effect::Rest => self.rest(),
        }
    }

    fn answer_stops(&mut self) {
        let answer = match self.phase() {
            Phase::Stopped => Ok(()),
            Phase::Failed(failure) => Err(failure),
            _ => return,
        };
        for done in self.stopping.drain(..) {
            let _ = done.send(answer.clone());
        }
    }

    fn rest(&mut self) {
        self.unwatch();
        self.asking = None;
        self.wait_until = None;
        *lock(&self.shared.endpoint) = None;
    }

    fn unwatch(&mut self) {
        self.turn += 1;
        self.looks.drain(..).for_each(|look| look.abort());
    }

    fn watch(&mut self) {
        self.unwatch();
        let record = lock(&self.shared.record).clone();
        self.running.fill(false);
        lock(&self.shared.series).begin();
        for (rank, node) in record.nodes.iter().enumerate() {
            let look = Look {
                reaching: self.reaching.clone(),
                id: record.part(rank),
                turn: self.turn,
                rank: rank as u32,
                machine: node.machine.clone(),
                port: (rank == 0 && record.reach == Reach::Private).then_some(record.port),
                from: self.from[rank].clone(),
            };
            self.looks.push(tokio::spawn(watch::look(look, self.news.0.clone())).abort_handle());
        }
    }

    fn launch(&mut self) {
        self.unwatch();
        self.log_from = lock(&self.shared.log).next();
        let (shared, reaching) = (self.shared.clone(), self.reaching.clone());
        self.work = Some(Box::pin(async move {
            match launch(&shared, &reaching).await {
                Ok(()) => Input::Launched,
                Err(failure) => Input::NotLaunched(failure),
            }
        }));
    }

    fn sweep(&mut self) {
        self.unwatch();
        let (shared, reaching, grace) = (self.shared.clone(), self.reaching.clone(), self.pace.grace);
        self.work = Some(Box::pin(async move { Input::Swept(sweep(&shared, &reaching, grace).await) }));
    }

    fn hear(&mut self, rank: u32, news: News) {
        let at = rank as usize;
        match news {
            News::Found { port } => {
                if rank == 0 {
                    self.reachable_at(port);
                }
                self.take(Input::Found);
            }
            News::Lost(failure) => {
                self.running[at] = false;
                self.take(Input::Lost(failure));
            }
            News::Seen(Seen::Log { bytes, .. }) => {
                self.alive_at = Instant::now();
                let lines = lock(&self.shared.log).add(rank, &bytes);
                if !lines.is_empty() {
                    self.shared.tell(Change::Log(lines));
                }
            }
            News::Seen(Seen::Runs { used }) => {
                if used != self.used[at] {
                    self.used[at] = used;
                    self.alive_at = Instant::now();
                }
                self.running[at] = true;
                // What was found is called loading or ready by its own answer, and that is asked for at once.
                if self.found() && self.asking.is_none() {
                    self.asking = self.question(false);
                }
            }
            News::Seen(Seen::Stopped) => self.take(Input::StoppedElsewhere),
            News::Seen(Seen::Ended { code }) => self.died(rank, Some(code)),
            News::Seen(Seen::Gone) => self.died(rank, None),
        }
    }

    /// It was looked for, and all of it is seen to run.
    fn found(&self) -> bool {
        self.phase() == Phase::Finding && self.running.iter().all(|&runs| runs)
    }

    fn reachable_at(&mut self, port: Option<u16>) {
        let record = lock(&self.shared.record).clone();
        let (host, port) = match &record.reach {
            Reach::Private => ("127.0.0.1".to_owned(), port.unwrap_or(record.port)),
            // An IPv6 address stands in brackets.
            Reach::Open(host) if host.contains(':') && !host.starts_with('[') => {
                (format!("[{host}]"), record.port)
            }
            Reach::Open(host) => (host.clone(), record.port),
        };
        let text = format!("http://{host}:{port}");
        if lock(&self.shared.endpoint).as_ref().is_some_and(|(known, _)| *known == text) {
            return;
        }
        // The person named the host, so it is asked even where no key would be sent.
        let Some(address) = Address::of_own(&text) else {
            return tracing::warn!(%text, "no address of a deployment");
        };
        let endpoint = Endpoint::of_service(address, record.key.clone(), Dialect::engine());
        *lock(&self.shared.endpoint) = Some((text, endpoint));
        self.asking = None;
    }

    fn died(&mut self, rank: u32, code: Option<i32>) {
        // Of machines that serve together, one fails and the others notice: the cause is where it is said.
        let count = self.from.len() as u32;
        let cause = std::iter::once(rank).chain((0..count).filter(|&other| other != rank)).find_map(|rank| {
            let said = lock(&self.shared.log).since(self.log_from, rank);
            Cause::of(said.iter().map(String::as_str)).map(|cause| (rank, cause))
        });
        let (rank, cause) = cause.map_or((rank, None), |(rank, cause)| (rank, Some(cause)));
        let record = lock(&self.shared.record).clone();
        let machine = record.nodes[rank as usize].machine.name().to_owned();
        let log = lock(&self.shared.log).tail(rank, LAST_LINES);
        let failure = failure(&record, code, cause);
        self.take(Input::Died(
            failure.with("machine", machine).with("engine", record.engine).with("log", log),
        ));
    }

    fn tick(&mut self) {
        let phase = self.phase();
        if !matches!(phase, Phase::Finding | Phase::Loading | Phase::Ready) {
            return;
        }
        if self.asking.is_none() {
            self.asking = self.question(phase == Phase::Ready);
        }
        // What cannot be seen is not called silent.
        let seen = self.running.iter().all(|&runs| runs);
        if seen && phase != Phase::Finding && self.alive_at.elapsed() > self.pace.silence {
            let record = lock(&self.shared.record).clone();
            let failure = Failure::new(
                ErrorCode::EngineSilent,
                format!("hear from {}: it gives no sign of life", record.engine),
            )
            .with("seconds", self.pace.silence.as_secs().to_string())
            .with("engine", record.engine)
            .with("machine", record.nodes[0].machine.name())
            .with("log", lock(&self.shared.log).tail(0, LAST_LINES));
            self.take(Input::Died(failure));
        }
        if self.ready_at.is_some_and(|since| since.elapsed() > self.pace.steady) {
            self.take(Input::Steady);
        }
    }

    fn question(&self, ready: bool) -> Option<Work<Answer>> {
        let (_, endpoint) = lock(&self.shared.endpoint).clone()?;
        let record = lock(&self.shared.record).clone();
        let measures = record.engine().is_some_and(metrics::measures);
        Some(Box::pin(async move {
            let serves = endpoint.root_text(&record.health).await.is_ok()
                // An engine may answer before it has the model.
                && (ready || endpoint.models().await.is_ok_and(|models| models.iter().any(|it| from_name(it, &record.model_id))));
            let metrics = if serves && measures { endpoint.root_text("metrics").await.ok() } else { None };
            Answer { serves, metrics }
        }))
    }

    fn answered(&mut self, answer: Answer) {
        if !answer.serves {
            if self.found() {
                self.take(Input::Runs);
            }
            return;
        }
        self.alive_at = Instant::now();
        self.take(Input::Healthy);
        let engine = lock(&self.shared.record).engine();
        let (Some(text), Some(engine)) = (answer.metrics, engine) else { return };
        let seconds = self.asked_at.elapsed().as_secs_f64();
        self.asked_at = Instant::now();
        let point = lock(&self.shared.series).add(engine, &text, seconds);
        if let Some(point) = point {
            self.shared.tell(Change::Point(point));
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.unwatch();
    }
}

/// What the end of an engine is called.
fn failure(record: &Record, code: Option<i32>, cause: Option<Cause>) -> Failure {
    let engine = &record.engine;
    match (cause, code) {
        (Some(Cause::OutOfMemory { line, context }), _) => {
            let smaller = smaller_context(record.context, context);
            Failure::new(ErrorCode::EngineOutOfMemory, format!("go on: {engine} ran out of memory"))
                .with("line", line)
                .with("context", record.context.to_string())
                .with("smaller", smaller.to_string())
        }
        (Some(Cause::FlagRefused { line }), _) => {
            let message = format!("start {engine}: it does not take a flag of the plan");
            let failure = Failure::new(ErrorCode::EngineFlagRefused, message).with("line", line);
            let failure = failure.with("version", record.engine_version.as_deref().unwrap_or("-"));
            failure.with("expected", record.engine().and_then(Engine::known_version).unwrap_or("-"))
        }
        (None, Some(NO_PROGRAM)) => {
            let install = record.engine().map(|engine| engine.install().0).unwrap_or_default();
            Failure::new(ErrorCode::EngineMissing, format!("start {engine}: it is not installed there"))
                .with("install", install)
        }
        (None, Some(code)) => {
            let status = if code > 128 { format!("signal {}", code - 128) } else { format!("code {code}") };
            Failure::new(ErrorCode::EngineDied, format!("go on: {engine} ended with {status}"))
                .with("status", status)
        }
        (None, None) => {
            Failure::new(ErrorCode::EngineDied, format!("go on: {engine} is gone")).with("status", "unknown")
        }
    }
}

/// ollama adds a tag to every name.
fn from_name(listed: &str, wanted: &str) -> bool {
    listed == wanted || listed.strip_prefix(wanted).is_some_and(|tag| tag.starts_with(':'))
}

/// Waits for work; for ever where there is none.
async fn done<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(work) => work.await,
        None => std::future::pending().await,
    }
}

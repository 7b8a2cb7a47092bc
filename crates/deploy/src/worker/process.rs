//! Runs one worker process and keeps its state. Knows nothing of what the worker serves, and kills no process
//! but the one it started.
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use endpoint::Endpoint;
use protocol::{ErrorCode, PlaceChoice, WeightDtype, WorkerArgs, WorkerLine};
use tokio::io::{AsyncBufReadExt, BufReader, Split};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

use super::state::{Input, State, step};
use crate::Failure;

const KEY_ENV: &str = "WHALEDECK_KEY";
/// Between SIGTERM and SIGKILL.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);
/// For reading the rest of the output after the exit: a child of the worker may hold the pipe open.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(300);

pub struct WorkerSpec {
    pub binary: PathBuf,
    pub model_dir: PathBuf,
    pub model_name: String,
    pub context: u32,
    /// Where it computes. Cards are numbered by their bus addresses.
    pub place: PlaceChoice,
    /// The type to which it requantizes the weights.
    pub shrink: Option<WeightDtype>,
    /// Set when other programs may use the worker, too.
    pub api_access: Option<ApiAccess>,
}

/// How other programs may use a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiAccess {
    pub host: IpAddr,
    pub port: u16,
    /// Requests per minute and key; 0 is no limit.
    pub rate: u32,
    /// File with the hashes of the API keys. The worker reads it again when it changes.
    pub keys: PathBuf,
    pub request_log: PathBuf,
}

impl WorkerSpec {
    fn args(&self) -> WorkerArgs {
        let mut args = WorkerArgs {
            model_name: Some(self.model_name.clone()),
            context: Some(self.context),
            place: self.place,
            shrink: self.shrink,
            api_key_env: Some(KEY_ENV.to_owned()),
            parent_pid: Some(std::process::id()),
            ..WorkerArgs::new(&self.model_dir)
        };
        if let Some(access) = &self.api_access {
            (args.host, args.port, args.rate) = (access.host, access.port, Some(access.rate));
            args.keys = Some(access.keys.clone());
            args.request_log = Some(access.request_log.clone());
        }
        args
    }
}

pub type OnChange = Arc<dyn Fn(&State) + Send + Sync>;

pub struct Worker {
    shared: Arc<Shared>,
    key: String,
    stop: watch::Sender<bool>,
    /// Closes when the task that owns the child has ended.
    ended: watch::Receiver<()>,
    task: Option<JoinHandle<()>>,
}

struct Shared {
    state: watch::Sender<State>,
    on_change: OnChange,
    address: OnceLock<String>,
    /// Zero while no process runs.
    pid: AtomicU32,
}

impl Worker {
    /// Starts the process. Must be called inside a tokio runtime. A failed start is [`State::Failed`].
    pub fn start(spec: WorkerSpec, on_change: OnChange) -> Worker {
        let key = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let shared = Arc::new(Shared {
            state: watch::Sender::new(State::Starting),
            on_change,
            address: OnceLock::new(),
            pid: AtomicU32::new(0),
        });
        (shared.on_change)(&State::Starting);
        let (stop, stop_requested) = watch::channel(false);
        let (end, ended) = watch::channel(());
        let task = match spawn(&spec, &key) {
            Ok((child, out)) => {
                shared.pid.store(child.id().unwrap_or(0), Ordering::Release);
                let shared = shared.clone();
                Some(tokio::spawn(async move {
                    let _end = end;
                    supervise(&shared, child, out, stop_requested).await;
                }))
            }
            Err(failure) => {
                tracing::warn!(%failure, "worker did not start");
                shared.set(|_| State::Failed(failure.clone()));
                None
            }
        };
        Worker { shared, key, stop, ended, task }
    }

    pub fn state(&self) -> State {
        self.shared.state.borrow().clone()
    }

    /// Resident memory of the worker in bytes; Linux only.
    pub fn memory(&self) -> Option<u64> {
        hardware::resident(self.pid()?)
    }

    pub fn pid(&self) -> Option<u32> {
        Some(self.shared.pid.load(Ordering::Acquire)).filter(|&pid| pid != 0)
    }

    /// Waits until the worker serves or has failed.
    pub async fn ready(&self) -> Result<Endpoint, Failure> {
        let mut states = self.shared.state.subscribe();
        let settled =
            states.wait_for(|state| !matches!(state, State::Starting | State::Loading { .. })).await;
        match settled.as_deref() {
            Ok(State::Ready { .. }) => match self.shared.address.get() {
                Some(address) => Ok(Endpoint::new(address.clone(), Some(self.key.clone()))),
                None => Err(Failure::new(ErrorCode::WorkerStartFailed, "worker is ready without an address")),
            },
            Ok(State::Failed(failure)) => Err(failure.clone()),
            _ => Err(Failure::new(ErrorCode::NotLoaded, "worker was stopped before it was ready")),
        }
    }

    /// Sends SIGTERM, kills the worker after two seconds, and leaves [`State::Stopped`].
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        self.shared.apply(|| Input::StopRequested);
        self.shared.apply(|| Input::Exited { code: None, signal: None });
    }
}

impl Drop for Worker {
    /// The task owns the child, and a dropped child is killed.
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Shared {
    fn apply(&self, input: impl FnOnce() -> Input) {
        self.set(|state| step(state, input()));
    }

    fn set(&self, next: impl FnOnce(State) -> State) {
        let mut changed_to = None;
        self.state.send_if_modified(|state| {
            let next = next(state.clone());
            let changed = *state != next;
            if changed {
                changed_to = Some(next.clone());
                *state = next;
            }
            changed
        });
        if let Some(state) = changed_to {
            (self.on_change)(&state);
        }
    }

    fn handle_line(&self, bytes: &[u8]) {
        match serde_json::from_slice::<WorkerLine>(bytes) {
            Ok(line) => {
                if let WorkerLine::Listening { address } = &line {
                    let _ = self.address.set(address.clone());
                }
                self.apply(|| Input::Line(line));
            }
            Err(error) => {
                tracing::debug!(%error, line = %String::from_utf8_lossy(bytes), "unknown worker line")
            }
        }
    }
}

type Lines = Split<BufReader<ChildStdout>>;

fn spawn(spec: &WorkerSpec, key: &str) -> Result<(Child, Lines), Failure> {
    let path = spec.binary.display().to_string();
    let mut child = Command::new(&spec.binary)
        .args(spec.args().to_args())
        .env(KEY_ENV, key)
        // The order of NVIDIA's management library, by which the hardware view numbers cards.
        .env("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            let code = match error.kind() {
                ErrorKind::NotFound => ErrorCode::WorkerMissing,
                ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
                // An update is replacing the program.
                ErrorKind::ExecutableFileBusy => ErrorCode::FileBusy,
                // The limit of processes, memory or open files is reached.
                ErrorKind::WouldBlock | ErrorKind::OutOfMemory => ErrorCode::SystemLimit,
                _ if matches!(error.raw_os_error(), Some(23 | 24)) => ErrorCode::SystemLimit,
                _ => ErrorCode::WorkerStartFailed,
            };
            Failure::new(code, format!("worker did not start: {error}")).with("path", &path)
        })?;
    let out = child.stdout.take().ok_or_else(|| {
        Failure::new(ErrorCode::WorkerStartFailed, "worker has no output").with("path", &path)
    })?;
    Ok((child, BufReader::new(out).split(b'\n')))
}

async fn supervise(shared: &Shared, mut child: Child, mut lines: Lines, mut stop: watch::Receiver<bool>) {
    let mut reading = true;
    let mut deadline: Option<Instant> = None;
    let status = loop {
        tokio::select! {
            line = lines.next_segment(), if reading => match line {
                Ok(Some(line)) => shared.handle_line(&line),
                _ => reading = false,
            },
            status = child.wait() => break status,
            Ok(()) = stop.changed(), if deadline.is_none() => {
                shared.apply(|| Input::StopRequested);
                terminate(&mut child);
                deadline = Some(Instant::now() + STOP_TIMEOUT);
            }
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                break kill(&mut child).await;
            }
        }
    };
    shared.pid.store(0, Ordering::Release);
    let rest = async {
        while let Ok(Some(line)) = lines.next_segment().await {
            shared.handle_line(&line);
        }
    };
    if reading && timeout(DRAIN_TIMEOUT, rest).await.is_err() {
        tracing::debug!("worker output stayed open after its end");
    }
    let (code, signal) = match status {
        Ok(status) => (status.code(), signal(status)),
        Err(error) => {
            tracing::warn!(%error, "worker status is unknown");
            (None, None)
        }
    };
    shared.apply(|| Input::Exited { code, signal });
}

async fn kill(child: &mut Child) -> std::io::Result<ExitStatus> {
    child.start_kill()?;
    child.wait().await
}

#[cfg(unix)]
fn terminate(child: &mut Child) {
    // `id` is `None` once the child was waited for, so the pid is not reused.
    if let Some(pid) = child.id().and_then(|id| libc::pid_t::try_from(id).ok()) {
        // SAFETY: kill takes two integers and touches no memory.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    let _ = child.start_kill();
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

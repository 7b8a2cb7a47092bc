//! Runs JavaScript that a model wrote, in QuickJS without its module of the system: no file, no network, no
//! output. It has limits of memory, stack and time; whatever it does, a run ends. Knows no tool and no test
//! set.
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rquickjs::context::EvalOptions;
use rquickjs::{Context, Ctx, Runtime, Value};

mod evaluate;
mod memory;

pub use self::evaluate::{Evaluation, evaluate};
use self::memory::LimitedMemory;

/// Bytes of everything that a program allocates.
const MEMORY: usize = 32 << 20;
/// Bytes of its calls, of the stack of the thread.
const STACK: usize = 512 << 10;
const THREAD_STACK: usize = 4 << 20;
/// For a program and all that follows it. The engine asks at calls and at the ends of loops.
const TIME: Duration = Duration::from_secs(1);
/// Until a thread that does not ask is left behind: some functions of the engine are long loops. It goes on
/// until the function ends, so it costs time of a processor, and nothing else.
const LEFT_BEHIND: Duration = Duration::from_secs(10);

/// What programs of other hosts expect, without effect.
pub const HOST: &str = "globalThis.module = { exports: {} }; globalThis.exports = module.exports;
    globalThis.console = { log() {}, info() {}, warn() {}, error() {}, debug() {} };";

/// How long a program may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub time: Duration,
    pub left_behind: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: TIME, left_behind: LEFT_BEHIND }
    }
}

/// Why a program has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It threw, could not be parsed, or reached the limit of time or stack. The text of what it threw, where
    /// it was asked for.
    Exception(String),
    Memory,
    /// It did not end, even when it was told to.
    LeftBehind,
}

impl From<rquickjs::Error> for Failure {
    fn from(_: rquickjs::Error) -> Self {
        Self::Exception(String::new())
    }
}

/// Runs `body` in a new context, within the limits.
///
/// # Errors
/// What `body` returns, or the limit that was reached.
pub fn run<T, E>(
    limits: Limits,
    body: impl for<'js> FnOnce(&Ctx<'js>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Failure> + From<rquickjs::Error> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    // A thread of its own has a stack of known size, and can be left behind.
    let thread = std::thread::Builder::new().stack_size(THREAD_STACK).spawn(move || {
        // No one waits for a thread that was left behind.
        let _ = sender.send(run_here(limits.time, body, sender.clone()));
    });
    if thread.is_err() {
        return Err(Failure::Exception(String::new()).into());
    }
    receiver.recv_timeout(limits.left_behind).unwrap_or_else(|_| Err(Failure::LeftBehind.into()))
}

/// At the limit of memory it sends the failure itself and does not return.
fn run_here<T, E>(
    time: Duration,
    body: impl for<'js> FnOnce(&Ctx<'js>) -> Result<T, E>,
    sender: mpsc::Sender<Result<T, E>>,
) -> Result<T, E>
where
    T: 'static,
    E: From<Failure> + From<rquickjs::Error> + 'static,
{
    let on_limit = move || _ = sender.send(Err(Failure::Memory.into()));
    let runtime = Runtime::new_with_alloc(LimitedMemory::new(MEMORY, on_limit))?;
    runtime.set_max_stack_size(STACK);
    let end = Instant::now() + time;
    runtime.set_interrupt_handler(Some(Box::new(move || Instant::now() >= end)));
    Context::full(&runtime)?.with(|ctx| body(&ctx))
}

/// The value of a script, as a browser runs one.
///
/// # Errors
/// It threw, or could not be parsed.
pub fn eval<'js>(ctx: &Ctx<'js>, source: &str) -> rquickjs::Result<Value<'js>> {
    let mut options = EvalOptions::default();
    options.strict = false;
    ctx.eval_with_options(source, options)
}

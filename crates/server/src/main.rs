//! The program `whaledeck-engine`: it loads a model and answers the OpenAI protocol on loopback.
//! Standard output has JSON lines and reports, standard error the log; everything else is in the library.
use std::io::{self, ErrorKind, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use server::args::{Args, Command};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The code that a shell gives a program that SIGPIPE ended: the output is incomplete, so 0 would be wrong.
const BROKEN_PIPE: u8 = 128 + 13;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    log_to_stderr();
    match run(args.command).await {
        Ok(code) => code,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            tracing::error!(%error, "the output could not be written");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> io::Result<ExitCode> {
    match command {
        Command::Serve(args) => Ok(server::serve(*args).await),
        Command::Inspect(args) => server::inspect(&args),
        Command::Extract(args) => server::extract(&args),
        Command::Places => server::places(),
        Command::Bench(args) => server::bench(&args),
        Command::CacheQuality(args) => server::cache_quality(&args),
    }
}

/// Standard output holds the lines and reports that other programs read.
fn log_to_stderr() {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    // Standard error may be closed, which must not end a worker.
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(filter)
        .log_internal_errors(false)
        .init();
}

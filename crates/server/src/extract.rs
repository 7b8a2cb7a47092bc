//! `whaledeck-engine extract`: the text of a document, or a page of it as a picture. A hostile file ends this
//! process and nothing else: time and memory are limited here, and it opens no file.
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use documents::DocumentError;
use protocol::{ErrorCode, ExtractArgs, WorkerFailure, WorkerLine};

use crate::worker_line::emit;

/// Readers of nested formats call themselves.
const STACK: usize = 64 << 20;

pub fn extract(args: &ExtractArgs) -> io::Result<ExitCode> {
    limit();
    let args = args.clone();
    let thread = thread::Builder::new().stack_size(STACK).spawn(move || read(&args))?;
    match thread.join() {
        Ok(Ok(Extracted::Text(line))) => {
            emit(&line);
            Ok(ExitCode::SUCCESS)
        }
        Ok(Ok(Extracted::Picture(png))) => {
            let mut out = io::stdout().lock();
            out.write_all(&png).and_then(|()| out.flush())?;
            Ok(ExitCode::SUCCESS)
        }
        Ok(Err(error)) => {
            emit(&WorkerLine::Failed { error: WorkerFailure::new(error.code(), error.to_string()) });
            Ok(ExitCode::FAILURE)
        }
        // The panic is on standard error.
        Err(_) => {
            let error = WorkerFailure::new(ErrorCode::DocumentInvalid, "the reader of the document failed");
            emit(&WorkerLine::Failed { error });
            Ok(ExitCode::FAILURE)
        }
    }
}

enum Extracted {
    Text(WorkerLine),
    Picture(Vec<u8>),
}

fn read(args: &ExtractArgs) -> Result<Extracted, DocumentError> {
    let bytes = documents::read_limited(io::stdin().lock())?;
    if let Some(page) = args.page {
        return documents::page_picture(bytes, page).map(Extracted::Picture);
    }
    let document = documents::extract(&args.name, bytes)?;
    Ok(Extracted::Text(WorkerLine::Extracted { document }))
}

/// Limits of this process, which the kernel enforces.
#[cfg(unix)]
fn limit() {
    use protocol::extract_limits::{CPU_SECONDS, MEMORY};
    use rustix::process::{Resource, Rlimit, setrlimit};

    let limits = [(Resource::As, MEMORY.0), (Resource::Cpu, CPU_SECONDS), (Resource::Core, 0)];
    for (resource, most) in limits {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        if let Err(error) = setrlimit(resource, limit) {
            tracing::warn!(%error, ?resource, "a limit could not be set");
        }
    }
}

/// Not run: on Windows only the time is limited, by the process that started this one.
#[cfg(not(unix))]
fn limit() {}

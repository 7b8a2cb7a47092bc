//! Prints the JSON lines of the protocol on standard output, where the process that started this one reads
//! them.
use std::io::Write;

use protocol::WorkerLine;

/// Prints one line. That the parent process has ended is noticed elsewhere, so a broken pipe is ignored.
pub fn emit(line: &WorkerLine) {
    let mut out = std::io::stdout().lock();
    let text = serde_json::to_string(line).expect("a line is plain data");
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

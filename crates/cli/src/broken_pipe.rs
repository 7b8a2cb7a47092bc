//! The end of the program when its output is closed, as by `| head -1`. The print macros panic then; the hook
//! turns that panic into an exit code, as rustc does. SIGPIPE stays ignored: it would also end this program
//! for a worker or an ssh that hung up.
use std::io::Write;

/// The code that a shell gives a program that SIGPIPE ended: the output is incomplete, so 0 would be wrong.
const BROKEN_PIPE: i32 = 128 + 13;
/// The end of the standard library's message for EPIPE.
const EPIPE: &str = "(os error 32)";

/// Call it first in `main`.
pub fn exit_on_print_error() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        let reason = message.strip_prefix("failed printing to ").and_then(|message| message.split_once(": "));
        let Some((_, reason)) = reason else { return default(panic) };
        if reason.ends_with(EPIPE) {
            std::process::exit(BROKEN_PIPE);
        }
        // Not by a macro, which would panic again where standard error is closed too.
        let _ = writeln!(std::io::stderr(), "failed to print: {reason}");
        std::process::exit(1);
    }));
}

//! Prints the report of a subcommand. An error of the write is returned, so that `main` can tell a closed
//! pipe.
use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;

/// The report as indented JSON on standard output, or the error on standard error.
pub fn print_report(report: Result<impl Serialize, String>) -> io::Result<ExitCode> {
    match report {
        Ok(report) => {
            let text = serde_json::to_string_pretty(&report).map_err(io::Error::other)?;
            print(&format!("{text}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => fail(&error),
    }
}

pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// An error that reads after "failed to".
pub fn fail(error: &str) -> io::Result<ExitCode> {
    writeln!(io::stderr(), "failed to {error}")?;
    Ok(ExitCode::FAILURE)
}

//! Automation of the house: `cargo xtask setup|run|test|test-engines|test-forms|test-package|bench|dist|cuda|bindings`.
//! The Makefile is a line over each. It installs what is missing, calls the ordinary tools, and says what it skips and why.

mod bench;
mod cuda;
mod dist;
mod engines;
mod forms;
mod llama_server;
mod package;
mod run;
mod setup;
mod shell;
mod test;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    std::env::set_current_dir(shell::root())?;
    match std::env::args().nth(1).as_deref() {
        Some("setup") => setup::all(),
        Some("run") => run::run(),
        Some("test") => test::test(),
        Some("test-engines") => engines::test_engines(),
        Some("test-forms") => forms::test_forms(),
        Some("test-package") => package::try_layout(),
        Some("bench") => bench::bench(),
        Some("dist") => dist::dist(),
        Some("cuda") => cuda::cuda(),
        Some("bindings") => run::bindings(),
        other => {
            bail!(
                "no task {other:?}; there are: setup, run, test, test-engines, test-forms, test-package, bench, dist, cuda, bindings"
            )
        }
    }
}

//! Automation of the workspace: `cargo xtask` with `setup`, `run`, `test`, `test-engines`, `test-forms`,
//! `test-package`, `bench`, `dist`, `kernels` or `bindings`. The Makefile calls these. It installs
//! what is missing, calls the ordinary tools, and prints what it skips and why.

mod bench;
mod dist;
mod engines;
mod forms;
mod kernels;
mod llama_server;
mod package;
mod published;
mod run;
mod setup;
mod shell;
mod test;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let sh = &shell::shell()?;
    match std::env::args().nth(1).as_deref() {
        Some("setup") => setup::all(sh),
        Some("run") => run::run(sh),
        Some("test") => test::test(sh),
        Some("test-engines") => engines::test_engines(sh),
        Some("test-forms") => forms::test_forms(sh),
        Some("test-package") => package::try_layout(sh),
        Some("bench") => bench::bench(sh),
        Some("dist") => dist::dist(sh),
        Some("kernels") => kernels::kernels(sh),
        Some("bindings") => run::bindings(sh),
        other => {
            bail!(
                "no task {other:?}; there are: setup, run, test, test-engines, test-forms, test-package, bench, dist, kernels, bindings"
            )
        }
    }
}

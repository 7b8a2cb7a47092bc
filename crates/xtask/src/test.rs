//! `make test`: everything that can be checked on a machine without a GPU or a display, cheapest first.
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{cmd, root, run, step, target};
use crate::{llama_server, package, setup};

/// Everything, with the UI inside the desktop program.
pub const WHOLE: &str = "--workspace --features whaledeck/custom-protocol";

pub fn test() -> Result<()> {
    step("set-up", setup::all)?;
    step("format", || run(&mut cmd("cargo", "fmt --all --check")))?;
    step("licences and advisories", licences)?;
    step("UI: types, unit tests, production build", || {
        run(&mut setup::npm("run check"))?;
        run(&mut setup::npm("test"))?;
        run(&mut setup::npm("run build"))
    })?;
    step("lints", || run(&mut cmd("cargo", &format!("clippy {WHOLE} --all-targets -- -D warnings"))))?;
    // One selection of packages for building and testing: another would build the dependencies a second time.
    step("programs under test", || run(&mut cmd("cargo", &format!("build {WHOLE}"))))?;
    let llama = step("llama-server, from its sources where it is not built yet", llama_server::environment)?;
    step("Rust: unit, boundary, fidelity and flow tests", || {
        run(cmd("cargo", &format!("test {WHOLE}"))
            .env("WHALEDECK_PYTHON", setup::python()?)
            .env("WHALEDECK_SSHD", setup::sshd()?.unwrap_or_default())
            .env("WHALEDECK_ENGINE", program("whaledeck-engine"))
            .envs(llama.clone()))
    })?;
    step("UI: every page in a browser", || {
        run(&mut setup::npm("run build:mock"))?;
        run(setup::npm("run pages").env("WHALEDECK_BROWSER", setup::browser()?))
    })?;
    step("the real window", || window(llama))?;
    step("the package, laid out from the debug programs", package::try_layout)
}

/// A program of the debug build.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Licences and sources always; advisories where their database can be fetched, which is a git repository and no
/// package registry.
fn licences() -> Result<()> {
    let deny = setup::cargo_deny()?;
    run(Command::new(&deny).args(["check", "licenses", "bans", "sources"]))?;
    let fetched = Command::new("timeout").arg("60").arg(&deny).args(["fetch", "db"]).output();
    if !fetched.is_ok_and(|fetched| fetched.status.success()) {
        println!("not run: advisories (their database cannot be reached from here)");
        return Ok(());
    }
    run(Command::new(&deny).args(["check", "advisories"]))
}

/// Drives the window under a virtual display, as a person would.
fn window(llama: [(&str, PathBuf); 2]) -> Result<()> {
    run(&mut in_window("tests/e2e/window.mjs"))?;
    run(&mut in_window("tests/e2e/starts.mjs"))?;
    run(&mut cmd("cargo", &format!("build {WHOLE} --example test-cloud")))?;
    run(in_window("tests/e2e/backends.mjs")
        .envs(llama)
        .env("WHALEDECK_TEST_CLOUD", program("examples/test-cloud")))
}

/// A script that drives the real window.
pub fn in_window(script: &str) -> Command {
    let mut driver = Command::new("xvfb-run");
    driver
        .args(["-a", "-s", "-screen 0 1280x800x24", "dbus-run-session", "--", "node", script])
        .env("LANG", "en_US.UTF-8")
        .env("WHALEDECK_BINARY", program("whaledeck"))
        .env("WHALEDECK_ENGINE", program("whaledeck-engine"))
        .env("WHALEDECK_GUIDE", root().join("assets/guide-model"));
    driver
}

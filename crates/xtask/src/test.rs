//! `make test`: everything that can be checked on a machine without a GPU or a display, cheapest first.
//! A step that fails ends the run. Tools that are missing are installed by `setup`, the first step.
use std::path::PathBuf;

use anyhow::Result;
use xshell::{Cmd, Shell, cmd};

use crate::shell::{Background, root, step, target, virtual_display};
use crate::{kernels, llama_server, package, published, setup};

/// Everything, with the UI inside the desktop program.
pub const WHOLE: [&str; 3] = ["--workspace", "--features", "whaledeck/custom-protocol"];

pub fn test(sh: &Shell) -> Result<()> {
    step("set-up", || setup::all(sh))?;
    // One large kernel keeps one core busy for minutes: others work meanwhile. Where all is built, both do
    // nothing.
    let kernels = Background::start("kernels of the card", kernels::packed);
    // Another value of the variable would build everything that links the card's crate again.
    let earlier = std::path::absolute(target().join("cuda/kernels.bin"))?;
    if earlier.is_file() {
        sh.set_var("WHALEDECK_KERNELS", earlier);
    }
    let llama = Background::start("llama-server, from its sources where it is not built yet", |sh| {
        llama_server::environment(sh)
    });
    step("format", || Ok(cmd!(sh, "cargo fmt --all --check").run()?))?;
    step("licences and advisories", || licences(sh))?;
    step("UI: format, lints, types, unit tests, production build", || {
        setup::npm(sh, &["run", "lint"])?;
        setup::npm(sh, &["run", "check"])?;
        setup::npm(sh, &["test"])?;
        setup::npm(sh, &["run", "build"])
    })?;
    step("lints", || Ok(cmd!(sh, "cargo clippy {WHOLE...} --all-targets -- -D warnings").run()?))?;
    if let Some(file) = kernels.finish()? {
        sh.set_var("WHALEDECK_KERNELS", file);
    }
    // One selection of packages for building and testing: another would build the dependencies a second time.
    step("programs under test", || Ok(cmd!(sh, "cargo build {WHOLE...}").run()?))?;
    let llama = llama.finish()?;
    let published =
        step("published model files, where they are not there yet", || published::environment(sh))?;
    let documents = step("documents, made by the programs that people use", || documents(sh))?;
    step("Rust: unit, boundary, fidelity and flow tests", || {
        cmd!(sh, "cargo test {WHOLE...}")
            .env("WHALEDECK_PYTHON", setup::python(sh)?)
            .env("WHALEDECK_NODE", setup::node_with_clients(sh)?)
            .env("WHALEDECK_AGENT", setup::agent(sh)?)
            .env("WHALEDECK_MCP_SERVERS", setup::mcp_servers(sh)?)
            .env("WHALEDECK_DOCUMENTS", documents)
            .env("WHALEDECK_SSHD", setup::sshd(sh)?.unwrap_or_default())
            .env("WHALEDECK_ENGINE", program("whaledeck-engine"))
            .envs(llama.clone())
            .envs(published)
            .run()
            .map_err(Into::into)
    })?;
    step("UI: every page in a browser", || {
        setup::npm(sh, &["run", "build:mock"])?;
        let _browser = sh.push_env("WHALEDECK_BROWSER", setup::browser(sh)?);
        setup::npm(sh, &["run", "pages"])
    })?;
    step("the real window", || window(sh, llama))?;
    step("the package, laid out from the debug programs", || package::try_layout(sh))
}

/// A program of the debug build.
pub fn program(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

/// Licences and sources always; advisories where their database can be fetched, which is a git repository and
/// no package registry.
fn licences(sh: &Shell) -> Result<()> {
    let deny = setup::cargo_deny(sh)?;
    cmd!(sh, "{deny} check licenses bans sources").run()?;
    if cmd!(sh, "timeout 60 {deny} fetch db").ignore_stderr().run().is_err() {
        println!("not run: advisories (their database cannot be reached from here)");
        return Ok(());
    }
    cmd!(sh, "{deny} check advisories").run()?;
    Ok(())
}

/// The folder with the documents of the tests; they are made again when the script changes.
fn documents(sh: &Shell) -> Result<PathBuf> {
    let script = root().join("tests/documents/make.py");
    let folder = target().join("tools/documents");
    let wanted = std::fs::read_to_string(&script)?;
    let stamp = folder.join("make.py");
    if !std::fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        let python = setup::python(sh)?;
        cmd!(sh, "{python} {script} {folder}").run()?;
        std::fs::write(&stamp, wanted)?;
    }
    Ok(folder)
}

/// Drives the window under a virtual display, as a user would.
fn window(sh: &Shell, llama: [(&str, PathBuf); 2]) -> Result<()> {
    twice(|| in_window(sh, "tests/e2e/window.mjs"))?;
    twice(|| in_window(sh, "tests/e2e/starts.mjs"))?;
    let examples = ["test-cloud", "test-hub", "test-mcp", "test-desktop"].map(|name| ["--example", name]);
    let examples = examples.as_flattened();
    cmd!(sh, "cargo build {WHOLE...} {examples...}").run()?;
    let hub = program("examples/test-hub");
    twice(|| in_window(sh, "tests/e2e/repositories.mjs").env("WHALEDECK_TEST_HUB", &hub))?;
    let with_cloud =
        |script: &str| in_window(sh, script).env("WHALEDECK_TEST_CLOUD", program("examples/test-cloud"));
    let servers = setup::mcp_servers(sh)?;
    twice(|| {
        with_cloud("tests/e2e/tools.mjs")
            .env("WHALEDECK_MCP_SERVERS", &servers)
            .env("WHALEDECK_TEST_MCP", program("examples/test-mcp"))
    })?;
    twice(|| with_cloud("tests/e2e/backends.mjs").envs(llama.clone()))
}

/// Runs a script, and once more where it fails: on a computer that does other work a window can be late. What
/// fails twice is an error; what failed once is in the output.
fn twice<'a>(script: impl Fn() -> Cmd<'a>) -> Result<()> {
    if let Err(error) = script().run() {
        println!("run again after: {error}");
        script().run()?;
    }
    Ok(())
}

/// A script that drives the real window.
pub fn in_window<'a>(sh: &'a Shell, script: &str) -> Cmd<'a> {
    virtual_display(sh, script)
        .env("WHALEDECK_BINARY", program("whaledeck"))
        .env("WHALEDECK_ENGINE", program("whaledeck-engine"))
        .env("WHALEDECK_GUIDE", root().join("assets/guide-model"))
}

//! Calling other programs. xshell splits a command where it is written, never inside a value, prints each
//! call and names the whole command of a failure.
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use xshell::{Cmd, Shell, cmd};

/// The root of the checkout that cargo was called in: the program itself can be in a target folder that
/// several share.
pub fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo runs this program");
    Path::new(&manifest).ancestors().nth(2).expect("crates/xtask is two below the root").to_owned()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A shell in the root of the checkout.
pub fn shell() -> Result<Shell> {
    let sh = Shell::new()?;
    sh.change_dir(root());
    Ok(sh)
}

/// Whether a program of this name is on the PATH.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// One named step of a longer task, with its time.
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("\n== {name}");
    let start = Instant::now();
    let done = work().with_context(|| format!("step '{name}'"))?;
    println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// A step that runs beside others, with a shell of its own.
pub struct Background<T> {
    name: &'static str,
    thread: JoinHandle<Result<T>>,
}

impl<T: Send + 'static> Background<T> {
    pub fn start(name: &'static str, work: impl FnOnce(&Shell) -> Result<T> + Send + 'static) -> Self {
        Self { name, thread: std::thread::spawn(move || work(&shell()?)) }
    }

    /// Waits for its end.
    pub fn finish(self) -> Result<T> {
        step(self.name, || self.thread.join().unwrap_or_else(|_| bail!("it panicked")))
    }
}

/// Runs a node script on a virtual display and a session bus of its own.
pub fn virtual_display<'a>(sh: &'a Shell, script: &str) -> Cmd<'a> {
    let screen = "-screen 0 1280x800x24";
    cmd!(sh, "xvfb-run -a -s {screen} dbus-run-session -- node {script}").env("LANG", "en_US.UTF-8")
}

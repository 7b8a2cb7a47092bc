//! The installed package, tried: its files laid out under a root of their own, and the window, the command
//! line and the worker asked there, with nothing of this checkout in reach. `make test` lays out the debug
//! programs as tauri.conf.json says; `make dist` unpacks the real package and compares it with the same list.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::shell::{root, target, virtual_display};

/// Where the files of the package come from, by their path in it: what Tauri's bundler makes of its
/// configuration.
pub fn files(profile: &str) -> Result<BTreeMap<PathBuf, PathBuf>> {
    let text = std::fs::read_to_string(root().join("tauri.conf.json"))?;
    let config: Value = serde_json::from_str(&text)?;
    let product = config["productName"].as_str().context("productName")?;
    let bundle = &config["bundle"];
    let built = |path: &str| match path.strip_prefix("target/release/") {
        Some(program) => target().join(profile).join(program),
        None => root().join(path),
    };
    let mut files = BTreeMap::from([("usr/bin/whaledeck".into(), target().join(profile).join("whaledeck"))]);
    for (from, to) in pairs(&bundle["resources"])? {
        let to = Path::new("usr/lib").join(product).join(to);
        for entry in std::fs::read_dir(root().join(from)).with_context(|| format!("read {from}"))? {
            let path = entry?.path();
            files.insert(to.join(path.file_name().context("a name")?), path);
        }
    }
    for (to, from) in pairs(&bundle["linux"]["deb"]["files"])? {
        files.insert(to.trim_start_matches('/').into(), built(from));
    }
    Ok(files)
}

fn pairs(table: &Value) -> Result<Vec<(&str, &str)>> {
    let table = table.as_object().context("a table of tauri.conf.json")?;
    table.iter().map(|(from, to)| Ok((from.as_str(), to.as_str().context("a path")?))).collect()
}

/// Lays out the debug programs and asks them.
pub fn try_layout(sh: &Shell) -> Result<()> {
    let root = tempfile::tempdir()?;
    for (to, from) in files("debug")? {
        let to = root.path().join(to);
        std::fs::create_dir_all(to.parent().context("a folder")?)?;
        // A second name is enough, and a debug program is large; another disk takes a copy.
        if std::fs::hard_link(&from, &to).is_err() {
            std::fs::copy(&from, &to).with_context(|| format!("copy {}", from.display()))?;
        }
    }
    ask(sh, root.path())
}

/// Unpacks a real package, compares it with what was meant, and asks its programs.
pub fn try_package(sh: &Shell, package: &Path) -> Result<()> {
    let root = tempfile::tempdir()?;
    let path = root.path();
    cmd!(sh, "dpkg-deb -x {package} {path}").run()?;
    let mut seen = BTreeMap::<Vec<u8>, PathBuf>::new();
    for (to, from) in files("release")? {
        let unpacked = root.path().join(&to);
        ensure!(unpacked.is_file(), "{} is not in the package", to.display());
        let bytes = std::fs::read(&unpacked)?;
        if !to.starts_with("usr/bin") {
            ensure!(bytes == std::fs::read(&from)?, "{} differs from {}", to.display(), from.display());
        }
        if let Some(other) = seen.insert(bytes, to.clone()) {
            bail!("{} and {} are the same file twice", to.display(), other.display());
        }
    }
    ask(sh, root.path())
}

/// Each program answers from what was unpacked, in a home of its own and with no variable of ours set.
fn ask(sh: &Shell, package: &Path) -> Result<()> {
    let home = tempfile::tempdir()?;
    let alone = |program: &str| {
        let mut command = Command::new(package.join("usr/bin").join(program));
        command
            .current_dir(home.path())
            .env_clear()
            .env("HOME", home.path())
            .env("PATH", "/usr/bin:/bin")
            .env("LANG", "C.UTF-8");
        command
    };
    let guide = package.join("usr/lib/Whaledeck/assets/guide-model");
    let inspected = said(alone("whaledeck-engine").arg("inspect").arg(&guide))?;
    ensure!(!inspected.trim().is_empty(), "the worker says nothing of the Guide");
    let answer = said(alone("whaledeck-cli").args(["--json", "ask", "What can I do with Whaledeck?"]))?;
    let answer: Value = serde_json::from_str(&answer).context("the answer of the command line")?;
    let text = answer["text"].as_str().unwrap_or_default();
    ensure!(text.split_whitespace().count() > 3, "the command line answers {answer}");
    println!("command line: {text}");
    window(sh, package)
}

/// What a program printed; where it failed, with what it said of that.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    ensure!(output.status.success(), "{command:?} ended with {}: {out}{err}", output.status);
    Ok(out)
}

/// The window opens, and its Guide answers.
fn window(sh: &Shell, package: &Path) -> Result<()> {
    let mut driver = virtual_display(sh, "tests/e2e/package.mjs");
    for name in ["WHALEDECK_DATA", "WHALEDECK_ENGINE", "WHALEDECK_GUIDE"] {
        driver = driver.env_remove(name);
    }
    driver.env("WHALEDECK_BINARY", package.join("usr/bin/whaledeck")).run()?;
    Ok(())
}

//! `make dist`: a Debian package. An AppImage needs tools that are fetched at build time; a release machine
//! makes it. The package is tried before it is called done: its files, its three programs and its size.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::shell::{step, target};
use crate::{kernels, package, run as app, setup};

/// The largest size of the package, in bytes: it is downloaded before anything can be tried.
const MAX_BYTES: u64 = 40_000_000;

pub fn dist(sh: &Shell) -> Result<()> {
    setup::build(sh)?;
    step("kernels of the card", || kernels::embed(sh))?;
    step("release programs", || app::build_release(sh))?;
    step("package", || {
        // Only packaging needs Tauri's command line, so it is fetched here and not by every `npm ci`.
        // The programs are built already; `tauri build` would build the window a second time.
        let tauri = ["exec", "--yes", "--package", "@tauri-apps/cli@2.12.5", "--", "tauri", "bundle"];
        setup::node_command(sh, "npm").args(tauri).args(["--bundles", "deb"]).run().map_err(Into::into)
    })?;
    let deb = newest_deb()?;
    step("compress", || compress(sh, &deb))?;
    step("try the package", || package::try_package(sh, &deb))?;
    let size = std::fs::metadata(&deb)?.len();
    println!("{}: {:.1} MB", deb.display(), size as f64 / 1e6);
    ensure!(size <= MAX_BYTES, "the package has {size} bytes; the limit is {MAX_BYTES}");
    Ok(())
}

/// The newest package: older versions stay in the folder.
fn newest_deb() -> Result<PathBuf> {
    let folder = target().join("release/bundle/deb");
    let packages = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let packages = packages.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let newest = packages.max_by_key(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok());
    newest.with_context(|| format!("no package in {}", folder.display()))
}

/// Tauri's bundler knows gzip only.
fn compress(sh: &Shell, deb: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (unpacked, smaller) = (folder.path().join("files"), folder.path().join("smaller.deb"));
    cmd!(sh, "dpkg-deb -R {deb} {unpacked}").run()?;
    cmd!(sh, "dpkg-deb --root-owner-group -Zxz -z9 -b {unpacked} {smaller}").run()?;
    std::fs::copy(&smaller, deb)?;
    Ok(())
}

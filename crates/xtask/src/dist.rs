//! `make dist`: a Debian package. An AppImage needs tools that are fetched at build time; a release machine makes it.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell::{root, run, step, target};
use crate::{package, run as app, setup};

/// What a package may weigh: it is downloaded before anything can be tried.
const MOST: u64 = 40_000_000;

pub fn dist() -> Result<()> {
    setup::build()?;
    step("release programs", app::build_release)?;
    step("package", || {
        // Only packaging needs Tauri's command line, so it is fetched here and not by every `npm ci`.
        let tauri = "exec --yes --package @tauri-apps/cli@2.12.5 -- tauri build --bundles deb --features custom-protocol";
        run(setup::npm(tauri).current_dir(root()))
    })?;
    let made = made()?;
    step("compress", || compress(&made))?;
    step("try the package", || package::try_package(&made))?;
    let size = std::fs::metadata(&made)?.len();
    println!("{}: {:.1} MB", made.display(), size as f64 / 1e6);
    ensure!(size <= MOST, "the package is {size} bytes, and {MOST} are the most");
    Ok(())
}

/// The newest package: older versions stay in the folder.
fn made() -> Result<PathBuf> {
    let folder = target().join("release/bundle/deb");
    let packages = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path());
    let packages = packages.filter(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let newest = packages.max_by_key(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok());
    newest.with_context(|| format!("no package in {}", folder.display()))
}

/// Tauri's bundler knows gzip only.
fn compress(package: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let (unpacked, smaller) = (place.path().join("files"), place.path().join("smaller.deb"));
    run(Command::new("dpkg-deb").arg("-R").arg(package).arg(&unpacked))?;
    let xz = ["--root-owner-group", "-Zxz", "-z9", "-b"];
    run(Command::new("dpkg-deb").args(xz).arg(&unpacked).arg(&smaller))?;
    std::fs::copy(&smaller, package)?;
    Ok(())
}

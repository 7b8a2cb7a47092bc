//! `make cuda`: the worker with its CUDA backend, built on a machine that needs neither a GPU nor NVIDIA's
//! toolkit. The compiler comes as Python packages; two lines of candle are changed in a copy under target/,
//! so that the worker starts on a machine without CUDA libraries and says so itself, instead of failing in
//! the loader.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::setup;
use crate::shell::{root, step, target};

/// One release of the toolkit: compiler, its back end, headers, the runtime to link, random numbers' headers.
const TOOLKIT: &[&str] = &[
    "nvidia-cuda-nvcc==13.0.88",
    "nvidia-nvvm==13.0.88",
    "nvidia-cuda-crt==13.0.88",
    "nvidia-cuda-runtime==13.0.96",
    "nvidia-cuda-cccl==13.0.85",
    "nvidia-curand==10.4.0.35",
];
/// Instructions of the A100 onward, compiled for the very card when the worker starts.
const COMPUTE_CAP: &str = "80";
/// (crate, file, what it says, what it must say)
const CHANGES: &[(&str, &str, &str, &str)] = &[
    ("candle-core", "Cargo.toml", "\"dynamic-linking\"", "\"dynamic-loading\""),
    (
        "candle-kernels",
        "build.rs",
        "cargo:rustc-link-lib=dylib=cudart\"",
        "cargo:rustc-link-lib=static=cudart_static\"",
    ),
];

pub fn cuda(sh: &Shell) -> Result<()> {
    setup::build(sh)?;
    let folder = std::path::absolute(target().join("cuda"))?;
    let (home, source, build) = (folder.join("toolkit"), folder.join("source"), folder.join("build"));
    step("CUDA compiler", || toolkit(sh, &folder, &home))?;
    step("sources", || copy_sources(sh, &source, &patched(sh, &folder)?))?;
    step("worker", || {
        let path = std::env::join_paths(
            std::iter::once(home.join("bin"))
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        let _folder = sh.push_dir(&source);
        cmd!(sh, "cargo build --release --package server --features cuda --target-dir {build}")
            .env("CUDA_HOME", &home)
            .env("PATH", path)
            .env("CUDA_COMPUTE_CAP", COMPUTE_CAP)
            .env("CUDAFORGE_THREADS", "2")
            .env("RUSTFLAGS", format!("-L native={}", home.join("lib").display()))
            .run()
            .map_err(Into::into)
    })?;
    println!("the worker: {}", build.join("release/whaledeck-engine").display());
    Ok(())
}

/// Unpacks the compiler's packages into one folder laid out as NVIDIA's own.
fn toolkit(sh: &Shell, folder: &Path, home: &Path) -> Result<()> {
    let stamp = home.join("packages.txt");
    let wanted = TOOLKIT.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    let (wheels, unpacked) = (folder.join("wheels"), folder.join("unpacked"));
    for path in [home, &wheels, &unpacked] {
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        fs::create_dir_all(path)?;
    }
    let python = setup::python(sh)?;
    cmd!(sh, "{python} -m pip download -q --no-deps --only-binary=:all: -d {wheels} {TOOLKIT...}").run()?;
    for wheel in fs::read_dir(&wheels)? {
        let wheel = wheel?.path();
        cmd!(sh, "{python} -m zipfile -e {wheel} {unpacked}").run()?;
    }
    let files = unpacked.join("nvidia/cu13/.");
    cmd!(sh, "cp -r {files} {home}").run()?;
    fs::remove_dir_all(&unpacked)?;
    let (bin, nvvm, lib64) = (home.join("bin"), home.join("nvvm/bin"), home.join("lib64"));
    cmd!(sh, "chmod -R +x {bin} {nvvm}").run()?;
    cmd!(sh, "ln -sfn lib {lib64}").run()?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Copies the two crates out of cargo's own store and changes one word in each.
fn patched(sh: &Shell, folder: &Path) -> Result<Vec<(String, PathBuf)>> {
    let metadata = cmd!(
        sh,
        "cargo metadata --format-version 1 --locked --features server/cuda --filter-platform host-tuple"
    );
    let metadata: Value = serde_json::from_str(&metadata.read()?)?;
    let mut copies = Vec::new();
    for (name, file, from, to) in CHANGES {
        let copy = folder.join(name);
        let stored =
            manifest_folder(&metadata, name).with_context(|| format!("find the source of {name}"))?;
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        cmd!(sh, "cp -r --preserve=timestamps {stored} {copy}").run()?;
        let text = fs::read_to_string(copy.join(file))?;
        ensure!(
            text.contains(from),
            "{name}/{file} no longer says {from}: look whether the change is still needed"
        );
        let changed = fs::metadata(copy.join(file))?.modified()?;
        fs::write(copy.join(file), text.replace(from, to))?;
        // The file keeps its time, or every build would compile the kernels again.
        fs::File::options().write(true).open(copy.join(file))?.set_modified(changed)?;
        copies.push(((*name).to_owned(), copy));
    }
    Ok(copies)
}

/// The folder of a crate in the output of `cargo metadata`.
fn manifest_folder(metadata: &Value, name: &str) -> Option<PathBuf> {
    let packages = metadata["packages"].as_array()?;
    let manifest = packages.iter().find(|package| package["name"] == name)?["manifest_path"].as_str()?;
    Path::new(manifest).parent().map(Path::to_owned)
}

/// The files of the checkout, in a workspace of their own whose lock file may differ from the committed one.
fn copy_sources(sh: &Shell, source: &Path, patches: &[(String, PathBuf)]) -> Result<()> {
    let wanted =
        ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "crates", "src-tauri", "tests/it", "assets"];
    let files = cmd!(sh, "git ls-files -z --cached --others --exclude-standard -- {wanted...}").read()?;
    for file in files.split_terminator('\0') {
        let (from, to) = (root().join(file), source.join(file));
        let same = |a: &Path, b: &Path| fs::read(a).ok() == fs::read(b).ok();
        if from.is_file() && !same(&from, &to) {
            fs::create_dir_all(to.parent().context("a file has a folder")?)?;
            fs::copy(&from, &to)?;
        }
    }
    let manifest = source.join("Cargo.toml");
    let mut text = fs::read_to_string(root().join("Cargo.toml"))?;
    text.push_str("\n[patch.crates-io]\n");
    for (name, copy) in patches {
        let Some(copy) = copy.to_str() else { bail!("{} is no text", copy.display()) };
        text.push_str(&format!("{name} = {{ path = {copy:?} }}\n"));
    }
    fs::write(manifest, text)?;
    Ok(())
}

//! `make kernels`: compiles `crates/cuda/kernels/*.cu` for every kind of card and packs them into one file
//! that the crate embeds. Needs neither a card nor NVIDIA's toolkit: the compiler is a library that comes as
//! a Python package. What did not change since the last time is not compiled again.
mod nvrtc;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use lzma_rust2::{XzOptions, XzWriter};
use xshell::{Shell, cmd};

use crate::setup;
use crate::shell::{root, target};
use nvrtc::Nvrtc;

/// The compiler and its two headers, by the hash of the package for each kind of processor. 12.9 is the last
/// whose code every driver since 525 runs.
const PACKAGES: &[(&str, [&str; 2])] = &[
    (
        "nvidia-cuda-nvrtc-cu12==12.9.86",
        [
            "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
            "096d4de6bda726415dfaf3198d4f5c522b8e70139c97feef5cd2ca6d4cd9cead",
        ],
    ),
    (
        "nvidia-cuda-runtime-cu12==12.9.79",
        [
            "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
            "83469a846206f2a733db0c42e223589ab62fd2fabac4432d2f8802de4bded0a4",
        ],
    ),
];
/// What is compiled: the name in the packed file, and the compiler's own. `crates/cuda/src/images.rs`
/// chooses. Code for 8.0 runs on 8.6 and 8.9 too, which have nothing that the kernels would use.
const TARGETS: &[(&str, &str)] =
    &[("sm_80", "sm_80"), ("sm_90a", "sm_90a"), ("sm_120", "sm_120"), ("ptx", "compute_90")];
/// No source has this name.
const PACKED: &str = "all-files";
const OPTIONS: &[&str] = &["--std=c++17", "--device-as-default-execution-space"];
/// Each takes some hundred megabytes.
const MAX_THREADS: usize = 8;

pub fn kernels(sh: &Shell) -> Result<()> {
    match packed(sh)? {
        Some(file) => println!("the kernels: {} ({} KB)", file.display(), fs::metadata(&file)?.len() / 1000),
        None => println!("no kernels: their compiler is for Linux"),
    }
    Ok(())
}

/// Compiles what is not there yet and lets every later call of cargo embed it.
///
/// # Errors
/// When a kernel does not compile, or its compiler cannot be had.
pub fn embed(sh: &Shell) -> Result<()> {
    if let Some(file) = packed(sh)? {
        sh.set_var("WHALEDECK_KERNELS", file);
    }
    Ok(())
}

/// As `embed`, for somebody who only wants the program: without the compiler it runs on the processor.
///
/// # Errors
/// When a kernel does not compile.
pub fn embed_if_possible(sh: &Shell) -> Result<()> {
    match toolkit(sh) {
        Ok(_) => embed(sh),
        Err(error) => {
            println!("not built: kernels for NVIDIA cards ({error:#}); this build uses the processor only");
            println!("未构建 NVIDIA 显卡的内核（{error:#}）；本次构建只使用处理器");
            Ok(())
        }
    }
}

/// One source for one target.
struct Job {
    source: PathBuf,
    target: &'static str,
    arch: &'static str,
    /// Where it is kept, under a name that changes with everything it is made of.
    kept: PathBuf,
}

/// The packed file, which `WHALEDECK_KERNELS` names. `None` where the compiler does not run.
///
/// # Errors
/// When a kernel does not compile.
pub fn packed(sh: &Shell) -> Result<Option<PathBuf>> {
    let Some(toolkit) = toolkit(sh)? else { return Ok(None) };
    let folder = std::path::absolute(target().join("cuda/kernels"))?;
    let sources = root().join("crates/cuda/kernels");
    let jobs = jobs(&sources, &folder)?;
    if jobs.is_empty() {
        return Ok(None);
    }
    let missing: Vec<&Job> = jobs.iter().filter(|job| !job.kept.is_file()).collect();
    if !missing.is_empty() {
        fs::create_dir_all(&folder)?;
        let nvrtc = Nvrtc::open(&toolkit.join("cuda_nvrtc/lib/libnvrtc.so.12"))?;
        let includes = [sources, toolkit.join("cuda_runtime/include")];
        compile(&nvrtc, &missing, &includes)?;
    }
    let file = folder.with_file_name("kernels.bin");
    let bytes = pack(&jobs, &folder)?;
    // The same bytes keep their time, or cargo would embed them again.
    if fs::read(&file).ok().as_ref() != Some(&bytes) {
        fs::write(&file, bytes)?;
    }
    tidy(&folder, &jobs)?;
    Ok(Some(file))
}

fn jobs(sources: &Path, folder: &Path) -> Result<Vec<Job>> {
    let mut files: Vec<PathBuf> = fs::read_dir(sources)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "cu"));
    files.sort();
    let mut jobs = Vec::new();
    for source in files {
        let name = source.file_stem().and_then(|name| name.to_str()).context("a source has a name")?;
        let mut texts = BTreeMap::new();
        read_with_headers(&source, &mut texts)?;
        for &(target, arch) in TARGETS {
            let mut hash = DefaultHasher::new();
            (PACKAGES, OPTIONS, &texts, target, arch).hash(&mut hash);
            let kept = folder.join(format!("{name}.{target}.{:016x}", hash.finish()));
            jobs.push(Job { source: source.clone(), target, arch, kept });
        }
    }
    Ok(jobs)
}

/// A source and the headers of ours that it names, and that those name, by file name.
fn read_with_headers(file: &Path, texts: &mut BTreeMap<String, String>) -> Result<()> {
    let name = file.file_name().and_then(|name| name.to_str()).context("a source has a name")?;
    if texts.contains_key(name) {
        return Ok(());
    }
    let text = fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    texts.insert(name.to_owned(), text.clone());
    let named = text.lines().filter_map(|line| line.trim().strip_prefix("#include \""));
    for header in named.filter_map(|rest| rest.split('"').next()) {
        read_with_headers(&file.with_file_name(header), texts)?;
    }
    Ok(())
}

/// Compiles on some threads; an error ends all of them after what they are at.
fn compile(nvrtc: &Nvrtc, jobs: &[&Job], includes: &[PathBuf]) -> Result<()> {
    println!("compiling {} kernel files", jobs.len());
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let threads = thread::available_parallelism()?.get().min(MAX_THREADS);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while failed.lock().expect("no panic holds it").is_none()
                    && let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    if let Err(error) = compile_one(nvrtc, job, includes) {
                        *failed.lock().expect("no panic holds it") = Some(error);
                    }
                }
            });
        }
    });
    failed.into_inner().expect("no panic holds it").map_or(Ok(()), Err)
}

fn compile_one(nvrtc: &Nvrtc, job: &Job, includes: &[PathBuf]) -> Result<()> {
    let text = fs::read_to_string(&job.source)?;
    let mut options: Vec<String> = OPTIONS.iter().map(|&option| option.to_owned()).collect();
    options.push(format!("--gpu-architecture={}", job.arch));
    options.extend(includes.iter().map(|folder| format!("-I{}", folder.display())));
    let image = nvrtc
        .compile(&text, &job.source.display().to_string(), &options, job.target == "ptx")
        .with_context(|| format!("{} for {}", job.source.display(), job.target))?;
    write_whole(&job.kept, &image)
}

/// The list and the files that `crates/cuda/src/images.rs` reads.
fn pack(jobs: &[Job], folder: &Path) -> Result<Vec<u8>> {
    let (mut list, mut files) = (String::new(), Vec::new());
    for &(target, _) in TARGETS {
        let kept: Vec<&Path> =
            jobs.iter().filter(|job| job.target == target).map(|job| job.kept.as_path()).collect();
        let plain: Vec<Vec<u8>> = kept.iter().map(fs::read).collect::<Result<_, _>>()?;
        let packed = packed_target(target, &kept, &plain, folder)?;
        let sizes: Vec<String> = plain.iter().map(|file| file.len().to_string()).collect();
        list.push_str(&format!("{target} {} {}\n", packed.len(), sizes.join(" ")));
        files.extend(packed);
    }
    list.push('\n');
    Ok([list.into_bytes(), files].concat())
}

/// The files of a target as one stream, which is kept too: packing takes some seconds.
fn packed_target(target: &str, kept: &[&Path], plain: &[Vec<u8>], folder: &Path) -> Result<Vec<u8>> {
    let mut hash = DefaultHasher::new();
    kept.hash(&mut hash);
    let file = folder.join(format!("{PACKED}.{target}.{:016x}", hash.finish()));
    if let Ok(packed) = fs::read(&file) {
        return Ok(packed);
    }
    let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(6))?;
    for file in plain {
        writer.write_all(file)?;
    }
    let packed = writer.finish()?;
    // Of the same target with other sources.
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with(&format!("{PACKED}.{target}.")) {
            fs::remove_file(&path)?;
        }
    }
    write_whole(&file, &packed)?;
    Ok(packed)
}

/// Writes a file whose name appears only when it is whole.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<()> {
    let partial = file.with_added_extension("partial");
    fs::write(&partial, bytes)?;
    fs::rename(partial, file)?;
    Ok(())
}

/// Deletes what earlier sources were compiled to.
fn tidy(folder: &Path, jobs: &[Job]) -> Result<()> {
    let current: BTreeSet<&Path> = jobs.iter().map(|job| job.kept.as_path()).collect();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let packed = path.file_stem().is_some_and(|name| name.to_string_lossy().starts_with(PACKED));
        if !packed && !current.contains(path.as_path()) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The compiler's packages, unpacked: their folder `nvidia`. `None` on a system that they are not made for.
fn toolkit(sh: &Shell) -> Result<Option<PathBuf>> {
    if !cfg!(target_os = "linux") {
        return Ok(None);
    }
    let home = std::path::absolute(target().join("cuda/nvrtc"))?;
    let wanted: String = PACKAGES
        .iter()
        .map(|(package, [x86, arm])| format!("{package} --hash=sha256:{x86} --hash=sha256:{arm}\n"))
        .collect();
    let stamp = home.join("packages.txt");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(Some(home.join("nvidia")));
    }
    let wheels = home.with_file_name("nvrtc-wheels");
    for folder in [&home, &wheels] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    let list = wheels.join("packages.txt");
    fs::write(&list, &wanted)?;
    let python = setup::pip(sh)?;
    cmd!(sh, "{python} -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all:")
        .args(["--require-hashes", "-r"])
        .arg(&list)
        .arg("-d")
        .arg(&wheels)
        .run()?;
    for entry in fs::read_dir(&wheels)? {
        let wheel = entry?.path();
        if wheel.extension().is_some_and(|extension| extension == "whl") {
            cmd!(sh, "{python} -m zipfile -e {wheel} {home}").run()?;
        }
    }
    ensure!(home.join("nvidia").is_dir(), "the packages of the compiler hold no folder 'nvidia'");
    fs::remove_dir_all(&wheels)?;
    fs::write(stamp, wanted)?;
    Ok(Some(home.join("nvidia")))
}

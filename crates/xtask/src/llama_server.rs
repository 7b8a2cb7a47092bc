//! llama.cpp's server for the tests: built once from the source package of llama-cpp-python, which pip
//! fetches and checks, and kept under target/. And the Guide as a GGUF file for it.
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::setup;
use crate::shell::{root, target};

const VERSION: &str = "0.3.36";
const SHA256: &str = "832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e";
/// One backend, no TLS, no page, no other program, and less optimising: a small model is quick enough. No
/// `-march=native`, because a cache of CI may meet another processor.
const OPTIONS: &[&str] = &[
    "-DCMAKE_BUILD_TYPE=Release",
    "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG",
    "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -DNDEBUG",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DGGML_BLAS=OFF",
    "-DGGML_LLAMAFILE=OFF",
    "-DGGML_CPU_REPACK=OFF",
    "-DGGML_CCACHE=OFF",
    "-DLLAMA_OPENSSL=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
];

fn program() -> PathBuf {
    target().join(format!("tools/llama-server-{VERSION}/llama-server"))
}

/// Builds it where it is not there yet.
fn build(sh: &Shell) -> Result<PathBuf> {
    let program = program();
    if program.is_file() {
        return Ok(program);
    }
    let work = target().join("tools/llama-server-build");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let source = source(sh, &work)?;
    let build = work.join("build");
    cmd!(sh, "cmake -G Ninja -S {source} -B {build} {OPTIONS...}").run()?;
    cmd!(sh, "nice ninja llama-server -C {build}").run()?;
    // The final name appears only when the build is complete.
    let home = work.join("done");
    fs::create_dir_all(&home)?;
    fs::rename(build.join("bin/llama-server"), home.join("llama-server"))?;
    let folder = program.parent().expect("has a folder");
    let _ = fs::remove_dir_all(folder);
    fs::rename(home, folder)?;
    fs::remove_dir_all(work)?;
    Ok(program)
}

/// llama.cpp alone, out of the package.
fn source(sh: &Shell, work: &Path) -> Result<PathBuf> {
    let list = work.join("requirements.txt");
    fs::write(&list, format!("llama-cpp-python=={VERSION} --hash=sha256:{SHA256}\n"))?;
    let python = setup::python(sh)?;
    cmd!(sh, "{python} -m pip download -q --disable-pip-version-check --no-deps --require-hashes -d {work} -r {list}")
        .args(["--no-binary", "llama-cpp-python"])
        .run()?;
    let package = work.join(format!("llama_cpp_python-{VERSION}.tar.gz"));
    if !package.is_file() {
        bail!("pip left no {}", package.display());
    }
    let source = work.join("source");
    fs::create_dir_all(&source)?;
    let wanted = "*/vendor/llama.cpp/*";
    cmd!(sh, "tar --strip-components=3 --wildcards -xzf {package} -C {source} {wanted}").run()?;
    Ok(source)
}

/// The environment variables by which tests find both.
pub fn environment(sh: &Shell) -> Result<[(&'static str, PathBuf); 2]> {
    Ok([("WHALEDECK_LLAMA_SERVER", build(sh)?), ("WHALEDECK_GUIDE_GGUF", guide(sh)?.join("guide.gguf"))])
}

/// A folder with the Guide as other engines read it: `guide.gguf`, and `guide` for transformers.
pub fn guide(sh: &Shell) -> Result<PathBuf> {
    let folder = std::path::absolute(target().join("engines"))?;
    fs::create_dir_all(&folder)?;
    let script = root().join("tests/fixtures/engines/guide.py");
    let python = setup::python(sh)?;
    cmd!(sh, "{python} {script} {folder}").run()?;
    Ok(folder)
}

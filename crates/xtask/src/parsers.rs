//! `make test-parsers`: the scripts of every plan, read by the argument parsers of SGLang and vLLM themselves. Apart from
//! `make test`, because those two bring gigabytes along.
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::setup;
use crate::shell::{cmd, root, run, step, target};

/// The versions that the plans are written for.
const ENGINES: [(&str, &str); 2] = [("sglang", "0.5.23"), ("vllm", "0.33.0")];
/// What their parsers import. PyTorch comes with compressed-tensors.
const IMPORTED: &str = "transformers==5.23.0 compressed-tensors pydantic pydantic-settings requests numpy packaging \
    regex pyzmq orjson fastapi uvicorn uvloop psutil msgspec cachetools cloudpickle pillow aiohttp prometheus_client openai \
    openai-harmony mistral-common partial-json-parser lark watchfiles python-json-logger setproctitle jinja2 filelock \
    typing_extensions py-cpuinfo blake3 pybase64 cbor2 ipython";

pub fn test_parsers() -> Result<()> {
    let place = target().join("parsers");
    fs::create_dir_all(&place)?;
    let scripts = std::path::absolute(place.join("scripts.jsonl"))?;
    step("scripts of every plan", || {
        run(cmd("cargo", "test --quiet --package deploy --test plans -- --ignored scripts_of_every_plan")
            .env("WHALEDECK_SCRIPTS", &scripts))
    })?;
    let (environment, base) = (place.join("python"), setup::python()?);
    let python = environment.join("bin/python");
    step("what the parsers import", || {
        if !python.is_file() {
            run(Command::new(&base).args(["-m", "venv"]).arg(&environment))?;
        }
        run(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(IMPORTED.split_whitespace()))
    })?;
    for (name, version) in ENGINES {
        let folder = place.join(format!("{name}-{version}"));
        step(name, || {
            if !folder.is_dir() {
                unpack(&python, name, version, &folder)?;
            }
            let script = root().join("tests/fixtures/engines/parse.py");
            run(Command::new(&python).arg(script).arg(name).arg(&folder).arg(&scripts))
        })?;
    }
    Ok(())
}

/// The wheel without what is compiled: no part of it runs here, and no other package is asked for.
fn unpack(python: &Path, name: &str, version: &str, folder: &Path) -> Result<()> {
    let wheels = folder.with_extension("wheel");
    run(Command::new(python)
        .args(["-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version", "3.12"])
        .args(
            ["2_17", "2_28", "2_31", "2_34", "2_35"]
                .map(|glibc| format!("--platform=manylinux_{glibc}_x86_64")),
        )
        .args(["--abi", "cp312", "--abi", "abi3", "--abi", "none", "-d"])
        .arg(&wheels)
        .arg(format!("{name}=={version}")))?;
    let part = folder.with_extension("part");
    for wheel in fs::read_dir(&wheels)? {
        run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(wheel?.path()).arg(&part))?;
    }
    fs::rename(part, folder)?;
    fs::remove_dir_all(wheels)?;
    Ok(())
}

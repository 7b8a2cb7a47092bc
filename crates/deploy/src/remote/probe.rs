//! Probes a host: its system, installed engines, GPUs and a free port; and reads the log of a deployment
//! there. Starts nothing and changes nothing on the host.
use super::host::Host;
use super::log::{LogLine, redact, split_lines};
use super::ssh::Transport;
use crate::Failure;
use plan::Engine;

const PROBE: &str = include_str!("scripts/probe.sh");
const READ_LOG: &str = include_str!("scripts/read_log.sh");
/// Bytes of the end of a log that [`read_log`] reads.
const LOG_BYTES: &str = "262144";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct HostReport {
    /// Such as "Linux x86_64".
    pub system: String,
    pub engines: Vec<InstalledEngine>,
    pub gpus: Vec<Gpu>,
    /// A free port: the requested one or the next free one above it.
    pub port: Option<u16>,
}

/// An engine that was found on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledEngine {
    pub engine: Engine,
    /// The version that it reports, such as "0.33.1"; for llama.cpp a build number.
    pub version: Option<String>,
}

impl HostReport {
    pub fn installed(&self, engine: Engine) -> Option<&InstalledEngine> {
        self.engines.iter().find(|one| one.engine == engine)
    }
}

/// A GPU as NVIDIA's driver reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    pub name: String,
    /// Bytes; `None` where the driver reports none, as for a GPU that shares the system's memory.
    pub memory: Option<u64>,
}

/// Probes a host in a shell that ran the lines of `setup`, for a free port from `port` up.
pub async fn probe(
    transport: &Transport,
    host: &Host,
    setup: &str,
    port: u16,
) -> Result<HostReport, Failure> {
    let values = [("setup", setup), ("port", &port.to_string())];
    let output = transport.run(host, "probe", PROBE, &values).await?;
    Ok(parse(&output))
}

/// The last log lines of a node of a deployment, with its API key redacted.
pub async fn read_log(
    transport: &Transport,
    host: &Host,
    node_id: &str,
    key: Option<&str>,
) -> Result<Vec<LogLine>, Failure> {
    let output = transport.run(host, node_id, READ_LOG, &[("max_bytes", LOG_BYTES)]).await?;
    Ok(split_lines(&redact(&output, key)))
}

fn parse(output: &str) -> HostReport {
    let mut report = HostReport::default();
    for line in output.lines() {
        match line.split_once(' ') {
            Some(("system", system)) => report.system = system.to_owned(),
            Some(("engine", engine)) => {
                let (name, version) = engine.split_once(' ').unwrap_or((engine, ""));
                let engine = Engine::from_name(name);
                report.engines.extend(
                    engine.map(|engine| InstalledEngine { engine, version: version_number(version) }),
                );
            }
            Some(("gpu", gpu)) => report.gpus.extend(gpu.rsplit_once(',').map(|(name, mib)| {
                let mib: Option<u64> = mib.trim().parse().ok();
                Gpu { name: name.trim().to_owned(), memory: mib.and_then(|mib| mib.checked_mul(1 << 20)) }
            })),
            Some(("port", port)) => report.port = port.parse().ok(),
            _ => {}
        }
    }
    report
}

/// The version number in "0.33.1", "version: 6123 (abc)" or "ollama version is 0.12.3".
fn version_number(text: &str) -> Option<String> {
    let is_number = |word: &&str| word.starts_with(|letter: char| letter.is_ascii_digit());
    let word = text.split([' ', ',', '(', ')']).find(is_number)?;
    Some(word.trim_end_matches('.').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_tells_what_it_has() {
        let output = "Welcome!\nsystem Linux x86_64\nengine vllm 0.33.1\nengine llama-server version: 6123 (b1d2c3)\n\
                    engine ollama client version is 0.12.3\nengine sglang \n\
                    gpu NVIDIA H100 80GB HBM3, 81559\ngpu NVIDIA H100 80GB HBM3, [N/A]\nport 8001\n";
        let gpu = |memory| Gpu { name: "NVIDIA H100 80GB HBM3".into(), memory };
        let installed =
            |engine, version: Option<&str>| InstalledEngine { engine, version: version.map(str::to_owned) };
        let engines = vec![
            installed(Engine::Vllm, Some("0.33.1")),
            installed(Engine::LlamaServer, Some("6123")),
            installed(Engine::Ollama, Some("0.12.3")),
            installed(Engine::Sglang, None),
        ];
        let gpus = vec![gpu(Some(81_559 << 20)), gpu(None)];
        let all = HostReport { system: "Linux x86_64".into(), engines, gpus, port: Some(8001) };
        assert_eq!(parse(output), all);
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

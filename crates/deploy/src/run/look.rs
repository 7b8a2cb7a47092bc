//! One question to a machine: what it has for an engine, or what an engine last said there. Starts nothing.
use super::log::{LogLine, lines_of};
use super::machine::{Machine, Reaching};
use crate::Failure;
use crate::plan::Engine;

const LOOK: &str = include_str!("scripts/look.sh");
const READ: &str = include_str!("scripts/read.sh");
/// Of the log, for whoever asks once.
const LOG_BYTES: &str = "262144";

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Looked {
    /// Such as "Linux x86_64".
    pub system: String,
    pub engines: Vec<Engine>,
    pub gpus: Vec<Gpu>,
    /// Free there, the wanted one or one above it.
    pub port: Option<u16>,
}

/// As NVIDIA's driver names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpu {
    pub name: String,
    /// Bytes.
    pub memory: u64,
}

/// What the machine has, after the lines `first`; and a free port from `port` on.
pub async fn look(reaching: &Reaching, machine: &Machine, first: &str, port: u16) -> Result<Looked, Failure> {
    let values = [("first", first), ("port", &port.to_string())];
    let said = reaching.ask(machine, "look", LOOK, &values).await?;
    Ok(read(&said))
}

/// The last lines of a part of a deployment on its machine.
pub async fn read_log(reaching: &Reaching, machine: &Machine, part: &str) -> Result<Vec<LogLine>, Failure> {
    let said = reaching.ask(machine, part, READ, &[("most", LOG_BYTES)]).await?;
    Ok(lines_of(&said))
}

fn read(said: &str) -> Looked {
    let mut looked = Looked::default();
    for line in said.lines() {
        match line.split_once(' ') {
            Some(("system", system)) => looked.system = system.to_owned(),
            Some(("engine", name)) => looked.engines.extend(Engine::named(name)),
            Some(("gpu", gpu)) => looked.gpus.extend(gpu.rsplit_once(',').and_then(|(name, mib)| {
                let mib: u64 = mib.trim().parse().ok()?;
                Some(Gpu { name: name.trim().to_owned(), memory: mib << 20 })
            })),
            Some(("port", port)) => looked.port = port.parse().ok(),
            _ => {}
        }
    }
    looked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_tells_what_it_has() {
        let said = "Welcome!\nsystem Linux x86_64\nengine vllm\nengine llama-server\n\
                    gpu NVIDIA H100 80GB HBM3, 81559\ngpu NVIDIA H100 80GB HBM3, [N/A]\nport 8001\n";
        let gpu = Gpu { name: "NVIDIA H100 80GB HBM3".into(), memory: 81_559 << 20 };
        let engines = vec![Engine::Vllm, Engine::LlamaServer];
        let all = Looked { system: "Linux x86_64".into(), engines, gpus: vec![gpu], port: Some(8001) };
        assert_eq!(read(said), all);
    }
}

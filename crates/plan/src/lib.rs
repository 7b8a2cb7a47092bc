//! From a model and an inventory of hosts and GPUs to the command line that serves it, with a reason for each
//! argument, or to the sizes that say why it does not fit and to alternatives that do. `render` writes a plan
//! as files for shells, compose, Kubernetes, systemd and ollama. Pure: no process, network, file or clock.

mod alternative;
mod bind_address;
mod choice_reason;
mod choose;
mod container;
mod engine;
mod inventory;
mod llama_server;
mod ollama;
mod ollama_source;
mod parsers;
mod reason;
pub mod render;
mod request;
mod sglang;
mod vllm;

use catalog::{KvDtype, Memory, Parallelism};

pub use alternative::Alternative;
pub use choose::Rejection;
pub use container::Container;
pub use engine::Engine;
pub use inventory::{Inventory, InventoryError};
pub use reason::{Reason, ReasonCode, ReasonValue};
pub use request::DeployRequest;

use choose::{Choice, choose};

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub engine: Engine,
    pub model_id: String,
    pub model_name: String,
    pub variant_id: String,
    pub precision: String,
    /// Bytes of the weight files.
    pub size: u64,
    /// The part of the requested inventory that the plan uses.
    pub inventory: Inventory,
    pub parallelism: Parallelism,
    pub replicas: u32,
    pub kv: KvDtype,
    pub memory: Memory,
    pub context: u32,
    pub sequences: u32,
    /// The program and its leading arguments, as installed on a host.
    pub program: &'static [&'static str],
    pub arguments: Vec<Argument>,
    pub environment: Vec<Argument>,
    /// Lines of an ollama Modelfile; empty for the other engines.
    pub modelfile: Vec<Argument>,
    pub notes: Vec<Reason>,
    /// `None` where a container does not reach the GPU.
    pub container: Option<Container>,
    pub port: u16,
    pub health: &'static str,
    pub ray: bool,
}

/// One flag, environment variable or Modelfile line, with the reason for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Empty for a positional argument.
    pub name: &'static str,
    pub value: Value,
    pub reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    None,
    Text(String),
    /// The address of the first host, with a port where one is set.
    Leader(Option<u16>),
    /// The rank of the host, from 0.
    Rank,
    /// A flag without a value for every host but the first.
    FollowersOnly,
    /// The API key that clients must send. It is set at start and is in no file of a plan.
    Key,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlanError {
    /// One for each requested variant.
    pub rejections: Vec<Rejection>,
    /// Configurations that would work, the closest to the request first.
    pub alternatives: Vec<Alternative>,
}

/// A plan for the first engine that serves the variant on these hosts, in the order of [`Engine::ALL`]; else
/// the error of the first engine that reads the variant's file format.
pub fn plan_any_engine(request: &DeployRequest, inventory: &Inventory) -> Result<Plan, PlanError> {
    let mut first_error: Option<PlanError> = None;
    for engine in Engine::ALL {
        match plan(&DeployRequest { engine, ..request.clone() }, inventory) {
            Ok(plan) => return Ok(plan),
            Err(error)
                if first_error
                    .as_ref()
                    .is_none_or(|first| !first.reads_variant() && error.reads_variant()) =>
            {
                first_error = Some(error);
            }
            Err(_) => {}
        }
    }
    Err(first_error.unwrap_or(PlanError { rejections: Vec::new(), alternatives: Vec::new() }))
}

impl PlanError {
    /// Whether the engine reads at least one of the variants on these GPUs.
    fn reads_variant(&self) -> bool {
        use ReasonCode::{
            CardUnknownToEngine, FilesInParts, ModelUnknownToEngine, NoBf16, NoFiles, NoFp4, NoFp8,
            NoSparseAttention,
        };
        let unsupported = [
            NoFiles,
            NoFp8,
            NoFp4,
            NoBf16,
            NoSparseAttention,
            CardUnknownToEngine,
            ModelUnknownToEngine,
            FilesInParts,
        ];
        self.rejections.iter().any(|rejection| !unsupported.contains(&rejection.reason.code))
    }
}

pub fn plan(request: &DeployRequest, inventory: &Inventory) -> Result<Plan, PlanError> {
    match choose(request, inventory) {
        Ok(choice) => Ok(build(request, inventory, &choice)),
        Err(rejections) => {
            Err(PlanError { rejections, alternatives: alternative::alternatives(request, inventory) })
        }
    }
}

fn build(request: &DeployRequest, inventory: &Inventory, choice: &Choice) -> Plan {
    let command = match request.engine {
        Engine::Sglang => sglang::command(request, inventory, choice),
        Engine::Vllm => vllm::command(request, inventory, choice),
        Engine::LlamaServer => llama_server::command(request, choice),
        Engine::Ollama => ollama::command(request, choice),
    };
    let container = Container::of(request.engine, &inventory.gpu);
    Plan {
        engine: request.engine,
        model_id: request.model.id.clone(),
        model_name: request.model.name.clone(),
        variant_id: choice.variant.id.clone(),
        precision: choice.variant.precision.clone(),
        size: choice.variant.size,
        inventory: Inventory { hosts: choice.hosts, ..inventory.clone() },
        parallelism: choice.parallelism,
        replicas: choice.replicas,
        kv: choice.kv,
        memory: choice.memory,
        context: choice.context,
        sequences: choice.sequences,
        program: command.program,
        arguments: command.arguments,
        environment: command.environment,
        modelfile: command.modelfile,
        notes: notes(request, inventory, choice, container.as_ref()),
        container,
        port: command.port,
        health: command.health,
        ray: request.ray && request.engine == Engine::Vllm && choice.hosts > 1,
    }
}

/// The command line of one engine, as the module of that engine writes it.
struct EngineCommand {
    program: &'static [&'static str],
    arguments: Vec<Argument>,
    environment: Vec<Argument>,
    modelfile: Vec<Argument>,
    port: u16,
    health: &'static str,
}

fn flag(name: &'static str, reason: Reason) -> Argument {
    Argument { name, value: Value::None, reason }
}

fn set(name: &'static str, value: impl ToString, reason: Reason) -> Argument {
    Argument { name, value: Value::Text(value.to_string()), reason }
}

/// A sampling parameter that the model recommends.
fn recommended(name: &'static str, value: f32, code: ReasonCode) -> Argument {
    set(name, value, Reason::new(code).with("value", value.to_string()))
}

fn notes(
    request: &DeployRequest,
    inventory: &Inventory,
    choice: &Choice,
    container: Option<&Container>,
) -> Vec<Reason> {
    let mut notes = Vec::new();
    if !choice.fits {
        notes.push(
            Reason::new(ReasonCode::ShortContext)
                .with("tokens", choice.memory.tokens)
                .with("context", choice.context)
                .with("sequences", choice.sequences)
                .with("wanted", request.context)
                .with("times", request.sequences),
        );
    }
    let latent = matches!(request.model.cache, catalog::KvCache::Mla { .. });
    if latent && choice.parallelism.tensor > 1 && choice.parallelism.attention_data == 1 {
        notes.push(Reason::new(ReasonCode::ReplicatedCache).with("cards", choice.parallelism.tensor));
    }
    if choice.hosts < inventory.hosts {
        notes.push(Reason::new(ReasonCode::UnusedMachines).with("machines", inventory.hosts - choice.hosts));
    }
    let used = choice.parallelism.gpus() * choice.replicas;
    if choice.hosts == 1 && used < inventory.gpus_per_host {
        notes.push(Reason::new(ReasonCode::UnusedCards).with("cards", inventory.gpus_per_host - used));
    }
    if request.engine == Engine::Ollama {
        notes.push(Reason::new(ReasonCode::OllamaHere));
    }
    if choice.variant.precision == "FP8" && catalog::has_marlin_fp8(&inventory.gpu) {
        notes.push(Reason::new(ReasonCode::Fp8Widened).with("card", inventory.gpu.label()));
    }
    if let Some(container) = container.filter(|container| container.tag_unverified) {
        notes.push(Reason::new(ReasonCode::AmdImage).with("image", &container.image));
    }
    notes
}

//! From "this model on these machines" to every word of the commands that serve it, each with its reason, or to numbers
//! that say why not and what would do. Pure: asks no network, no card and no clock.

mod choose;
mod container;
mod door;
mod explained;
mod llama_server;
mod offer;
mod ollama;
mod parsers;
mod sglang;
mod vllm;
mod wish;

use catalog::{Division, KvDtype, Memory};

pub use choose::Refusal;
pub use container::Container;
pub use explained::{Code, Explained};
pub use offer::Offer;
pub use wish::{Engine, Inventory, InventoryError, Spec};

use choose::{Choice, choose};
use explained::size;

#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub engine: Engine,
    pub model_id: String,
    pub model_name: String,
    pub variant_id: String,
    pub precision: String,
    /// Bytes of the files.
    pub size: u64,
    /// What is used of what there is.
    pub inventory: Inventory,
    pub division: Division,
    pub replicas: u32,
    pub kv: KvDtype,
    pub memory: Memory,
    pub context: u32,
    pub sequences: u32,
    /// The program and its first words, as installed on a machine.
    pub program: &'static [&'static str],
    pub arguments: Vec<Argument>,
    pub environment: Vec<Argument>,
    /// Lines of an ollama Modelfile; empty for the others.
    pub modelfile: Vec<Argument>,
    pub notes: Vec<Explained>,
    pub container: Container,
    pub port: u16,
    pub health: &'static str,
    pub ray: bool,
}

/// One flag, variable or line, and why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Empty for a word that stands alone.
    pub name: &'static str,
    pub value: Value,
    pub why: Explained,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    None,
    Text(String),
    /// The address of the first machine, with a port where there is one.
    Leader(Option<u16>),
    /// The number of the machine, from 0.
    Rank,
    /// A word for all machines but the first.
    OnFollowers,
    /// What callers have to show: known to whoever starts it, and in no file of a plan.
    Key,
}

#[derive(Debug, Clone, PartialEq)]
pub struct NotEnough {
    /// One for each set of files that was asked for.
    pub refusals: Vec<Refusal>,
    /// What would do, the nearest first.
    pub offers: Vec<Offer>,
}

/// With the first engine that serves the files on these machines, the recommended ones first; else why the first one that reads
/// them does not.
pub fn plan_with_any(spec: &Spec, inventory: &Inventory) -> Result<Plan, NotEnough> {
    let mut refused: Option<NotEnough> = None;
    for engine in Engine::ALL {
        match plan(&Spec { engine, ..spec.clone() }, inventory) {
            Ok(plan) => return Ok(plan),
            Err(why) if refused.as_ref().is_none_or(|first| !first.reads_files() && why.reads_files()) => {
                refused = Some(why);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or(NotEnough { refusals: Vec::new(), offers: Vec::new() }))
}

impl NotEnough {
    /// Whether some of the files are of a form that the engine reads on these cards.
    fn reads_files(&self) -> bool {
        use Code::{CardUnknownToEngine, FilesInParts, NoBf16, NoFiles, NoFp4, NoFp8};
        let barred = [NoFiles, NoFp8, NoFp4, NoBf16, CardUnknownToEngine, FilesInParts];
        self.refusals.iter().any(|refusal| !barred.contains(&refusal.why.code))
    }
}

pub fn plan(spec: &Spec, inventory: &Inventory) -> Result<Plan, NotEnough> {
    match choose(spec, inventory) {
        Ok(choice) => Ok(written(spec, inventory, &choice)),
        Err(refusals) => Err(NotEnough { refusals, offers: offer::offers(spec, inventory) }),
    }
}

fn written(spec: &Spec, inventory: &Inventory, choice: &Choice) -> Plan {
    let words = match spec.engine {
        Engine::Sglang => sglang::words(spec, inventory, choice),
        Engine::Vllm => vllm::words(spec, inventory, choice),
        Engine::LlamaServer => llama_server::words(spec, choice),
        Engine::Ollama => ollama::words(spec, choice),
    };
    let container = Container::of(spec.engine, &inventory.card);
    Plan {
        engine: spec.engine,
        model_id: spec.model.id.clone(),
        model_name: spec.model.name.clone(),
        variant_id: choice.variant.id.clone(),
        precision: choice.variant.precision.clone(),
        size: choice.variant.size,
        inventory: Inventory { machines: choice.machines, ..inventory.clone() },
        division: choice.division,
        replicas: choice.replicas,
        kv: choice.kv,
        memory: choice.memory,
        context: choice.context,
        sequences: choice.sequences,
        program: words.program,
        arguments: words.arguments,
        environment: words.environment,
        modelfile: words.modelfile,
        notes: notes(spec, inventory, choice, &container),
        container,
        port: words.port,
        health: words.health,
        ray: spec.ray && spec.engine == Engine::Vllm && choice.machines > 1,
    }
}

/// What the writer of an engine's command line hands back.
struct Words {
    program: &'static [&'static str],
    arguments: Vec<Argument>,
    environment: Vec<Argument>,
    modelfile: Vec<Argument>,
    port: u16,
    health: &'static str,
}

fn flag(name: &'static str, why: Explained) -> Argument {
    Argument { name, value: Value::None, why }
}

fn set(name: &'static str, value: impl ToString, why: Explained) -> Argument {
    Argument { name, value: Value::Text(value.to_string()), why }
}

fn notes(spec: &Spec, inventory: &Inventory, choice: &Choice, container: &Container) -> Vec<Explained> {
    let mut notes = Vec::new();
    if !choice.whole {
        notes.push(
            Explained::new(Code::ShortContext)
                .with("tokens", choice.memory.tokens)
                .with("context", choice.context)
                .with("sequences", choice.sequences)
                .with("wanted", spec.context)
                .with("times", spec.sequences),
        );
    }
    let latent = matches!(spec.model.cache, catalog::Cache::Latent { .. });
    if latent && choice.division.tensor > 1 && choice.division.attention_data == 1 {
        notes.push(Explained::new(Code::ReplicatedCache).with("cards", choice.division.tensor));
    }
    if choice.machines < inventory.machines {
        notes.push(
            Explained::new(Code::UnusedMachines).with("machines", inventory.machines - choice.machines),
        );
    }
    let used = choice.division.cards() * choice.replicas;
    if choice.machines == 1 && used < inventory.cards {
        notes.push(Explained::new(Code::UnusedCards).with("cards", inventory.cards - used));
    }
    if spec.engine == Engine::Ollama {
        notes.push(Explained::new(Code::OllamaHere));
    }
    if choice.variant.precision == "FP8" && catalog::widens_fp8(&inventory.card) {
        notes.push(Explained::new(Code::Fp8Widened).with("card", inventory.card.label()));
    }
    if container.by_pattern {
        notes.push(Explained::new(Code::AmdImage).with("image", &container.image));
    }
    notes
}

/// Why there are so many tokens, with the numbers of the fullest card.
fn memory_share(card_memory: u64, memory: &Memory, share: f64) -> Explained {
    Explained::new(Code::MemoryShare)
        .with("share", format!("{share:.2}"))
        .with("card", size(card_memory))
        .with("weights", size(memory.weights))
        .with("overhead", size(memory.overhead))
        .with("tokens", memory.tokens)
}

fn model_path(choice: &Choice, repo: &str) -> Explained {
    Explained::new(Code::ModelPath)
        .with("repo", repo)
        .with("precision", &choice.variant.precision)
        .with("size", size(choice.variant.size))
}

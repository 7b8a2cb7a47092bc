//! The subcommands of the program and their flags. Those that the app uses are declared in `protocol`; this
//! file turns their values into the engine's.
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use engine::Speculation;
use protocol::{
    ActivationDtype, CacheDtype, ExtractArgs, InspectArgs, PlaceChoice, SpeculationMode, WeightDtype,
    WorkerArgs,
};

/// Whaledeck's engine: runs a DeepSeek model and answers the OpenAI protocol.
#[derive(Debug, Parser)]
#[command(name = "whaledeck-engine", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a model and answer over HTTP.
    Serve(Box<WorkerArgs>),
    /// Say what a file holds and what it would take of memory, without loading it.
    Inspect(InspectArgs),
    /// Print the text of a document from standard input as a JSON line, within limits of time and memory.
    Extract(ExtractArgs),
    /// List the graphics cards, and why one cannot be used; prints JSON.
    Places,
    /// Measure the speed of prefill and decode; prints JSON.
    Bench(Bench),
    /// Measure what the FP8 cache costs of quality, against bf16; prints JSON.
    CacheQuality(CacheQuality),
}

/// The model that is measured: a file, or a shape with random weights.
#[derive(Debug, Clone, clap::Args)]
pub struct BenchTarget {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    #[arg(required_unless_present = "random", conflicts_with = "random")]
    pub file: Option<PathBuf>,
    /// A config.json: the shape is measured with random weights.
    #[arg(long)]
    pub random: Option<PathBuf>,
    /// What random weights are stored as.
    #[arg(long, default_value = "q4_k", requires = "random")]
    pub dtype: WeightDtype,
    #[arg(long)]
    pub shrink: Option<WeightDtype>,
    /// In what a processor multiplies quantised weights, as `serve` has it.
    #[arg(long, default_value = "int16")]
    pub activations: ActivationDtype,
    /// Where to compute: cpu, card or card:N.
    #[arg(long, default_value_t = PlaceChoice::Cpu)]
    pub place: PlaceChoice,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Bench {
    #[command(flatten)]
    pub target: BenchTarget,
    #[arg(long)]
    pub cache_dtype: Option<CacheDtype>,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 512)]
    pub prompt: usize,
    /// Tokens of the answer.
    #[arg(long, default_value_t = 64)]
    pub tokens: usize,
    /// The temperature of the answer, by default the app's; 0 is greedy.
    #[arg(long, default_value_t = 0.6)]
    pub temperature: f32,
    /// The top_p of the answer, by default the app's.
    #[arg(long, default_value_t = 0.95)]
    pub top_p: f32,
    /// Measures prompt and answer a second time, operation by operation. On the processor only.
    #[arg(long)]
    pub operations: bool,
}

#[derive(Debug, Clone, clap::Args)]
pub struct CacheQuality {
    #[command(flatten)]
    pub target: BenchTarget,
    /// What is read, again and again until there are tokens enough; tokens at random when absent.
    #[arg(long, conflicts_with = "random")]
    pub text: Option<PathBuf>,
    /// Tokens that are read.
    #[arg(long, default_value_t = 4096)]
    pub prompt: usize,
}

/// Tokens of a conversation when the start names no number.
pub const DEFAULT_CONTEXT: usize = 4096;

/// Drafts a step at most: the CPU reads other experts for each.
const MAX_DRAFTS: usize = 3;

pub fn cache_dtype(dtype: CacheDtype) -> models::CacheDtype {
    match dtype {
        CacheDtype::Bf16 => models::CacheDtype::Bf16,
        CacheDtype::Fp8 => models::CacheDtype::Fp8,
    }
}

pub fn activation_dtype(dtype: ActivationDtype) -> models::ActivationDtype {
    match dtype {
        ActivationDtype::F32 => models::ActivationDtype::F32,
        ActivationDtype::Int16 => models::ActivationDtype::Int16,
    }
}

pub fn speculation(mode: SpeculationMode) -> Speculation {
    match mode {
        SpeculationMode::Auto => Speculation::Auto { max_drafts: MAX_DRAFTS },
        SpeculationMode::Off => Speculation::Off,
    }
}

//! What the program can be told.
use std::net::IpAddr;
use std::path::PathBuf;

use checkpoint::Dtype;
use clap::{Parser, Subcommand, ValueEnum};
use engine::Speculation;
use models::CacheDtype;

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
    Serve(Serve),
    /// Say what a file holds and what it would take of memory, without loading it.
    Inspect(Inspect),
    /// Measure how fast prompts are read and answers written; prints JSON.
    Bench(Bench),
    /// Measure what the FP8 cache costs of quality, against bf16; prints JSON.
    CacheQuality(CacheQuality),
}

#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    #[arg(long)]
    pub model: PathBuf,
    /// Name under which the model is offered; the folder's own when absent.
    #[arg(long)]
    pub model_name: Option<String>,
    #[arg(long, default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
    /// Environment variable that holds the key callers must show.
    #[arg(long)]
    pub api_key_env: Option<String>,
    /// File with hashes of the keys of other programs, which is read again when it changes.
    #[arg(long)]
    pub keys: Option<PathBuf>,
    /// Requests a minute that each of those keys may make; 0 is no limit.
    #[arg(long, requires = "keys")]
    pub rate: Option<u32>,
    /// File for a line about each of their requests, without a word of what was asked or answered.
    #[arg(long, requires = "keys")]
    pub request_log: Option<PathBuf>,
    /// Tokens of one conversation; 4096 when absent, or as many as the model reads where it reads fewer.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub context: Option<u32>,
    /// Conversations answered at once, 1 to 8.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub sequences: u8,
    /// How the cache keeps numbers; bf16 up to 8192 tokens of context and fp8 above when absent.
    #[arg(long)]
    pub cache_dtype: Option<CacheName>,
    /// Make wide weights smaller while they are read.
    #[arg(long)]
    pub shrink: Option<WeightName>,
    /// Guess several tokens at once where that is faster; answers stay the same.
    #[arg(long, default_value = "auto")]
    pub speculation: SpeculationName,
    /// Folder in which read prompts are kept for the next start.
    #[arg(long)]
    pub prefix_cache: Option<PathBuf>,
    /// The most that may be kept there, in MiB.
    #[arg(long, default_value_t = 2048)]
    pub prefix_cache_mib: u64,
    /// Folder in which pictures named by file addresses may lie; may be given again. None when absent.
    #[arg(long, value_name = "FOLDER")]
    pub allow_picture_folder: Vec<PathBuf>,
    /// Host (or host:port) from which pictures may be fetched, even on the own network; may be given again.
    #[arg(long, value_name = "HOST")]
    pub allow_picture_host: Vec<String>,
    /// Let pictures be fetched from every host with a public address.
    #[arg(long)]
    pub allow_picture_web: bool,
    /// Name under which this computer is reached without a key, besides localhost and its address; may be given again.
    #[arg(long, value_name = "HOST")]
    pub allow_host: Vec<String>,
    /// End when this process is gone.
    #[arg(long)]
    pub parent_pid: Option<u32>,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Inspect {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    pub file: PathBuf,
    /// Everything, each tensor included, as JSON.
    #[arg(long)]
    pub json: bool,
    /// Only say whether it would start: a JSON line with the reason where it would not.
    #[arg(long, conflicts_with = "json")]
    pub check: bool,
}

/// What is measured: a file, or a shape with random weights.
#[derive(Debug, Clone, clap::Args)]
pub struct Subject {
    /// A folder with safetensors or a GGUF, or a .gguf file.
    #[arg(required_unless_present = "random", conflicts_with = "random")]
    pub file: Option<PathBuf>,
    /// A config.json: the shape is measured with random weights.
    #[arg(long)]
    pub random: Option<PathBuf>,
    /// What random weights are stored as.
    #[arg(long, default_value = "q4_k", requires = "random")]
    pub dtype: WeightName,
    #[arg(long)]
    pub shrink: Option<WeightName>,
    #[arg(long, default_value = "cpu")]
    pub device: DeviceName,
}

#[derive(Debug, Clone, clap::Args)]
pub struct Bench {
    #[command(flatten)]
    pub subject: Subject,
    #[arg(long)]
    pub cache_dtype: Option<CacheName>,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 512)]
    pub prompt: usize,
    /// Tokens of the answer.
    #[arg(long, default_value_t = 64)]
    pub tokens: usize,
}

#[derive(Debug, Clone, clap::Args)]
pub struct CacheQuality {
    #[command(flatten)]
    pub subject: Subject,
    /// What is read, again and again until there are tokens enough; tokens at random when absent.
    #[arg(long, conflicts_with = "random")]
    pub text: Option<PathBuf>,
    /// Tokens that are read.
    #[arg(long, default_value_t = 4096)]
    pub prompt: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CacheName {
    Bf16,
    Fp8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum WeightName {
    F32,
    F16,
    Bf16,
    #[value(name = "q8_0", alias = "Q8_0")]
    Q80,
    #[value(name = "q6_k", alias = "Q6_K")]
    Q6K,
    #[value(name = "q4_k", alias = "Q4_K")]
    Q4K,
}

/// Where a measurement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DeviceName {
    Cpu,
    /// The first NVIDIA card; only in a worker built for it.
    Cuda,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SpeculationName {
    Auto,
    Off,
}

/// Of a conversation when nobody chose.
pub const DEFAULT_CONTEXT: usize = 4096;

/// Drafts a step at most: CPU reads other experts for each.
const MOST_DRAFTS: usize = 3;
/// Up to here bf16 costs little; above, half the cache is worth more than its last bits.
const BF16_CONTEXT: usize = 8192;

impl CacheName {
    pub fn dtype(self) -> CacheDtype {
        match self {
            Self::Bf16 => CacheDtype::Bf16,
            Self::Fp8 => CacheDtype::Fp8,
        }
    }

    /// What a context gets when nobody chose.
    pub fn for_context(context: usize) -> Self {
        if context <= BF16_CONTEXT { Self::Bf16 } else { Self::Fp8 }
    }
}

impl WeightName {
    pub fn dtype(self) -> Dtype {
        match self {
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::BF16,
            Self::Q80 => Dtype::Q8_0,
            Self::Q6K => Dtype::Q6K,
            Self::Q4K => Dtype::Q4K,
        }
    }
}

impl SpeculationName {
    pub fn speculation(self) -> Speculation {
        match self {
            Self::Auto => Speculation::Auto { most: MOST_DRAFTS },
            Self::Off => Speculation::Off,
        }
    }
}

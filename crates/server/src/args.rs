//! What the program can be told.
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Whaledeck's engine: runs a DeepSeek model and answers the OpenAI protocol.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Load a model and answer over HTTP.
    Serve(Serve),
}

#[derive(Debug, Clone, clap::Args)]
pub struct Serve {
    /// Folder with config.json, tokenizer.json and safetensors.
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
    /// Tokens of one conversation.
    #[arg(long, default_value_t = 4096)]
    pub context: usize,
    /// Conversations answered at once.
    #[arg(long, default_value_t = 2)]
    pub sequences: usize,
    /// End when this process is gone.
    #[arg(long)]
    pub parent_pid: Option<u32>,
}

//! The arguments of the command line. The doc comments of fields and commands are the help texts that clap
//! prints.
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

use contract::{EvaluationSet, SourceKind};
use messages::Lang;

use crate::folders::Folders;
use crate::model_settings::SettingsArgs;

/// Where `serve` listens without arguments.
pub const SERVE_HOST: &str = "127.0.0.1";
pub const SERVE_PORT: u16 = 8137;

#[derive(Debug, Parser)]
#[command(
    name = "whaledeck-cli",
    version,
    about = "Run DeepSeek models on your own workstation, without a window"
)]
pub struct Args {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of the output. Default: from LANG.
    #[arg(long, global = true, value_parser = lang())]
    pub lang: Option<Lang>,
    /// Open the chats read-only, when they cannot be written: no permission, a full disk, a newer version.
    #[arg(long, global = true)]
    pub read_only: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    HuggingFace,
    ModelScope,
}

impl From<Source> for SourceKind {
    fn from(source: Source) -> Self {
        match source {
            Source::HuggingFace => Self::HuggingFace,
            Source::ModelScope => Self::ModelScope,
        }
    }
}

/// Arguments of a deployment plan.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[arg(long)]
    pub model: String,
    /// Engine. Default: the first that can serve the files.
    #[arg(long, value_parser = ["sglang", "vllm", "llama-server", "ollama"])]
    pub engine: Option<String>,
    /// GPUs such as 8xH100-80G, or 2x8xH100-80G for two machines.
    #[arg(long)]
    pub gpus: String,
    /// FP8, BF16, Q8_0, Q4_K_M. Default: the best that fits.
    #[arg(long)]
    pub precision: Option<String>,
    /// Context length of one conversation, in tokens.
    #[arg(long, default_value_t = 32_768)]
    pub context: u32,
    /// Concurrent conversations.
    #[arg(long, default_value_t = 4)]
    pub sequences: u32,
    /// Join several vLLM machines with Ray.
    #[arg(long)]
    pub ray: bool,
}

/// Arguments of `sizing`.
#[derive(Debug, clap::Args)]
pub struct SizingArgs {
    #[arg(long)]
    pub model: String,
    /// FP8, BF16, Q8_0, Q4_K_M. Default: the best for this computer.
    #[arg(long)]
    pub precision: Option<String>,
    /// Context length of one conversation, in tokens.
    #[arg(long, default_value_t = 32_768)]
    pub context: u32,
    /// Concurrent conversations.
    #[arg(long, default_value_t = 1)]
    pub sequences: u32,
    /// KV cache in 8 bits instead of 16.
    #[arg(long)]
    pub small_cache: bool,
    /// More machines to check, such as 8xH100-80G or 2x8xH100-80G.
    #[arg(long)]
    pub gpus: Option<String>,
    /// Print an image (SVG) instead.
    #[arg(long, conflicts_with = "gpus")]
    pub picture: bool,
}

/// Arguments of `evaluate`.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// A model from `models`, `cloud:<service>/<name>`, or `deployment:<id>`.
    pub model: String,
    /// Test set. Default: all three, one after the other.
    #[arg(long)]
    pub set: Option<TestSet>,
    /// Preset: factual, creative, code or deepseek. Default: the one that the set is for.
    #[arg(long)]
    pub preset: Option<String>,
    /// How often each prompt is asked without and how often with the preset, up to 20.
    #[arg(long, default_value_t = 3)]
    pub seeds: u32,
    /// Ask only so many prompts of a set. Default: all.
    #[arg(long)]
    pub prompts: Option<u32>,
    /// The most tokens of an answer, thinking included, up to 8192.
    #[arg(long, default_value_t = 512)]
    pub max_tokens: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TestSet {
    Factual,
    Creative,
    Code,
}

impl From<TestSet> for EvaluationSet {
    fn from(set: TestSet) -> Self {
        match set {
            TestSet::Factual => Self::Factual,
            TestSet::Creative => Self::Creative,
            TestSet::Code => Self::Code,
        }
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show the hardware of this computer.
    Hardware {
        /// Also measure the memory bandwidth; takes about a second.
        #[arg(long)]
        measure: bool,
    },
    /// Recommend a model for this computer, and say why.
    Recommend,
    /// List every model with its verdict for this computer.
    Models {
        /// List the models in the folders of other programs instead, such as Ollama and LM Studio; `import`
        /// adds one.
        #[arg(long)]
        found: bool,
    },
    /// Search a source for models. Any that is found can be downloaded with `pull owner/name`.
    Search {
        /// Words of the name.
        #[arg(required = true)]
        text: Vec<String>,
        /// Source. Default: from the settings.
        #[arg(long)]
        source: Option<Source>,
    },
    /// Download a model, or resume a download; Ctrl+C pauses it.
    Pull {
        /// A model from `models`; or any repository as owner/name, owner/name:PRECISION, or the address of
        /// its page on huggingface.co, hf-mirror.com or modelscope.cn. Where a repository has several
        /// precisions and none is named, they are listed with their verdicts.
        model: String,
        /// Precision. Default: the one that `models` recommends, or the only one of a repository.
        #[arg(long)]
        variant: Option<String>,
        /// Download source. Default: from the settings.
        #[arg(long)]
        source: Option<Source>,
    },
    /// Add a model from disk: its folder, or a .gguf file. It is linked, not copied.
    Import { path: std::path::PathBuf },
    /// Choose the precision to use when several are downloaded.
    Use { model: String, variant: String },
    /// Show or change how a model is run (context, KV cache, device, threads), with the memory that it takes.
    Settings(SettingsArgs),
    /// Delete a downloaded model; an imported one is only removed from the list, and its files stay.
    Remove {
        model: String,
        /// Precision; required when several are downloaded.
        #[arg(long)]
        variant: Option<String>,
    },
    /// Ask one question, or a saved prompt.
    Ask {
        #[arg(required_unless_present = "prompt", conflicts_with = "prompt")]
        question: Option<String>,
        #[command(flatten)]
        prompt: PromptArgs,
        #[command(flatten)]
        source: ModelArgs,
        #[command(flatten)]
        attachments: AttachmentArgs,
        /// Temperature; 0 always takes the most likely token. Default: as recommended for the model.
        #[arg(long)]
        temperature: Option<f32>,
    },
    /// Ask one question and show what the model does: the experts of each layer, drafts, memory.
    Trace {
        question: String,
        #[command(flatten)]
        source: ModelArgs,
    },
    /// Show the exact command that serves a model on the given machines, with the memory it needs; or why
    /// not, and what works instead. Starts nothing.
    Plan {
        #[command(flatten)]
        request: PlanArgs,
        /// Print the plan as files in this format.
        #[arg(long, value_parser = ["shell", "compose", "k8s", "systemd", "modelfile"])]
        render: Option<String>,
    },
    /// List the GPUs that hold a model, and how many of each, as CSV.
    Cards {
        #[arg(long)]
        model: String,
        /// Context length of one conversation, in tokens.
        #[arg(long, default_value_t = 32_768)]
        context: u32,
        /// Concurrent conversations.
        #[arg(long, default_value_t = 1)]
        sequences: u32,
    },
    /// Can I run it? Check this computer, given machines and each known GPU.
    Sizing(SizingArgs),
    /// Chat, a line at a time, until the end of input (Ctrl+D); the line /unload frees the memory until
    /// the next question. With --json each line is `{"text": "…"}`,
    /// with `"images": ["FILE"]` for images, or `{"stop": true}` to stop an answer, and each
    /// event of an answer is printed as a line.
    Chat {
        #[command(flatten)]
        source: ModelArgs,
        #[command(flatten)]
        attachments: AttachmentArgs,
        /// Name or id of the folder that the chat is in; its instructions and documents are used.
        #[arg(long)]
        folder: Option<String>,
        /// When the chat exceeds the context, leave out its oldest messages and say so. Without this, such a
        /// question is refused.
        #[arg(long)]
        leave_out_oldest: bool,
    },
    /// Measure what a preset changes: questions, stories or small programs, asked without and with it over
    /// several seeds, and whether the scores agree with what is claimed for it. Ctrl+C stops.
    Evaluate(EvaluateArgs),
    /// Saved chats: list them, save one to a file with its images, or add one from such a file.
    Chats {
        #[command(subcommand)]
        command: Chats,
    },
    /// Folders of chats with instructions and documents that their chats share.
    Folders {
        #[command(subcommand)]
        command: Folders,
    },
    /// Saved prompts for `ask --prompt`; without a subcommand, list them.
    Prompts {
        #[command(subcommand)]
        command: Option<Prompts>,
    },
    /// Backups of the chats: list, create or restore one, or start with empty chats when the file cannot be
    /// opened.
    Backups {
        #[command(subcommand)]
        command: Backups,
    },
    /// Serve a model to other programs through an OpenAI-compatible API, until Ctrl+C.
    #[command(args_conflicts_with_subcommands = true)]
    Serve {
        #[command(subcommand)]
        command: Option<ServeCommand>,
        #[arg(long, default_value = "guide")]
        model: String,
        /// Address to listen on; 0.0.0.0 opens it to the network.
        #[arg(long, default_value = SERVE_HOST)]
        host: std::net::IpAddr,
        #[arg(long, default_value_t = SERVE_PORT)]
        port: u16,
        /// Requests per minute per key; 0 = unlimited.
        #[arg(long, default_value_t = 60)]
        rate: u32,
        /// Origin whose pages may use the API in a browser, such as app://obsidian.md; repeatable.
        #[arg(long)]
        origin: Vec<String>,
    },
    /// Write the settings of another program so that it uses this API; without a program, list them.
    Connect(ConnectArgs),
    /// Run an installed engine (SGLang, vLLM, llama-server, ollama) here or on your own machines.
    Deployments {
        #[command(subcommand)]
        command: Deployments,
    },
    /// Proxy and certificates for cloud services and downloads; without a subcommand, show them.
    Connections {
        #[command(subcommand)]
        command: Option<Connections>,
    },
    /// Tools that a model may call: MCP servers and the built-in ones.
    Tools {
        #[command(subcommand)]
        command: Tools,
    },
    /// Cloud services with your own key. What you write in such a chat leaves this computer.
    Endpoints {
        #[command(subcommand)]
        command: Endpoints,
    },
}

#[derive(Debug, Subcommand)]
pub enum Chats {
    /// List the chats, latest first, with the id for `export`, and their folder.
    List,
    /// Save a chat to a file, in the format that its ending names: .md, .html, .docx, or .json with all
    /// branches, images and documents, which `import` reads. An existing file is replaced. There is no PDF:
    /// print the .html to one.
    Export {
        chat: String,
        file: std::path::PathBuf,
        /// All branches; .json always has them. Default: the selected branch.
        #[arg(long)]
        tree: bool,
    },
    /// Add a chat from a saved file.
    Import { file: std::path::PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Prompts {
    /// List the prompts, each with its first line.
    List,
    /// Save your prompts to a file (JSON); an existing file is replaced.
    Export { file: std::path::PathBuf },
    /// Add the prompts of such a file. Those that are there already are left out.
    Import { file: std::path::PathBuf },
}

/// A saved prompt in place of a question.
#[derive(Debug, clap::Args)]
pub struct PromptArgs {
    /// Name of a prompt from `prompts`, to be asked instead of a question.
    #[arg(long, value_name = "NAME")]
    pub prompt: Option<String>,
    /// Value for a variable of the prompt, as name=value; repeatable. The date is filled in by itself.
    #[arg(long, value_name = "NAME=VALUE", requires = "prompt", value_parser = name_and_value)]
    pub set: Vec<(String, String)>,
}

fn name_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("it has no =")?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

/// Arguments of `connect`.
#[derive(Debug, clap::Args)]
pub struct ConnectArgs {
    /// claude-code, codex, opencode, continue, zed, vscode, open-webui or obsidian.
    pub program: Option<String>,
    /// Model of this computer that the program is to use.
    #[arg(long, default_value = "guide")]
    pub model: String,
    /// Folder of the vault, for obsidian.
    #[arg(long, value_name = "FOLDER")]
    pub vault: Option<std::path::PathBuf>,
    /// Take back what was written, and remove the key.
    #[arg(long, conflicts_with = "yes")]
    pub undo: bool,
    /// Write without asking.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Subcommand)]
pub enum Tools {
    /// List the servers with their tools, and whether each is asked about.
    List,
    /// Add the servers of a file with mcpServers JSON; - is standard input. Each runs a program with your
    /// rights: read its command first.
    Add { file: std::path::PathBuf },
    /// End and remove a server.
    Remove { server: String },
    /// Offer the tools of a server; the built-in ones are the server built-in.
    On { server: String },
    /// Do not offer them.
    Off { server: String },
    /// Start a server again.
    Restart { server: String },
    /// Whether a tool is asked about before each call, runs without asking, or is not offered.
    Permission { server: String, tool: String, permission: Permission },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Permission {
    Ask,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Backups {
    /// List the backups, latest first, with the name for `restore`.
    List,
    /// Create a backup now.
    Create,
    /// Replace the chats with a backup. It is checked first, and the current chats are kept as a backup.
    Restore { backup: String },
    /// Start with empty chats. The file that cannot be opened is kept as a backup.
    StartEmpty,
}

/// Images and documents of a question.
#[derive(Debug, clap::Args)]
pub struct AttachmentArgs {
    /// Image for the question (in `chat` for the first line): JPEG, PNG, WebP, GIF or BMP; repeatable.
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<std::path::PathBuf>,
    /// Document for the question (in `chat` for the first line): PDF, Word, Excel, PowerPoint, OpenDocument,
    /// HTML, e-mail or text; repeatable.
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<std::path::PathBuf>,
    /// Ask a model that reads text only: it gets a note in place of each image.
    #[arg(long)]
    pub leave_out_pictures: bool,
    /// Offer the tools that are switched on. On a terminal you are asked before a call; elsewhere only tools
    /// with the permission `always` run.
    #[arg(long)]
    pub tools: bool,
}

/// The model of an answer.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// Model. Default: the Guide; with --endpoint, the first that the service offers.
    #[arg(long)]
    pub model: Option<String>,
    /// A cloud service from `endpoints list`, instead of this computer.
    #[arg(long)]
    pub endpoint: Option<String>,
    /// A deployment from `deployments list`, instead of this computer.
    #[arg(long, conflicts_with_all = ["model", "endpoint"])]
    pub deployment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Deployments {
    /// List the deployments and their state.
    List,
    /// Show the plan, start it, and wait until it is ready; it keeps running when this program ends. With a
    /// name or id alone: start a stopped one again.
    Start {
        /// A deployment from `list`.
        #[arg(conflicts_with_all = ["model", "gpus"])]
        deployment: Option<String>,
        #[command(flatten)]
        request: Option<PlanArgs>,
        /// `here`, or what you type after `ssh`; repeat for each machine.
        #[arg(long = "on", default_value = "here")]
        machines: Vec<String>,
        /// Name in this app. Default: the model's name.
        #[arg(long, default_value = "")]
        name: String,
        /// Listen on the machine's network address instead of for this computer only.
        #[arg(long)]
        open: bool,
        /// Address of the first machine in its network. Default: the one ssh connects to.
        #[arg(long, default_value = "")]
        address: String,
        /// Shell commands before the engine starts, such as ". venv/bin/activate".
        #[arg(long, default_value = "")]
        first: String,
        /// Do not wait until it is ready.
        #[arg(long)]
        no_wait: bool,
    },
    /// Stop a deployment on its machines.
    Stop { deployment: String },
    /// Show the last lines of its log.
    Logs { deployment: String },
    /// Stop a deployment and remove it.
    Remove { deployment: String },
    /// Show the engines and GPUs of a machine.
    Look {
        /// `here`, or what you type after `ssh`.
        #[arg(default_value = "here")]
        machine: String,
        #[arg(long, default_value = "")]
        first: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum ServeCommand {
    /// API keys for other programs.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// List recent requests; prompts and answers are not stored.
    Requests,
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create a key. It is shown only once.
    Add {
        name: String,
        /// Expires after. Default: never.
        #[arg(long)]
        days: Option<u32>,
    },
    List,
    /// Revoke a key.
    Remove {
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum Endpoints {
    /// Add a service. Its key is read from the standard input, never from the command line.
    Add {
        /// One of `endpoints providers`.
        provider: String,
        #[arg(long, default_value = "")]
        name: String,
        /// Required for `custom` and `azure`. Default: the address of the service.
        #[arg(long, default_value = "")]
        address: String,
        /// Additional model that the service does not list; repeatable.
        #[arg(long)]
        model: Vec<String>,
    },
    /// Change the key, address or name of a service; its chats stay. A new key is read from the standard
    /// input and replaces the old one.
    Change {
        id: String,
        #[arg(long)]
        key: bool,
        #[arg(long)]
        name: Option<String>,
        /// For another server the key must be entered again: add --key.
        #[arg(long)]
        address: Option<String>,
        /// Additional model that the service does not list, replacing those named before; repeatable.
        #[arg(long)]
        model: Vec<String>,
    },
    /// List the services that were added.
    List,
    /// List the services that can be added.
    Providers,
    /// Test the connection up to the first token of an answer, and name the step that fails.
    Test {
        name: String,
        #[arg(long)]
        model: Option<String>,
    },
    /// Remove a service and its key.
    Remove { name: String },
}

#[derive(Debug, Subcommand)]
pub enum Connections {
    /// Set the proxy: system, direct, or an address such as http://proxy:8080 or socks5h://proxy:1080.
    Proxy { way: String },
    /// Save the user name and password of the proxy. The password is read from the standard input, never from
    /// the command line; another proxy never gets it.
    Login { user: String },
    /// Delete the user name and password of the proxy.
    Logout,
    /// File of certificates (PEM) to trust in addition to the system's; `system` for none.
    Certificates { file: String },
}

fn lang() -> impl TypedValueParser<Value = Lang> {
    PossibleValuesParser::new(["en", "zh"])
        .try_map(|name| Lang::from_name(&name).ok_or("it is one of the two values"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}

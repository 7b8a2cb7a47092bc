//! The arguments of the command line. The doc comments of fields and commands are the help texts that clap
//! prints.
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};

use app::lang::Lang;

#[derive(Debug, Parser)]
#[command(
    name = "whaledeck-cli",
    version,
    about = "Run DeepSeek models on your own workstation, without a window"
)]
pub struct Args {
    /// Print JSON for programs instead of words for people.
    #[arg(long, global = true)]
    pub json: bool,
    /// Language of the words; as LANG says when left out.
    #[arg(long, global = true, value_parser = lang())]
    pub lang: Option<Lang>,
    /// Open the chats for reading only, where they cannot be written: a folder without rights, a full disk, a
    /// newer version.
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

/// Arguments of a deployment plan.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[arg(long)]
    pub model: String,
    /// The first of them that serves the files there when left out.
    #[arg(long, value_parser = ["sglang", "vllm", "llama-server", "ollama"])]
    pub engine: Option<String>,
    /// Cards as 8xH100-80G, or machines of cards as 2x8xH100-80G.
    #[arg(long)]
    pub gpus: String,
    /// FP8, BF16, Q8_0, Q4_K_M; the best that fits when left out.
    #[arg(long)]
    pub precision: Option<String>,
    /// Tokens of one conversation.
    #[arg(long, default_value_t = 32_768)]
    pub context: u32,
    /// Conversations at the same time.
    #[arg(long, default_value_t = 4)]
    pub sequences: u32,
    /// Join several machines of vLLM by Ray instead of its own way.
    #[arg(long)]
    pub ray: bool,
}

/// Arguments of `sizing`.
#[derive(Debug, clap::Args)]
pub struct SizingArgs {
    #[arg(long)]
    pub model: String,
    /// FP8, BF16, Q8_0, Q4_K_M; what suits this computer best when left out.
    #[arg(long)]
    pub precision: Option<String>,
    /// Tokens of one conversation.
    #[arg(long, default_value_t = 32_768)]
    pub context: u32,
    /// Conversations at the same time.
    #[arg(long, default_value_t = 1)]
    pub sequences: u32,
    /// The cache in 8 bits instead of 16.
    #[arg(long)]
    pub small_cache: bool,
    /// Machines to judge too, as 8xH100-80G or 2x8xH100-80G.
    #[arg(long)]
    pub gpus: Option<String>,
    /// Print a picture (SVG) instead.
    #[arg(long, conflicts_with = "gpus")]
    pub picture: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// What this computer has.
    Hardware {
        /// Measure the speed of the memory too; takes about a second.
        #[arg(long)]
        measure: bool,
    },
    /// The model that suits this computer, and why.
    Recommend,
    /// Every model with its verdict for this computer.
    Models,
    /// Download a model, or go on with a download; Ctrl+C pauses it.
    Pull {
        model: String,
        /// Which files; as the verdict of `models` says when left out.
        #[arg(long)]
        variant: Option<String>,
        /// Where from; as the settings say when left out.
        #[arg(long)]
        source: Option<Source>,
    },
    /// Add a model that is already here: its folder, or a .gguf file. Nothing is copied.
    Import { path: std::path::PathBuf },
    /// Choose which precision of a model is used where several are downloaded.
    Use { model: String, variant: String },
    /// Delete a downloaded model; one that was imported is only forgotten.
    Remove {
        model: String,
        /// Which precision; needed where several are downloaded.
        #[arg(long)]
        variant: Option<String>,
    },
    /// Ask one question.
    Ask {
        question: String,
        #[command(flatten)]
        source: ModelArgs,
        #[command(flatten)]
        attachments: ImageArgs,
        /// 0 always takes the likeliest word; as the model's makers advise when left out.
        #[arg(long)]
        temperature: Option<f32>,
    },
    /// Every word of the commands that serve a model on machines you name, with the memory it takes; or why
    /// not, and what would. Starts nothing.
    Plan {
        #[command(flatten)]
        request: PlanArgs,
        /// Print these files instead of the explanation.
        #[arg(long, value_parser = ["shell", "compose", "k8s", "systemd", "modelfile"])]
        render: Option<String>,
    },
    /// Which cards hold a model, and how many of each, as a table for a spreadsheet (CSV).
    Cards {
        #[arg(long)]
        model: String,
        /// Tokens of one conversation.
        #[arg(long, default_value_t = 32_768)]
        context: u32,
        /// Conversations at the same time.
        #[arg(long, default_value_t = 1)]
        sequences: u32,
    },
    /// Can I run it? What holds a model: this computer, machines you name, and each known card.
    Sizing(SizingArgs),
    /// Talk, a line at a time, until the end of input (Ctrl+D). With --json each line is `{"text": "…"}`,
    /// with `"images": ["FILE"]` where pictures are shown, or `{"stop": true}` to stop an answer, and each
    /// event of an answer is printed as a line.
    Chat {
        #[command(flatten)]
        source: ModelArgs,
        #[command(flatten)]
        attachments: ImageArgs,
        /// Where the chat becomes longer than the model reads, leave out its oldest messages; each time that
        /// is said. Without this, such a question is refused.
        #[arg(long)]
        leave_out_oldest: bool,
    },
    /// The chats that are kept: list them, save one to a file with its pictures, or add one from such a file.
    Chats {
        #[command(subcommand)]
        command: Chats,
    },
    /// Backups of the chats: list and make them, put one back, or start with empty chats where the file
    /// cannot be opened.
    Backups {
        #[command(subcommand)]
        command: Backups,
    },
    /// Offer a model of this computer to other programs over the OpenAI protocol, until Ctrl+C.
    #[command(args_conflicts_with_subcommands = true)]
    Serve {
        #[command(subcommand)]
        command: Option<ServeCommand>,
        #[arg(long, default_value = "guide")]
        model: String,
        /// 0.0.0.0 lets the network in.
        #[arg(long, default_value = "127.0.0.1")]
        host: std::net::IpAddr,
        #[arg(long, default_value_t = 8137)]
        port: u16,
        /// Requests a minute that each key may make; 0 is no limit.
        #[arg(long, default_value_t = 60)]
        rate: u32,
    },
    /// Engines that are installed on this computer or on machines of yours, run from a plan.
    Deployments {
        #[command(subcommand)]
        command: Deployments,
    },
    /// How this program reaches cloud services and downloads; shows it when no change is named.
    Connections {
        #[command(subcommand)]
        command: Option<Connections>,
    },
    /// Cloud services with a key of yours. What you write in such a chat leaves this computer.
    Endpoints {
        #[command(subcommand)]
        command: Endpoints,
    },
}

#[derive(Debug, Subcommand)]
pub enum Chats {
    /// The latest first, with the name that `export` takes.
    List,
    /// Save a chat with all its branches and pictures to a file, which is replaced.
    Export { chat: String, file: std::path::PathBuf },
    /// Add the chat of a file that was saved so.
    Import { file: std::path::PathBuf },
}

#[derive(Debug, Subcommand)]
pub enum Backups {
    /// The latest first, with the name that `restore` takes.
    List,
    /// Make one now, beside the daily ones.
    Create,
    /// Put a backup in the place of the chats. It is checked first, and the chats that are there are kept as
    /// a backup.
    Restore { backup: String },
    /// Start with empty chats. The file that cannot be opened is kept as a backup.
    StartEmpty,
}

/// Images of a question.
#[derive(Debug, clap::Args)]
pub struct ImageArgs {
    /// A picture to show with the question (in `chat` with the first line): JPEG, PNG, WebP, GIF or BMP; may
    /// be given again.
    #[arg(long = "image", value_name = "FILE")]
    pub images: Vec<std::path::PathBuf>,
    /// Ask a model that reads text only: in place of each picture it is told that there is one.
    #[arg(long)]
    pub leave_out_pictures: bool,
}

/// The model of an answer.
#[derive(Debug, clap::Args)]
pub struct ModelArgs {
    /// The Guide when left out; with --endpoint the first that the service offers.
    #[arg(long)]
    pub model: Option<String>,
    /// A cloud service of `endpoints list`, instead of this computer.
    #[arg(long)]
    pub endpoint: Option<String>,
    /// A deployment of `deployments list`, instead of this computer.
    #[arg(long, conflicts_with_all = ["model", "endpoint"])]
    pub deployment: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum Deployments {
    /// What runs where, and how it is.
    List,
    /// Show the plan, start it, and wait until it serves; it goes on when this program ends. With a name or
    /// id alone: start one again that was stopped.
    Start {
        /// A deployment of `list`.
        #[arg(conflicts_with_all = ["model", "gpus"])]
        deployment: Option<String>,
        #[command(flatten)]
        request: Option<PlanArgs>,
        /// `here`, or what you type after `ssh`; again for each further machine.
        #[arg(long = "on", default_value = "here")]
        machines: Vec<String>,
        /// Its name in this app; the model's own when left out.
        #[arg(long, default_value = "")]
        name: String,
        /// Let the whole network in, at the machine's own address, instead of this computer alone.
        #[arg(long)]
        open: bool,
        /// Address of the first machine in its network; as ssh knows it when left out.
        #[arg(long, default_value = "")]
        address: String,
        /// Lines for the shell before the engine starts, such as ". venv/bin/activate".
        #[arg(long, default_value = "")]
        first: String,
        /// Do not wait until it serves.
        #[arg(long)]
        no_wait: bool,
    },
    /// End what was started on its machines, and nothing else.
    Stop { deployment: String },
    /// The last lines that it said.
    Logs { deployment: String },
    /// Stop it where it runs, then forget it.
    Remove { deployment: String },
    /// What a machine has for an engine: programs and cards.
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
    /// Keys that other programs show.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// The last requests of other programs; what was asked and answered is not kept.
    Requests,
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a key. It is printed this once.
    Add {
        name: String,
        /// How long it opens; for ever when left out.
        #[arg(long)]
        days: Option<u32>,
    },
    List,
    /// Take a key back.
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
        /// Needed for `custom` and `azure`; the service's own when left out.
        #[arg(long, default_value = "")]
        address: String,
        /// A model to offer beside those that the service lists; may be given again.
        #[arg(long)]
        model: Vec<String>,
    },
    /// Another key, address or name for a service that was added; chats go on with it. A new key is read from
    /// the standard input, and the old one is forgotten.
    Change {
        id: String,
        #[arg(long)]
        key: bool,
        #[arg(long)]
        name: Option<String>,
        /// On another computer the key has to come with it: add --key.
        #[arg(long)]
        address: Option<String>,
        /// A model to offer beside those that the service lists, in place of those named before; may be given
        /// again.
        #[arg(long)]
        model: Vec<String>,
    },
    /// The services that were added.
    List,
    /// The services that can be added.
    Providers,
    /// Go the whole way to one word of an answer, and say which step failed.
    Test {
        name: String,
        #[arg(long)]
        model: Option<String>,
    },
    /// Forget a service and its key.
    Remove { name: String },
}

#[derive(Debug, Subcommand)]
pub enum Connections {
    /// Through which proxy connections go: system, direct, or an address such as http://proxy:8080 or
    /// socks5h://proxy:1080.
    Proxy { way: String },
    /// Keep the name and the password that the proxy asks for. The password is read from the standard input,
    /// never from the command line; another proxy never gets it.
    Login { user: String },
    /// Forget the name and the password of the proxy.
    Logout,
    /// A file of certificates (PEM) to trust beside those of the system; `system` for none.
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

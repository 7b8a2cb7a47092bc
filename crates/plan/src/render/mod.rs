//! A plan as files: a shell script per host, compose files, a LeaderWorkerSet, systemd units, a Modelfile.
//! Every argument comes from the plan; only quoting and the file's own syntax are added here.

mod compose;
mod kubernetes;
mod modelfile;
mod shell;
mod systemd;
mod yaml;

use crate::{Engine, Plan, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Shell,
    Compose,
    Kubernetes,
    Systemd,
    Modelfile,
}

/// One file of a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    pub name: String,
    pub text: String,
}

/// `None` where the format does not exist for the engine or the GPU: ollama serves localhost only, only
/// ollama has a Modelfile, and a Mac has neither containers that reach its GPU nor systemd.
pub fn render(plan: &Plan, format: Format) -> Option<Vec<OutputFile>> {
    let ollama = plan.engine == Engine::Ollama;
    match format {
        Format::Shell => Some(shell::files(plan)),
        Format::Systemd => plan.container.as_ref().map(|_| systemd::files(plan)),
        Format::Compose if !ollama => {
            plan.container.as_ref().map(|container| compose::files(plan, container))
        }
        Format::Kubernetes => kubernetes::files(plan, plan.container.as_ref()?),
        Format::Modelfile if ollama => {
            Some(vec![OutputFile { name: "Modelfile".into(), text: modelfile::text(plan) }])
        }
        _ => None,
    }
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Shell, Self::Compose, Self::Kubernetes, Self::Systemd, Self::Modelfile];

    pub fn name(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::Compose => "compose",
            Self::Kubernetes => "k8s",
            Self::Systemd => "systemd",
            Self::Modelfile => "modelfile",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

const RAY_PORT: u16 = 6379;

/// How a format writes the values that differ between hosts.
struct NodeVars<'a> {
    /// Any host but the first.
    is_follower: bool,
    rank: &'a str,
    leader: &'a str,
    /// The API key.
    key: &'a str,
}

/// An argument that is quoted as it is, or one with a variable that the format substitutes.
enum Arg {
    Literal(String),
    Template(String),
}

/// The arguments after the program, on one host.
fn args(plan: &Plan, vars: &NodeVars) -> Vec<Arg> {
    let mut args = Vec::new();
    for argument in &plan.arguments {
        if argument.value == Value::FollowersOnly && !vars.is_follower {
            continue;
        }
        if !argument.name.is_empty() {
            args.push(Arg::Literal(argument.name.to_owned()));
        }
        match &argument.value {
            Value::None | Value::FollowersOnly => {}
            Value::Text(text) => args.push(Arg::Literal(text.clone())),
            Value::Leader(Some(port)) => args.push(Arg::Template(format!("{}:{port}", vars.leader))),
            Value::Leader(None) => args.push(Arg::Template(vars.leader.to_owned())),
            Value::Key => args.push(Arg::Template(vars.key.to_owned())),
            Value::Rank => args.push(Arg::Template(vars.rank.to_owned())),
        }
    }
    args
}

/// The `ray start` command of one host; the hosts after the first run nothing else.
fn ray(vars: &NodeVars) -> Vec<Arg> {
    let mut args: Vec<Arg> = ["ray", "start"].map(|arg| Arg::Literal(arg.into())).into();
    if vars.is_follower {
        args.push(Arg::Template(format!("--address={}:{RAY_PORT}", vars.leader)));
        args.push(Arg::Literal("--block".into()));
    } else {
        args.push(Arg::Literal("--head".into()));
        args.push(Arg::Literal(format!("--port={RAY_PORT}")));
    }
    args
}

fn program(args: &[&str]) -> Vec<Arg> {
    args.iter().map(|arg| Arg::Literal((*arg).to_owned())).collect()
}

/// The comment at the top of every file.
fn title(plan: &Plan) -> String {
    format!(
        "{} {} on {} with {}, written by Whaledeck",
        plan.model_name,
        plan.precision,
        plan.inventory.label(),
        plan.engine.name()
    )
}

fn variables(plan: &Plan) -> impl Iterator<Item = (&'static str, &str)> {
    plan.environment.iter().filter_map(|variable| match &variable.value {
        Value::Text(text) => Some((variable.name, text.as_str())),
        _ => None,
    })
}

/// The API key in a command that a shell runs, which has it in its environment.
const KEY_IN_SHELL: &str = "\"$API_KEY\"";

/// One line for a shell; templates stay unquoted.
fn shell_line(args: Vec<Arg>) -> String {
    let quote = args.into_iter().map(|arg| match arg {
        Arg::Literal(arg) => shlex::try_quote(&arg).expect("arguments of a plan hold no NUL").into_owned(),
        Arg::Template(arg) => arg,
    });
    quote.collect::<Vec<_>>().join(" ")
}

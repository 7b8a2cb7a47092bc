//! One plan in the forms that machines take it: a shell script per machine, compose files, a LeaderWorkerSet, systemd
//! units, a Modelfile. Every word comes from the plan; only quoting and frames are added here.

mod compose;
mod kubernetes;
mod modelfile;
mod shell;
mod systemd;

use crate::plan::{Engine, Plan, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Shell,
    Compose,
    Kubernetes,
    Systemd,
    Modelfile,
}

/// One file that a form consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub text: String,
}

/// `None` where the form does not exist for the engine: ollama serves this computer only, and only it has a Modelfile.
pub fn render(plan: &Plan, form: Form) -> Option<Vec<File>> {
    let ollama = plan.engine == Engine::Ollama;
    match form {
        Form::Shell => Some(shell::files(plan)),
        Form::Systemd => Some(systemd::files(plan)),
        Form::Compose if !ollama => Some(compose::files(plan)),
        Form::Kubernetes => kubernetes::files(plan),
        Form::Modelfile if ollama => {
            Some(vec![File { name: "Modelfile".into(), text: modelfile::text(plan) }])
        }
        _ => None,
    }
}

impl Form {
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

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

const RAY_PORT: u16 = 6379;

/// How a form writes what differs from machine to machine.
struct Place<'a> {
    /// Whether it is not the first machine.
    follows: bool,
    rank: &'a str,
    leader: &'a str,
    /// What callers must show.
    key: &'a str,
}

/// A word that is written as it is, or one that holds a name the form itself fills in.
enum Word {
    Plain(String),
    Filled(String),
}

/// The words after the program, on one machine.
fn words(plan: &Plan, place: &Place) -> Vec<Word> {
    let mut words = Vec::new();
    for argument in &plan.arguments {
        if argument.value == Value::OnFollowers && !place.follows {
            continue;
        }
        if !argument.name.is_empty() {
            words.push(Word::Plain(argument.name.to_owned()));
        }
        match &argument.value {
            Value::None | Value::OnFollowers => {}
            Value::Text(text) => words.push(Word::Plain(text.clone())),
            Value::Leader(Some(port)) => words.push(Word::Filled(format!("{}:{port}", place.leader))),
            Value::Leader(None) => words.push(Word::Filled(place.leader.to_owned())),
            Value::Key => words.push(Word::Filled(place.key.to_owned())),
            Value::Rank => words.push(Word::Filled(place.rank.to_owned())),
        }
    }
    words
}

/// The words of `ray start` on one machine; the machines after the first do nothing else.
fn ray(place: &Place) -> Vec<Word> {
    let mut words: Vec<Word> = ["ray", "start"].map(|word| Word::Plain(word.into())).into();
    if place.follows {
        words.push(Word::Filled(format!("--address={}:{RAY_PORT}", place.leader)));
        words.push(Word::Plain("--block".into()));
    } else {
        words.push(Word::Plain("--head".into()));
        words.push(Word::Plain(format!("--port={RAY_PORT}")));
    }
    words
}

fn program(words: &[&str]) -> Vec<Word> {
    words.iter().map(|word| Word::Plain((*word).to_owned())).collect()
}

/// What stands on top of every file.
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

/// The key for a command that a shell runs, which has it in its environment.
const KEY_IN_SHELL: &str = "\"$API_KEY\"";

/// As one line for a shell; names to fill in stand outside of its quotes.
fn joined(words: Vec<Word>) -> String {
    let quoted = words.into_iter().map(|word| match word {
        Word::Plain(word) => shlex::try_quote(&word).expect("words of a plan hold no NUL").into_owned(),
        Word::Filled(word) => word,
    });
    quoted.collect::<Vec<_>>().join(" ")
}

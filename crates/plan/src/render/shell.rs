//! A script per host, for any POSIX shell. With several hosts it needs the address of the first in `LEADER`.
//! The API key is read from `API_KEY` and never written into the script.
use super::{Arg, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::{Engine, Plan};

pub(super) fn files(plan: &Plan) -> Vec<OutputFile> {
    (0..plan.inventory.hosts)
        .map(|rank| OutputFile { name: format!("machine-{rank}.sh"), text: script(plan, rank) })
        .collect()
}

fn script(plan: &Plan, rank: u32) -> String {
    let mut text = format!("#!/bin/sh\n# {}\nset -eu\n", title(plan));
    let several = plan.inventory.hosts > 1;
    if several && !(plan.ray && rank == 0) {
        text.push_str(": \"${LEADER:?set LEADER to the address of the first machine}\"\n");
    }
    if plan.requires_key() {
        text.push_str(": \"${API_KEY:?set API_KEY to the key that callers must show}\"\n");
    }
    for (name, value) in variables(plan) {
        text.push_str(&format!("export {name}={}\n", quote(value)));
    }
    if plan.engine == Engine::Ollama {
        text.push_str(&ollama(plan));
        return text;
    }
    let vars =
        NodeVars { is_follower: rank > 0, rank: &rank.to_string(), leader: "$LEADER", key: "$API_KEY" };
    if plan.ray {
        text.push_str(&line(if rank > 0 { "exec " } else { "" }, ray(&vars)));
        if rank > 0 {
            return text;
        }
    }
    let mut all = program(plan.program);
    all.extend(args(plan, &vars));
    text.push_str(&line("exec ", all));
    text
}

/// Starts the server and waits until it responds, then creates the model from the lines of the Modelfile.
fn ollama(plan: &Plan) -> String {
    let name = quote(&plan.model_id);
    format!(
        "modelfile=$(mktemp)\ntrap 'rm -f \"$modelfile\"' EXIT\ncat > \"$modelfile\" <<'MODELFILE'\n{}MODELFILE\n\
         ollama serve &\nserver=$!\nuntil ollama list > /dev/null 2>&1; do\n  kill -0 \"$server\"\n  sleep 1\ndone\n\
         ollama create {name} -f \"$modelfile\"\nwait \"$server\"\n",
        super::modelfile::text(plan)
    )
}

/// One flag with its value per line.
fn line(before: &str, args: Vec<Arg>) -> String {
    let mut text = before.to_owned();
    for (index, arg) in args.iter().enumerate() {
        let (arg, flag) = match arg {
            Arg::Literal(arg) => (quote(arg), arg.starts_with("--")),
            Arg::Template(arg) if arg.contains('$') => (format!("\"{arg}\""), arg.starts_with("--")),
            Arg::Template(arg) => (quote(arg), false),
        };
        text.push_str(match index {
            0 => "",
            _ if flag => " \\\n  ",
            _ => " ",
        });
        text.push_str(&arg);
    }
    text.push('\n');
    text
}

fn quote(arg: &str) -> String {
    shlex::try_quote(arg).expect("arguments of a plan hold no NUL").into_owned()
}

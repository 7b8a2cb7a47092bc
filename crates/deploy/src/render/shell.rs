//! A script per machine, for any POSIX shell. Several machines ask for the address of the first.
use super::{File, Place, Word, program, ray, title, variables, words};
use crate::plan::{Engine, Plan};

pub(super) fn files(plan: &Plan) -> Vec<File> {
    (0..plan.inventory.machines)
        .map(|rank| File { name: format!("machine-{rank}.sh"), text: script(plan, rank) })
        .collect()
}

fn script(plan: &Plan, rank: u32) -> String {
    let mut text = format!("#!/bin/sh\n# {}\nset -eu\n", title(plan));
    let several = plan.inventory.machines > 1;
    if several && !(plan.ray && rank == 0) {
        text.push_str(": \"${LEADER:?set LEADER to the address of the first machine}\"\n");
    }
    if plan.has_key() {
        text.push_str(": \"${API_KEY:?set API_KEY to the key that callers must show}\"\n");
    }
    for (name, value) in variables(plan) {
        text.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    if plan.engine == Engine::Ollama {
        text.push_str(&ollama(plan));
        return text;
    }
    let place = Place { follows: rank > 0, rank: &rank.to_string(), leader: "$LEADER", key: "$API_KEY" };
    if plan.ray {
        text.push_str(&line(if rank > 0 { "exec " } else { "" }, ray(&place)));
        if rank > 0 {
            return text;
        }
    }
    let mut all = program(plan.program);
    all.extend(words(plan, &place));
    text.push_str(&line("exec ", all));
    text
}

/// The server is started if none answers, then the model is made from the lines of the Modelfile.
fn ollama(plan: &Plan) -> String {
    let name = quoted(&plan.model_id);
    format!(
        "modelfile=$(mktemp)\ntrap 'rm -f \"$modelfile\"' EXIT\ncat > \"$modelfile\" <<'MODELFILE'\n{}MODELFILE\n\
         ollama serve &\nserver=$!\nuntil ollama list > /dev/null 2>&1; do\n  kill -0 \"$server\"\n  sleep 1\ndone\n\
         ollama create {name} -f \"$modelfile\"\nwait \"$server\"\n",
        super::modelfile::text(plan)
    )
}

/// A flag and its value on each line.
fn line(before: &str, words: Vec<Word>) -> String {
    let mut text = before.to_owned();
    for (index, word) in words.iter().enumerate() {
        let (word, flag) = match word {
            Word::Plain(word) => (quoted(word), word.starts_with("--")),
            Word::Filled(word) if word.contains('$') => (format!("\"{word}\""), word.starts_with("--")),
            Word::Filled(word) => (quoted(word), false),
        };
        text.push_str(match index {
            0 => "",
            _ if flag => " \\\n  ",
            _ => " ",
        });
        text.push_str(&word);
    }
    text.push('\n');
    text
}

fn quoted(word: &str) -> String {
    shlex::try_quote(word).expect("words of a plan hold no NUL").into_owned()
}

//! A unit per machine, for an engine that is installed there. The address of the first machine comes from a file, because
//! it is not the plan's to know.
use super::{File, KEY_IN_SHELL, Place, Word, program, ray, title, variables, words};
use crate::plan::{Engine, Plan};

const ADDRESSES: &str = "/etc/default/whaledeck";

pub(super) fn files(plan: &Plan) -> Vec<File> {
    (0..plan.inventory.machines)
        .map(|rank| {
            let suffix = if plan.inventory.machines > 1 { format!("-{rank}") } else { String::new() };
            File { name: format!("whaledeck-{}{suffix}.service", plan.model_id), text: unit(plan, rank) }
        })
        .collect()
}

fn unit(plan: &Plan, rank: u32) -> String {
    let key = if plan.ray { KEY_IN_SHELL } else { "${API_KEY}" };
    let place = Place { follows: rank > 0, rank: &rank.to_string(), leader: "${LEADER}", key };
    let mut text = format!(
        "# {}\n[Unit]\nDescription={} ({})\nWants=network-online.target\nAfter=network-online.target\n\n[Service]\n",
        title(plan),
        plan.model_name,
        plan.engine.name()
    );
    if plan.inventory.machines > 1 {
        text.push_str("# A line there: LEADER=address of the first machine\n");
    }
    if plan.has_key() {
        text.push_str("# A line there: API_KEY=key that callers must show\n");
    }
    if plan.inventory.machines > 1 || plan.has_key() {
        text.push_str(&format!("EnvironmentFile={ADDRESSES}\n"));
    }
    for (name, value) in variables(plan) {
        text.push_str(&format!("Environment={}\n", quoted(&format!("{name}={value}"))));
    }
    if plan.ray && rank > 0 {
        text.push_str(&command("ExecStart", ray(&place)));
    } else {
        let mut all = program(plan.program);
        all.extend(words(plan, &place));
        if plan.ray {
            // Ray stays behind its command, and systemd ends whatever a command before the main one leaves running.
            let both = format!("{} && exec {}", super::joined(ray(&place)), super::joined(all));
            all = ["sh", "-c", &both].map(|word| Word::Plain(word.to_owned())).into();
        }
        text.push_str(&command("ExecStart", all));
        if plan.engine == Engine::Ollama {
            text.push_str(&format!(
                "# The Modelfile of this plan belongs there; the server must answer before it is read. The weights may come first.\n\
                 TimeoutStartSec=infinity\nExecStartPost=/usr/bin/env sh -c 'until ollama list >/dev/null 2>&1; do sleep 1; done; exec ollama create {} -f {ADDRESSES}.Modelfile'\n",
                plan.model_id
            ));
        }
    }
    // Loading takes many minutes, and the unit is up as soon as the program runs.
    text.push_str("Restart=on-failure\nRestartSec=30\nLimitMEMLOCK=infinity\nDynamicUser=yes\nCacheDirectory=whaledeck\n");
    text.push_str("Environment=HF_HOME=/var/cache/whaledeck\n");
    if plan.engine == Engine::Ollama {
        text.push_str(
            "Environment=OLLAMA_MODELS=/var/cache/whaledeck\nEnvironment=HOME=/var/cache/whaledeck\n",
        );
    }
    text.push_str("\n[Install]\nWantedBy=multi-user.target\n");
    text
}

fn command(name: &str, words: Vec<Word>) -> String {
    let words = words.iter().map(|word| match word {
        Word::Plain(word) => quoted(word),
        Word::Filled(word) => word.clone(),
    });
    format!("{name}=/usr/bin/env {}\n", words.collect::<Vec<_>>().join(" "))
}

/// systemd reads quotes as a shell does, and `%` and `$` as its own.
fn quoted(word: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('%', "%%").replace('$', "$$");
    let simple = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%$".contains(letter);
    if !word.is_empty() && word.chars().all(simple) {
        word
    } else {
        format!("'{}'", word.replace('\'', "\\'"))
    }
}

//! A unit per host, for an engine that is installed there. The address of the first host comes from an
//! environment file, because a plan does not contain it.
use super::{Arg, KEY_IN_SHELL, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::{Engine, Plan};

const ENVIRONMENT_FILE: &str = "/etc/default/whaledeck";

pub(super) fn files(plan: &Plan) -> Vec<OutputFile> {
    (0..plan.inventory.hosts)
        .map(|rank| {
            let suffix = if plan.inventory.hosts > 1 { format!("-{rank}") } else { String::new() };
            OutputFile {
                name: format!("whaledeck-{}{suffix}.service", plan.model_id),
                text: unit(plan, rank),
            }
        })
        .collect()
}

fn unit(plan: &Plan, rank: u32) -> String {
    let key = if plan.ray { KEY_IN_SHELL } else { "${API_KEY}" };
    let vars = NodeVars { is_follower: rank > 0, rank: &rank.to_string(), leader: "${LEADER}", key };
    let mut text = format!(
        "# {}\n[Unit]\nDescription={} ({})\nWants=network-online.target\nAfter=network-online.target\n\n[Service]\n",
        title(plan),
        plan.model_name,
        plan.engine.name()
    );
    if plan.inventory.hosts > 1 {
        text.push_str("# A line there: LEADER=address of the first machine\n");
    }
    if plan.requires_key() {
        text.push_str("# A line there: API_KEY=key that callers must show\n");
    }
    if plan.inventory.hosts > 1 || plan.requires_key() {
        text.push_str(&format!("EnvironmentFile={ENVIRONMENT_FILE}\n"));
    }
    for (name, value) in variables(plan) {
        text.push_str(&format!("Environment={}\n", quote(&format!("{name}={value}"))));
    }
    if plan.ray && rank > 0 {
        text.push_str(&command("ExecStart", ray(&vars)));
    } else {
        let mut all = program(plan.program);
        all.extend(args(plan, &vars));
        if plan.ray {
            // `ray start` leaves processes running, and systemd kills what an ExecStartPre leaves running.
            let both = format!("{} && exec {}", super::shell_line(ray(&vars)), super::shell_line(all));
            all = ["sh", "-c", &both].map(|arg| Arg::Literal(arg.to_owned())).into();
        }
        text.push_str(&command("ExecStart", all));
        if plan.engine == Engine::Ollama {
            text.push_str(&format!(
                "# The Modelfile of this plan belongs there; the server must answer before it is read. The weights may come first.\n\
                 TimeoutStartSec=infinity\nExecStartPost=/usr/bin/env sh -c 'until ollama list >/dev/null 2>&1; do sleep 1; done; exec ollama create {} -f {ENVIRONMENT_FILE}.Modelfile'\n",
                plan.model_id
            ));
        }
    }
    // Loading takes many minutes; the unit is active as soon as the program runs.
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

fn command(name: &str, args: Vec<Arg>) -> String {
    let args = args.iter().map(|arg| match arg {
        Arg::Literal(arg) => quote(arg),
        Arg::Template(arg) => arg.clone(),
    });
    format!("{name}=/usr/bin/env {}\n", args.collect::<Vec<_>>().join(" "))
}

/// systemd reads quotes as a shell does, and expands `%` and `$` itself.
fn quote(arg: &str) -> String {
    let arg = arg.replace('\\', "\\\\").replace('%', "%%").replace('$', "$$");
    let simple = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%$".contains(letter);
    if !arg.is_empty() && arg.chars().all(simple) { arg } else { format!("'{}'", arg.replace('\'', "\\'")) }
}

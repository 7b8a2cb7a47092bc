//! A compose file per host, because a compose file describes one host.
//! The API key and the leader's address stay variables that compose asks for; no secret is written.
use catalog::Vendor;

use super::{Arg, KEY_IN_SHELL, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::plan::Plan;

pub(super) fn files(plan: &Plan) -> Vec<OutputFile> {
    let several = plan.inventory.hosts > 1;
    (0..plan.inventory.hosts)
        .map(|rank| {
            let name = if several { format!("compose-{rank}.yaml") } else { "compose.yaml".to_owned() };
            OutputFile { name, text: file(plan, rank) }
        })
        .collect()
}

fn file(plan: &Plan, rank: u32) -> String {
    // Compose prints this message and stops when the variable is missing.
    let leader = "${LEADER:?set LEADER to the address of the first machine}";
    let given = "${API_KEY:?set API_KEY to the key that callers must show}";
    let key = if plan.ray { KEY_IN_SHELL } else { given };
    let vars = NodeVars { is_follower: rank > 0, rank: &rank.to_string(), leader, key };
    let mut command = program(plan.container.program);
    command.extend(args(plan, &vars));
    if plan.ray {
        command = if rank > 0 { ray(&vars) } else { vec![Arg::Literal(with_ray(command, &vars))] };
    }
    let mut text = format!("# {}\nservices:\n  engine:\n", title(plan));
    text.push_str(&format!("    image: {}\n", yaml_string(&plan.container.image)));
    // Ranks connect over ports that they choose, and GPUs of one host over shared memory.
    text.push_str("    network_mode: host\n    ipc: host\n    shm_size: 32gb\n    restart: unless-stopped\n");
    let shell = plan.ray && rank == 0;
    if shell {
        text.push_str("    entrypoint: [\"/bin/sh\", \"-c\"]\n");
    } else {
        text.push_str("    entrypoint: []\n");
    }
    text.push_str("    command:\n");
    for arg in command {
        let arg = match arg {
            // Compose substitutes `$` in templates only; a literal one is escaped.
            Arg::Literal(arg) => arg.replace('$', "$$"),
            Arg::Template(arg) => arg,
        };
        text.push_str(&format!("      - {}\n", yaml_string(&arg)));
    }
    text.push_str("    environment:\n      HF_HOME: /models\n");
    for (name, value) in variables(plan) {
        text.push_str(&format!("      {name}: {}\n", yaml_string(value)));
    }
    if plan.ray && plan.requires_key() {
        text.push_str(&format!("      API_KEY: {}\n", yaml_string(given)));
    }
    text.push_str("    volumes:\n      - models:/models\n");
    text.push_str(match plan.container.vendor {
        Vendor::Nvidia => {
            "    deploy:\n      resources:\n        reservations:\n          devices:\n            - driver: nvidia\n              \
             count: all\n              capabilities: [gpu]\n"
        }
        Vendor::Amd => {
            "    devices:\n      - /dev/kfd\n      - /dev/dri\n    group_add:\n      - video\n    cap_add:\n      - SYS_PTRACE\n    \
             security_opt:\n      - seccomp=unconfined\n"
        }
    });
    text.push_str("volumes:\n  models: {}\n");
    text
}

/// `ray start --head` and the engine in one container.
fn with_ray(engine: Vec<Arg>, vars: &NodeVars) -> String {
    format!("{} && exec {}", super::shell_line(ray(vars)), super::shell_line(engine))
}

/// A JSON string is a valid YAML string.
pub(super) fn yaml_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

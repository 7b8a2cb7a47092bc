//! A compose file per machine, because compose knows one machine.
use catalog::Vendor;

use super::{File, KEY_IN_SHELL, Place, Word, program, ray, title, variables, words};
use crate::plan::Plan;

pub(super) fn files(plan: &Plan) -> Vec<File> {
    let several = plan.inventory.machines > 1;
    (0..plan.inventory.machines)
        .map(|rank| {
            let name = if several { format!("compose-{rank}.yaml") } else { "compose.yaml".to_owned() };
            File { name, text: file(plan, rank) }
        })
        .collect()
}

fn file(plan: &Plan, rank: u32) -> String {
    // Compose itself stops with this sentence when the variable is missing.
    let leader = "${LEADER:?set LEADER to the address of the first machine}";
    let given = "${API_KEY:?set API_KEY to the key that callers must show}";
    let key = if plan.ray { KEY_IN_SHELL } else { given };
    let place = Place { follows: rank > 0, rank: &rank.to_string(), leader, key };
    let mut command = program(plan.container.program);
    command.extend(words(plan, &place));
    if plan.ray {
        command = if rank > 0 { ray(&place) } else { vec![Word::Plain(with_ray(command, &place))] };
    }
    let mut text = format!("# {}\nservices:\n  engine:\n", title(plan));
    text.push_str(&format!("    image: {}\n", string(&plan.container.image)));
    // Machines talk over ports they choose, and cards over shared memory.
    text.push_str("    network_mode: host\n    ipc: host\n    shm_size: 32gb\n    restart: unless-stopped\n");
    let shell = plan.ray && rank == 0;
    if shell {
        text.push_str("    entrypoint: [\"/bin/sh\", \"-c\"]\n");
    } else {
        text.push_str("    entrypoint: []\n");
    }
    text.push_str("    command:\n");
    for word in command {
        let word = match word {
            // A dollar of ours is for compose when it names the first machine, else for nobody.
            Word::Plain(word) => word.replace('$', "$$"),
            Word::Filled(word) => word,
        };
        text.push_str(&format!("      - {}\n", string(&word)));
    }
    text.push_str("    environment:\n      HF_HOME: /models\n");
    for (name, value) in variables(plan) {
        text.push_str(&format!("      {name}: {}\n", string(value)));
    }
    if plan.ray && plan.has_key() {
        text.push_str(&format!("      API_KEY: {}\n", string(given)));
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

/// Ray's head and the engine in one container.
fn with_ray(engine: Vec<Word>, place: &Place) -> String {
    format!("{} && exec {}", super::joined(ray(place)), super::joined(engine))
}

/// JSON's strings are YAML's.
pub(super) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

//! A compose file per host, because a compose file describes one host.
//! The API key and the leader's address stay variables that compose asks for; no secret is written.
use super::yaml::{Node, document, flow, list, map, quoted};
use super::{Arg, KEY_IN_SHELL, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::{Container, Plan};

pub(super) fn files(plan: &Plan, container: &Container) -> Vec<OutputFile> {
    let several = plan.inventory.hosts > 1;
    (0..plan.inventory.hosts)
        .map(|rank| {
            let name = if several { format!("compose-{rank}.yaml") } else { "compose.yaml".to_owned() };
            OutputFile { name, text: file(plan, container, rank) }
        })
        .collect()
}

fn file(plan: &Plan, container: &Container, rank: u32) -> String {
    // Compose prints this message and stops when the variable is missing.
    let leader = "${LEADER:?set LEADER to the address of the first machine}";
    let given = "${API_KEY:?set API_KEY to the key that callers must show}";
    let key = if plan.ray { KEY_IN_SHELL } else { given };
    let vars = NodeVars { is_follower: rank > 0, rank: &rank.to_string(), leader, key };
    let mut command = program(container.program);
    command.extend(args(plan, &vars));
    if plan.ray {
        command = if rank > 0 { ray(&vars) } else { vec![Arg::Literal(with_ray(command, &vars))] };
    }
    let shell: &[&str] = if plan.ray && rank == 0 { &["/bin/sh", "-c"] } else { &[] };
    let mut environment = vec![("HF_HOME", "/models".into())];
    environment.extend(variables(plan).map(|(name, value)| (name, quoted(value))));
    if plan.ray && plan.requires_key() {
        environment.push(("API_KEY", quoted(given)));
    }
    let mut engine = vec![
        ("image", quoted(&container.image)),
        // Ranks connect over ports that they choose, and GPUs of one host over shared memory.
        ("network_mode", "host".into()),
        ("ipc", "host".into()),
        ("shm_size", "32gb".into()),
        ("restart", "unless-stopped".into()),
        ("entrypoint", flow(shell.iter().map(|word| quoted(word)))),
        ("command", list(command.into_iter().map(word))),
        ("environment", map(environment)),
        ("volumes", list(["models:/models".into()])),
    ];
    engine.extend(gpus(container.amd));
    let compose =
        map([("services", map([("engine", map(engine))])), ("volumes", map([("models", map([]))]))]);
    format!("# {}\n{}", title(plan), document(&compose))
}

fn word(arg: Arg) -> Node {
    match arg {
        // Compose substitutes `$` in templates only; a literal one is escaped.
        Arg::Literal(arg) => quoted(&arg.replace('$', "$$")),
        Arg::Template(arg) => quoted(&arg),
    }
}

fn gpus(amd: bool) -> Vec<(&'static str, Node)> {
    match amd {
        false => {
            let all = map([
                ("driver", "nvidia".into()),
                ("count", "all".into()),
                ("capabilities", flow(["gpu".into()])),
            ]);
            let reservations = map([("devices", list([all]))]);
            vec![("deploy", map([("resources", map([("reservations", reservations)]))]))]
        }
        true => vec![
            ("devices", list(["/dev/kfd".into(), "/dev/dri".into()])),
            ("group_add", list(["video".into()])),
            ("cap_add", list(["SYS_PTRACE".into()])),
            ("security_opt", list(["seccomp=unconfined".into()])),
        ],
    }
}

/// `ray start --head` and the engine in one container.
fn with_ray(engine: Vec<Arg>, vars: &NodeVars) -> String {
    format!("{} && exec {}", super::shell_line(ray(vars)), super::shell_line(engine))
}

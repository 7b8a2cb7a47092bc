//! A LeaderWorkerSet (0.6 or newer, which numbers its pods) and the Service of its leader. A pod is a host.
//! The Service and the readiness probe reach a pod over the cluster's network, so the server binds to all
//! interfaces and takes its API key from a Secret.
use super::yaml::{Node, commented, document, list, map, quoted};
use super::{Arg, KEY_IN_SHELL, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::{Container, Plan};

/// Kubernetes' limit for the name of a set, which its pods and services carry as a label.
const NAME_LIMIT: usize = 50;

/// Key of the Secret, and the environment variable of the container.
const KEY: &str = "API_KEY";

pub(super) fn files(plan: &Plan, container: &Container) -> Option<Vec<OutputFile>> {
    let open = if plan.requires_key() { plan.clone() } else { plan.clone().open_to_network()? };
    Some(manifest(&open, container))
}

fn manifest(plan: &Plan, container: &Container) -> Vec<OutputFile> {
    let hosts = plan.inventory.hosts;
    let name = name(plan);
    let leader = map([
        ("metadata", map([("labels", map([("role", "leader".into())]))])),
        ("spec", pod(plan, container, false)),
    ]);
    // A set of size 1 has no workers, but its schema requires their template.
    let worker = map([("spec", pod(plan, container, hosts > 1))]);
    let template = map([
        ("size", hosts.into()),
        ("restartPolicy", "RecreateGroupOnPodRestart".into()),
        ("leaderTemplate", leader),
        ("workerTemplate", worker),
    ]);
    let set = object(
        "leaderworkerset.x-k8s.io/v1",
        "LeaderWorkerSet",
        &name,
        map([("replicas", 1.into()), ("leaderWorkerTemplate", template)]),
    );
    let port = u32::from(plan.port);
    let selector = map([("leaderworkerset.sigs.k8s.io/name", (&*name).into()), ("role", "leader".into())]);
    let http = map([("name", "http".into()), ("port", port.into()), ("targetPort", port.into())]);
    let service = object("v1", "Service", &name, map([("selector", selector), ("ports", list([http]))]));
    let text = format!(
        "# {}\n# First: kubectl create secret generic {name} --from-literal={KEY}=\"$(openssl rand -hex 32)\"\n{set}---\n\
         {service}",
        title(plan)
    );
    vec![OutputFile { name: format!("{name}.yaml"), text }]
}

fn object(api_version: &str, kind: &str, name: &str, spec: Node) -> String {
    document(&map([
        ("apiVersion", api_version.into()),
        ("kind", kind.into()),
        ("metadata", map([("name", name.into())])),
        ("spec", spec),
    ]))
}

fn name(plan: &Plan) -> String {
    let mut name = format!("{}-{}", plan.engine.name(), plan.model_id).replace(['.', '_'], "-");
    name.truncate(NAME_LIMIT);
    name.trim_end_matches('-').to_owned()
}

fn pod(plan: &Plan, image: &Container, is_follower: bool) -> Node {
    let key = if plan.ray { KEY_IN_SHELL } else { "$(API_KEY)" };
    let vars = NodeVars { is_follower, rank: "$(LWS_WORKER_INDEX)", leader: "$(LWS_LEADER_ADDRESS)", key };
    let mut command = program(image.program);
    command.extend(args(plan, &vars));
    if plan.ray {
        command = if is_follower {
            ray(&vars)
        } else {
            let script = format!("{} && exec {}", super::shell_line(ray(&vars)), super::shell_line(command));
            vec![Arg::Literal("/bin/sh".into()), Arg::Literal("-c".into()), Arg::Literal(script)]
        };
    }
    let secret = map([("name", (&*name(plan)).into()), ("key", KEY.into())]);
    let env = std::iter::once(("HF_HOME", "/models"))
        .chain(variables(plan))
        .map(|(name, value)| map([("name", name.into()), ("value", quoted(value))]))
        .chain([map([("name", KEY.into()), ("valueFrom", map([("secretKeyRef", secret)]))])]);
    let resource = if image.amd { "amd.com/gpu" } else { "nvidia.com/gpu" };
    let gpus = quoted(&plan.inventory.gpus_per_host.to_string());
    let mut container = vec![
        ("name", "engine".into()),
        ("image", quoted(&image.image)),
        ("command", list(command.into_iter().map(word))),
        ("env", list(env)),
        ("resources", map([("limits", map([(resource, gpus)]))])),
    ];
    if !is_follower {
        let port = u32::from(plan.port);
        let get = map([("path", plan.health.into()), ("port", port.into())]);
        container.push(("ports", list([map([("containerPort", port.into())])])));
        container.push(("readinessProbe", map([("httpGet", get), ("periodSeconds", 10.into())])));
    }
    let mounts = [("dshm", "/dev/shm"), ("models", "/models")]
        .map(|(volume, path)| map([("name", volume.into()), ("mountPath", path.into())]));
    container.push(("volumeMounts", list(mounts)));
    let models = commented("models", "Survives its pod when you put a claim of your own here.");
    let volumes = [
        map([("name", "dshm".into()), ("emptyDir", map([("medium", "Memory".into())]))]),
        map([("name", models), ("emptyDir", map([]))]),
    ];
    map([("containers", list([map(container)])), ("volumes", list(volumes))])
}

fn word(arg: Arg) -> Node {
    match arg {
        // Kubernetes substitutes `$(` in templates only; a literal one is escaped.
        Arg::Literal(arg) => quoted(&arg.replace("$(", "$$(")),
        Arg::Template(arg) => quoted(&arg),
    }
}

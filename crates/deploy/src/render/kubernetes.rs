//! A LeaderWorkerSet (0.6 or newer, which numbers its pods) and the Service of its leader. A pod is a host.
//! The Service and the readiness probe reach a pod over the cluster's network, so the server binds to all
//! interfaces and takes its API key from a Secret.
use catalog::Vendor;

use super::compose::yaml_string;
use super::{Arg, KEY_IN_SHELL, NodeVars, OutputFile, args, program, ray, title, variables};
use crate::plan::Plan;

/// Kubernetes' limit for the name of a set, which its pods and services carry as a label.
const NAME_LIMIT: usize = 50;

/// Key of the Secret, and the environment variable of the container.
const KEY: &str = "API_KEY";

pub(super) fn files(plan: &Plan) -> Option<Vec<OutputFile>> {
    let open = if plan.requires_key() { plan.clone() } else { plan.clone().open_to_network()? };
    Some(manifest(&open))
}

fn manifest(plan: &Plan) -> Vec<OutputFile> {
    let hosts = plan.inventory.hosts;
    let name = name(plan);
    let mut text = format!(
        "# {}\n# First: kubectl create secret generic {name} --from-literal={KEY}=\"$(openssl rand -hex 32)\"\napiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata:\n  name: {name}\nspec:\n  replicas: 1\n  \
         leaderWorkerTemplate:\n    size: {hosts}\n    restartPolicy: RecreateGroupOnPodRestart\n",
        title(plan)
    );
    text.push_str(&format!(
        "    leaderTemplate:\n      metadata:\n        labels:\n          role: leader\n      spec:\n{}",
        pod(plan, false)
    ));
    // A set of size 1 has no workers, but its schema requires their template.
    text.push_str(&format!("    workerTemplate:\n      spec:\n{}", pod(plan, hosts > 1)));
    text.push_str(&format!(
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    \
         leaderworkerset.sigs.k8s.io/name: {name}\n    role: leader\n  ports:\n    - name: http\n      port: {port}\n      \
         targetPort: {port}\n",
        port = plan.port
    ));
    vec![OutputFile { name: format!("{name}.yaml"), text }]
}

fn name(plan: &Plan) -> String {
    let mut name = format!("{}-{}", plan.engine.name(), plan.model_id).replace(['.', '_'], "-");
    name.truncate(NAME_LIMIT);
    name.trim_end_matches('-').to_owned()
}

fn pod(plan: &Plan, is_follower: bool) -> String {
    let key = if plan.ray { KEY_IN_SHELL } else { "$(API_KEY)" };
    let vars = NodeVars { is_follower, rank: "$(LWS_WORKER_INDEX)", leader: "$(LWS_LEADER_ADDRESS)", key };
    let mut command = program(plan.container.program);
    command.extend(args(plan, &vars));
    if plan.ray {
        command = if is_follower {
            ray(&vars)
        } else {
            let script = format!("{} && exec {}", super::shell_line(ray(&vars)), super::shell_line(command));
            vec![Arg::Literal("/bin/sh".into()), Arg::Literal("-c".into()), Arg::Literal(script)]
        };
    }
    let mut lines = vec!["containers:".to_owned(), "  - name: engine".into()];
    let mut put = |line: String| lines.push(format!("    {line}"));
    put(format!("image: {}", yaml_string(&plan.container.image)));
    put("command:".into());
    for arg in command {
        let arg = match arg {
            Arg::Literal(arg) => arg.replace("$(", "$$("),
            Arg::Template(arg) => arg,
        };
        put(format!("  - {}", yaml_string(&arg)));
    }
    put("env:".into());
    for (name, value) in std::iter::once(("HF_HOME", "/models")).chain(variables(plan)) {
        put(format!("  - name: {name}"));
        put(format!("    value: {}", yaml_string(value)));
    }
    put(format!("  - name: {KEY}"));
    put("    valueFrom:".into());
    put("      secretKeyRef:".into());
    put(format!("        name: {}", name(plan)));
    put(format!("        key: {KEY}"));
    let resource = match plan.container.vendor {
        Vendor::Nvidia => "nvidia.com/gpu",
        Vendor::Amd => "amd.com/gpu",
    };
    put("resources:".into());
    put("  limits:".into());
    put(format!("    {resource}: {}", yaml_string(&plan.inventory.gpus_per_host.to_string())));
    if !is_follower {
        put("ports:".into());
        put(format!("  - containerPort: {}", plan.port));
        put("readinessProbe:".into());
        put("  httpGet:".into());
        put(format!("    path: {}", plan.health));
        put(format!("    port: {}", plan.port));
        put("  periodSeconds: 10".into());
    }
    put("volumeMounts:".into());
    for (volume, path) in [("dshm", "/dev/shm"), ("models", "/models")] {
        put(format!("  - name: {volume}"));
        put(format!("    mountPath: {path}"));
    }
    lines.extend(
        [
            "volumes:",
            "  - name: dshm",
            "    emptyDir:",
            "      medium: Memory",
            "  # Survives its pod when you put a claim of your own here.",
            "  - name: models",
            "    emptyDir: {}",
        ]
        .map(str::to_owned),
    );
    lines.iter().map(|line| format!("        {line}\n")).collect()
}

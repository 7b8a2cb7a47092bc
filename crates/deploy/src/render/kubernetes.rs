//! A LeaderWorkerSet (0.6 or newer, which numbers its pods) and the Service before its leader. A pod is a machine. The Service and
//! the probe reach a pod over the cluster's network, so that it is open there, and asks for the key of a Secret.
use catalog::Vendor;

use super::compose::string;
use super::{File, KEY_IN_SHELL, Place, Word, program, ray, title, variables, words};
use crate::plan::Plan;

/// Kubernetes' own limit for the names of sets whose pods and services carry it as a label.
const NAME_LIMIT: usize = 50;

/// Where the key comes from, and the name it has for the command.
const KEY: &str = "API_KEY";

pub(super) fn files(plan: &Plan) -> Option<Vec<File>> {
    let open = if plan.has_key() { plan.clone() } else { plan.clone().open()? };
    Some(of_open(&open))
}

fn of_open(plan: &Plan) -> Vec<File> {
    let machines = plan.inventory.machines;
    let name = name(plan);
    let mut text = format!(
        "# {}\n# First: kubectl create secret generic {name} --from-literal={KEY}=\"$(openssl rand -hex 32)\"\napiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata:\n  name: {name}\nspec:\n  replicas: 1\n  \
         leaderWorkerTemplate:\n    size: {machines}\n    restartPolicy: RecreateGroupOnPodRestart\n",
        title(plan)
    );
    text.push_str(&format!(
        "    leaderTemplate:\n      metadata:\n        labels:\n          role: leader\n      spec:\n{}",
        pod(plan, false)
    ));
    // A set of one has no workers, but its schema asks for their template.
    text.push_str(&format!("    workerTemplate:\n      spec:\n{}", pod(plan, machines > 1)));
    text.push_str(&format!(
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  selector:\n    \
         leaderworkerset.sigs.k8s.io/name: {name}\n    role: leader\n  ports:\n    - name: http\n      port: {port}\n      \
         targetPort: {port}\n",
        port = plan.port
    ));
    vec![File { name: format!("{name}.yaml"), text }]
}

fn name(plan: &Plan) -> String {
    let mut name = format!("{}-{}", plan.engine.name(), plan.model_id).replace(['.', '_'], "-");
    name.truncate(NAME_LIMIT);
    name.trim_end_matches('-').to_owned()
}

fn pod(plan: &Plan, follows: bool) -> String {
    let key = if plan.ray { KEY_IN_SHELL } else { "$(API_KEY)" };
    let place = Place { follows, rank: "$(LWS_WORKER_INDEX)", leader: "$(LWS_LEADER_ADDRESS)", key };
    let mut command = program(plan.container.program);
    command.extend(words(plan, &place));
    if plan.ray {
        command = if follows {
            ray(&place)
        } else {
            let script = format!("{} && exec {}", super::joined(ray(&place)), super::joined(command));
            vec![Word::Plain("/bin/sh".into()), Word::Plain("-c".into()), Word::Plain(script)]
        };
    }
    let mut lines = vec!["containers:".to_owned(), "  - name: engine".into()];
    let mut put = |line: String| lines.push(format!("    {line}"));
    put(format!("image: {}", string(&plan.container.image)));
    put("command:".into());
    for word in command {
        let word = match word {
            Word::Plain(word) => word.replace("$(", "$$("),
            Word::Filled(word) => word,
        };
        put(format!("  - {}", string(&word)));
    }
    put("env:".into());
    for (name, value) in std::iter::once(("HF_HOME", "/models")).chain(variables(plan)) {
        put(format!("  - name: {name}"));
        put(format!("    value: {}", string(value)));
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
    put(format!("    {resource}: {}", string(&plan.inventory.cards.to_string())));
    if !follows {
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

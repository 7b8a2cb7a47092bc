//! The directions of import between crates, read from `cargo metadata`: the table of what each crate may use.
//! It is the rule behind the code map of ARCHITECTURE.md. Directions within a crate are in `circles`.
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crate -> everything it links, itself included, without build and test dependencies.
struct Graph {
    direct: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            // Only what this platform links: the others' packages are not on a machine that never built for
            // them.
            .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "host-tuple"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        let name_of: BTreeMap<&str, &str> = metadata["packages"]
            .as_array()
            .expect("packages")
            .iter()
            .map(|package| (package["id"].as_str().expect("id"), package["name"].as_str().expect("name")))
            .collect();
        let mut direct = BTreeMap::<String, BTreeSet<String>>::new();
        for node in metadata["resolve"]["nodes"].as_array().expect("nodes") {
            let from = name_of[node["id"].as_str().expect("id")].to_owned();
            let linked = node["deps"].as_array().expect("deps").iter().filter(|dep| {
                dep["dep_kinds"].as_array().expect("kinds").iter().any(|kind| kind["kind"].is_null())
            });
            let names = linked.map(|dep| name_of[dep["pkg"].as_str().expect("pkg")].to_owned());
            direct.entry(from).or_default().extend(names);
        }
        Self { direct }
    }

    fn reaches(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.to_owned()];
        while let Some(name) = open.pop() {
            if seen.insert(name.clone()) {
                open.extend(self.direct.get(&name).into_iter().flatten().cloned());
            }
        }
        seen
    }

    fn may_link(&self, dependency: &str, allowed: &[&str]) {
        for member in WORKSPACE {
            let direct = self.direct.get(*member).is_some_and(|deps| deps.contains(dependency));
            assert!(!direct || allowed.contains(member), "`{member}` must not depend on `{dependency}`");
            assert!(
                direct || !allowed.contains(member),
                "`{member}` may depend on `{dependency}` and does not"
            );
        }
    }
}

const WORKSPACE: &[&str] = &[
    "app",
    "catalog",
    "checkpoint",
    "cli",
    "connect",
    "contract",
    "cuda",
    "deploy",
    "documents",
    "endpoint",
    "engine",
    "evaluation",
    "formats",
    "hardware",
    "history",
    "hub",
    "kernels",
    "messages",
    "models",
    "outbound",
    "plan",
    "protocol",
    "script",
    "secrets",
    "server",
    "store",
    "testkit",
    "text",
    "tools",
    "vision",
    "whaledeck",
    "xtask",
];

/// Each crate and the workspace crates that it may import.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("contract", &["protocol"]),
    ("hardware", &[]),
    ("formats", &[]),
    ("cuda", &["formats"]),
    ("store", &[]),
    ("secrets", &["store"]),
    ("checkpoint", &["formats", "protocol"]),
    ("catalog", &["checkpoint", "formats", "hardware", "protocol"]),
    ("outbound", &[]),
    ("hub", &["outbound", "store"]),
    ("kernels", &["cuda", "formats"]),
    ("models", &["kernels", "checkpoint"]),
    ("engine", &["models", "store"]),
    ("text", &["checkpoint"]),
    ("vision", &["checkpoint"]),
    (
        "server",
        &[
            "engine",
            "models",
            "text",
            "vision",
            "checkpoint",
            "documents",
            "hardware",
            "outbound",
            "protocol",
        ],
    ),
    ("endpoint", &["outbound", "protocol"]),
    ("testkit", &[]),
    ("plan", &["catalog"]),
    ("documents", &["protocol"]),
    ("connect", &["store"]),
    ("script", &[]),
    ("evaluation", &["script"]),
    ("tools", &["outbound", "script"]),
    ("deploy", &["plan", "endpoint", "hardware", "protocol"]),
    ("messages", &["catalog", "contract"]),
    ("history", &["store"]),
    (
        "app",
        &[
            "connect",
            "contract",
            "hardware",
            "checkpoint",
            "catalog",
            "outbound",
            "protocol",
            "hub",
            "endpoint",
            "messages",
            "plan",
            "deploy",
            "evaluation",
            "history",
            "secrets",
            "store",
            "tools",
            "vision",
        ],
    ),
    ("cli", &["app", "contract", "messages"]),
    ("whaledeck", &["app", "contract", "messages"]),
];

#[test]
fn imports_go_one_way() {
    let graph = Graph::read();
    for (name, allowed) in DIRECTIONS {
        for dependency in graph.direct.get(*name).expect("every crate of the list exists") {
            let member = WORKSPACE.contains(&dependency.as_str());
            assert!(
                !member || allowed.contains(&dependency.as_str()),
                "`{name}` must not import `{dependency}`"
            );
        }
    }
}

#[test]
fn every_permitted_import_is_used() {
    let graph = Graph::read();
    for (name, allowed) in DIRECTIONS {
        let direct = &graph.direct[*name];
        for dependency in *allowed {
            assert!(direct.contains(*dependency), "`{name}` may import `{dependency}` and does not");
        }
    }
}

#[test]
fn heavy_libraries_stay_in_their_crates() {
    let graph = Graph::read();
    graph.may_link("tauri", &["whaledeck"]);
    graph.may_link("axum", &["server", "testkit"]);
    graph.may_link("candle-core", &["kernels", "models"]);
    graph.may_link("cudarc", &["cuda"]);
    graph.may_link("rusqlite", &["history"]);
    graph.may_link("rquickjs", &["evaluation", "script"]);
    graph.may_link("rmcp", &["tools"]);
    // Readers of hostile files run in a process of their own.
    graph.may_link("hayro", &["documents"]);
    graph.may_link("documents", &["server"]);
    graph.may_link("keyring", &["secrets"]);
    graph.may_link("chacha20poly1305", &["secrets"]);
    // One way to replace a file.
    graph.may_link("tempfile", &["store", "xtask"]);
    // Tests may link them; no shipped program does.
    graph.may_link("testkit", &[]);
}

#[test]
fn hosts_never_link_the_engine() {
    let graph = Graph::read();
    for host in ["whaledeck", "cli"] {
        let linked = graph.reaches(host);
        for engine in ["candle-core", "cuda", "engine", "models", "kernels", "server"] {
            assert!(!linked.contains(engine), "`{host}` links `{engine}`");
        }
    }
}

#[test]
fn plans_and_verdicts_are_pure() {
    let graph = Graph::read();
    for pure in ["plan", "catalog", "evaluation"] {
        let linked = graph.reaches(pure);
        for impure in ["tokio", "reqwest", "outbound", "endpoint", "deploy"] {
            assert!(!linked.contains(impure), "`{pure}` links `{impure}`");
        }
    }
}

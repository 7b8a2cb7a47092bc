//! Open WebUI has no file of settings: a new one takes variables at its first start and keeps them in its
//! database, and one that ran before is connected on its own pages. Documented at docs.openwebui.com; not
//! seen to run here.

use crate::Server;
use crate::steps::{Field, Step, Way};

/// The port of its page; its own default is often the port of our server.
const PORT: &str = "3000";

pub(super) fn steps(server: &Server) -> Vec<Step> {
    vec![
        Step::Run { way: Way::Docker, command: docker(server) },
        Step::Run { way: Way::Pip, command: pip(server) },
        Step::Open { labels: &["Admin Panel", "Settings", "Connections", "OpenAI API"] },
        Step::Enter { field: Field::Address, value: server.v1() },
        Step::Enter { field: Field::Key, value: server.key.clone() },
    ]
}

/// The variables with their values, quoted for a shell. A name with a zero byte, the one thing that cannot be
/// quoted, was refused before.
fn assigned(server: &Server, base: &str) -> [String; 3] {
    [("OPENAI_API_BASE_URL", base), ("OPENAI_API_KEY", &server.key), ("DEFAULT_MODELS", &server.model)]
        .map(|(name, value)| format!("{name}={}", shlex::try_quote(value).unwrap_or_default()))
}

/// A container has an address of its own, from which the loopback of the machine is not reached. On Linux it
/// can share the network of the machine; elsewhere the loopback has another name inside it.
fn docker(server: &Server) -> String {
    let (is_local, shares) = (is_loopback(&server.base), cfg!(target_os = "linux"));
    let network =
        if is_local && shares { format!("--network host -e PORT={PORT}") } else { format!("-p {PORT}:8080") };
    let base = if is_local && !shares { elsewhere(&server.v1()) } else { server.v1() };
    let variables = assigned(server, &base).map(|variable| format!("-e {variable}")).join(" ");
    format!(
        "docker run -d --name open-webui {network} {variables} -v open-webui:/app/backend/data \
         ghcr.io/open-webui/open-webui:main"
    )
}

fn pip(server: &Server) -> String {
    format!("{} open-webui serve --port {PORT}", assigned(server, &server.v1()).join(" "))
}

fn host(base: &str) -> &str {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_loopback(base: &str) -> bool {
    let host = host(base);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn elsewhere(base: &str) -> String {
    let host = host(base);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    base.replacen(&host, "host.docker.internal", 1)
}

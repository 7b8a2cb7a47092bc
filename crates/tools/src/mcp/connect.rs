//! Opens the connection to a server and shakes hands. A program runs in a group of processes of its own, with
//! few variables of ours.
use std::collections::HashMap;
use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use outbound::Outbound;
use process_wrap::tokio::CommandWrap;
#[cfg(windows)]
use process_wrap::tokio::JobObject;
#[cfg(unix)]
use process_wrap::tokio::ProcessGroup;
use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client as HttpClient, Url, redirect};
use rmcp::service::{ClientInitializeError, RunningService};
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use rmcp::transport::{IntoTransport, TokioChildProcess};
use rmcp::{RoleClient, ServiceExt};
use tokio::process::Command;

use super::client::Client;
use super::environment::inherited;
use super::stderr::Stderr;
use super::{StartError, Transport};
use crate::ToolError;

/// The last lines of a program that ended arrive after its end.
const LAST_LINES: Duration = Duration::from_millis(200);

pub(super) async fn connect(
    transport: &Transport,
    outbound: &Outbound,
    limit: Duration,
) -> Result<(RunningService<RoleClient, Client>, Stderr), StartError> {
    match transport {
        Transport::Stdio { command, args, folder, env } => {
            let (process, stderr) = spawn(command, args, folder, env)
                .map_err(|error| StartError { error, stderr: Vec::new() })?;
            match shake_hands(process, limit).await {
                Ok(running) => Ok((running, stderr)),
                Err(error) => {
                    tokio::time::sleep(LAST_LINES).await;
                    Err(StartError { error, stderr: stderr.lines() })
                }
            }
        }
        Transport::Http { url, headers } => {
            let started = async {
                let config = StreamableHttpClientTransportConfig::with_uri(url.as_str())
                    .custom_headers(header_map(headers)?);
                let client = http_client(outbound, url)?;
                shake_hands(StreamableHttpClientTransport::with_client(client, config), limit).await
            };
            let running = started.await.map_err(|error| StartError { error, stderr: Vec::new() })?;
            Ok((running, Stderr::default()))
        }
    }
}

fn spawn(
    program: &str,
    args: &[String],
    folder: &str,
    env: &[(String, String)],
) -> Result<(TokioChildProcess, Stderr), ToolError> {
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(inherited()).envs(env.iter().map(|(name, value)| (name, value)));
    let home = std::env::home_dir();
    if !folder.is_empty() {
        command.current_dir(folder);
    } else if let Some(home) = home.filter(|home| home.is_dir()) {
        command.current_dir(home);
    }
    let mut command = CommandWrap::from(command);
    #[cfg(unix)]
    command.wrap(ProcessGroup::leader());
    // Not run: Windows.
    #[cfg(windows)]
    command.wrap(JobObject);
    let spawned = TokioChildProcess::builder(command).stderr(Stdio::piped()).spawn();
    let (process, stderr) = spawned.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound if folder.is_empty() || std::path::Path::new(folder).is_dir() => {
            ToolError::NoProgram { command: program.to_owned() }
        }
        _ => ToolError::NotStarted { reason: error.to_string() },
    })?;
    Ok((process, stderr.map(Stderr::read).unwrap_or_default()))
}

async fn shake_hands<T, E, A>(
    transport: T,
    limit: Duration,
) -> Result<RunningService<RoleClient, Client>, ToolError>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(limit, Client::default().serve(transport)).await {
        Err(_) => Err(ToolError::StartTimeout(limit)),
        Ok(Err(error)) if error.is_authorization_required() => Err(ToolError::Unauthorized),
        Ok(Err(error)) => Err(ToolError::NotStarted { reason: reason(&error) }),
        Ok(Ok(running)) => Ok(running),
    }
}

fn reason(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::ConnectionClosed(_) => "it ended before it answered".to_owned(),
        error => {
            let mut source: &dyn std::error::Error = error;
            while let Some(inner) = source.source() {
                source = inner;
            }
            source.to_string()
        }
    }
}

/// A server on this computer is reached without a proxy, and headers go to the address that was entered only.
fn http_client(outbound: &Outbound, url: &str) -> Result<HttpClient, ToolError> {
    let failed = |reason: String| ToolError::NotStarted { reason };
    let url = Url::parse(url).map_err(|_| failed(format!("`{url}` is not an address")))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>().map(|address| address.to_canonical());
    let local = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let builder = outbound.client().redirect(redirect::Policy::none());
    let builder = if local { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| failed(error.to_string()))
}

fn header_map(headers: &[(String, String)]) -> Result<HashMap<HeaderName, HeaderValue>, ToolError> {
    let mut map = HashMap::new();
    for (name, value) in headers {
        let odd = || ToolError::NotStarted { reason: format!("the header `{name}` is not allowed") };
        let header = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| odd())?;
        let mut value = HeaderValue::from_str(value.trim()).map_err(|_| odd())?;
        // Debug output of a request hides it.
        value.set_sensitive(true);
        map.insert(header, value);
    }
    Ok(map)
}

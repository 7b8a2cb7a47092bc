//! A running server of the Model Context Protocol: what it offers, a call, its end. It is started by
//! `connect`; the process of a server and all that it started end when this is dropped.

mod client;
mod connect;
mod content;
mod environment;
mod stderr;

use std::time::Duration;

use outbound::Outbound;
use rmcp::RoleClient;
use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, ServerResult, Tool};
use rmcp::service::{Peer, PeerRequestOptions, RequestHandle, RunningService, ServiceError};
use serde_json::{Map, Value};

use self::client::Client;
use self::content::result_of;
use self::stderr::Stderr;
use crate::{ToolDescription, ToolError, ToolResult};

/// How a server is reached, with its secrets.
#[derive(Clone, PartialEq, Eq)]
pub enum Transport {
    /// A program that speaks over its standard input and output.
    Stdio {
        command: String,
        args: Vec<String>,
        /// Empty for the user's home.
        folder: String,
        env: Vec<(String, String)>,
    },
    /// Streamable HTTP.
    Http { url: String, headers: Vec<(String, String)> },
}

impl std::fmt::Debug for Transport {
    /// Without values of variables and headers, because debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stdio { command, args, .. } => write!(f, "Stdio({command} {args:?})"),
            Self::Http { url, .. } => write!(f, "Http({url})"),
        }
    }
}

/// How long a server may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// A package runner downloads the server first.
    pub start: Duration,
    /// Without an answer and without a report of progress.
    pub call: Duration,
    /// Whatever it reports.
    pub longest_call: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(120),
            call: Duration::from_secs(120),
            longest_call: Duration::from_secs(30 * 60),
        }
    }
}

/// A server that was started. Dropping it ends its process.
pub struct McpServer {
    running: RunningService<RoleClient, Client>,
    stderr: Stderr,
    timeouts: Timeouts,
    /// A pipe breaks only when its program ends.
    is_program: bool,
}

impl McpServer {
    /// Starts a server and agrees on a version of the protocol. `stderr` of a program goes on being read.
    ///
    /// # Errors
    /// Why it is not reached.
    pub async fn start(
        transport: &Transport,
        outbound: &Outbound,
        timeouts: Timeouts,
    ) -> Result<Self, StartError> {
        let (running, stderr) = connect::connect(transport, outbound, timeouts.start).await?;
        let is_program = matches!(transport, Transport::Stdio { .. });
        Ok(Self { running, stderr, timeouts, is_program })
    }

    /// The tools that it offers now.
    ///
    /// # Errors
    /// When the server is silent or ended.
    pub async fn tools(&self) -> Result<Vec<ToolDescription>, ToolError> {
        let limit = self.timeouts.start;
        let listed = tokio::time::timeout(limit, self.running.list_all_tools()).await;
        let tools = listed.map_err(|_| ToolError::Timeout(limit))?.map_err(|error| self.failed(error))?;
        Ok(tools.into_iter().take(MOST_TOOLS).map(description).collect())
    }

    /// Whether the list of tools has changed since this was last asked.
    pub fn tools_changed(&self) -> bool {
        self.running.service().take_changed()
    }

    /// Whether the server has ended.
    pub fn is_closed(&self) -> bool {
        self.running.is_closed() || self.running.is_transport_closed()
    }

    /// The last lines that its program wrote to its standard error.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.lines()
    }

    /// Calls a tool. Dropping the future tells the server that nobody waits any more.
    ///
    /// # Errors
    /// When the call does not come through. What the tool itself reports is a result.
    pub async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<ToolResult, ToolError> {
        let params = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let options = PeerRequestOptions::with_timeout(self.timeouts.call)
            .reset_timeout_on_progress()
            .with_max_total_timeout(self.timeouts.longest_call);
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let handle = self.running.send_cancellable_request(request, options).await;
        let handle = handle.map_err(|error| self.failed(error))?;
        let mut cancel = CancelOnDrop::of(&handle);
        let answer = handle.await_response().await;
        cancel.disarm();
        match answer {
            Ok(ServerResult::CallToolResult(result)) => Ok(result_of(result)),
            Ok(_) => {
                Err(ToolError::Failed { reason: "the server asks for something that is not offered".into() })
            }
            // The tool does not exist, or its arguments are wrong: the model can do better.
            Err(ServiceError::McpError(error)) => Ok(ToolResult::error(error.message)),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: ServiceError) -> ToolError {
        match error {
            ServiceError::Timeout { timeout } => ToolError::Timeout(timeout),
            ServiceError::TransportClosed | ServiceError::Cancelled { .. } => ToolError::Ended,
            ServiceError::TransportSend(_) if self.is_program => ToolError::Ended,
            _ if self.is_closed() => ToolError::Ended,
            ServiceError::TransportSend(_) if error.is_authorization_required() => ToolError::Unauthorized,
            error => ToolError::Failed { reason: error.to_string() },
        }
    }
}

/// Why a server did not start, with the last lines of its standard error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartError {
    pub error: ToolError,
    pub stderr: Vec<String>,
}

/// Of one server. A longer list would fill every prompt.
const MOST_TOOLS: usize = 256;

fn description(tool: Tool) -> ToolDescription {
    let annotations = tool.annotations.unwrap_or_default();
    ToolDescription {
        title: tool.title.or(annotations.title).unwrap_or_default(),
        description: tool.description.map(String::from).unwrap_or_default(),
        schema: Value::Object((*tool.input_schema).clone()),
        read_only: annotations.read_only_hint.unwrap_or(false),
        name: tool.name.into_owned(),
    }
}

/// Tells the server that nobody waits for a request whose future was dropped.
struct CancelOnDrop {
    request: Option<(Peer<RoleClient>, rmcp::model::RequestId)>,
}

impl CancelOnDrop {
    fn of(handle: &RequestHandle<RoleClient>) -> Self {
        Self { request: Some((handle.peer.clone(), handle.id.clone())) }
    }

    fn disarm(&mut self) {
        self.request = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let (Some((peer, id)), Ok(runtime)) = (self.request.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        runtime.spawn(async move {
            let param = rmcp::model::CancelledNotificationParam::new(Some(id), Some("stopped".to_owned()));
            // A server that has ended needs no word.
            let _ = peer.notify_cancelled(param).await;
        });
    }
}

//! The servers of tools that run: one is started when it is first needed, and again when it has ended. Knows
//! no chat and no permission.
use std::collections::BTreeMap;
use std::sync::Arc;

use contract::{AppEvent, ErrorView, ToolServerState};
use outbound::Outbound;
use parking_lot::Mutex;
use tools::{McpServer, StartError, Timeouts, ToolDescription, Transport};

use super::failure::tool_error;
use crate::Host;

pub(super) struct Servers {
    host: Arc<dyn Host>,
    slots: Mutex<BTreeMap<String, Arc<Slot>>>,
    timeouts: Timeouts,
}

#[derive(Default)]
struct Slot {
    /// Held while the server starts, so that it is started once.
    server: tokio::sync::Mutex<Option<Arc<McpServer>>>,
    state: Mutex<State>,
}

#[derive(Default)]
enum State {
    #[default]
    Stopped,
    Starting,
    Running(Arc<McpServer>),
    Failed(ErrorView, Vec<String>),
}

/// What the list shows of a server.
pub(super) struct Shown {
    pub state: ToolServerState,
    pub log: Vec<String>,
}

impl Servers {
    pub(super) fn new(host: Arc<dyn Host>, timeouts: Timeouts) -> Self {
        Self { host, slots: Mutex::default(), timeouts }
    }

    fn slot(&self, id: &str) -> Arc<Slot> {
        self.slots.lock().entry(id.to_owned()).or_default().clone()
    }

    /// The running server, which is started where it does not run. `tools` is called with its list of tools
    /// when it starts and when the list has changed.
    pub(super) async fn running(
        &self,
        id: &str,
        transport: &Transport,
        outbound: &Outbound,
        tools: impl Fn(Vec<ToolDescription>) -> Result<(), ErrorView>,
    ) -> Result<Arc<McpServer>, ErrorView> {
        let slot = self.slot(id);
        let mut held = slot.server.lock().await;
        if let Some(server) = held.as_ref().filter(|server| !server.is_closed()) {
            if server.tools_changed() {
                tools(server.tools().await.map_err(|error| tool_error(&error))?)?;
                self.host.emit(AppEvent::ToolsChanged);
            }
            return Ok(server.clone());
        }
        self.set(&slot, State::Starting);
        let started = self.start(transport, outbound, tools).await;
        match started {
            Ok(server) => {
                *held = Some(server.clone());
                self.set(&slot, State::Running(server.clone()));
                Ok(server)
            }
            Err((error, stderr)) => {
                *held = None;
                self.set(&slot, State::Failed(error.clone(), stderr));
                Err(error)
            }
        }
    }

    async fn start(
        &self,
        transport: &Transport,
        outbound: &Outbound,
        tools: impl Fn(Vec<ToolDescription>) -> Result<(), ErrorView>,
    ) -> Result<Arc<McpServer>, (ErrorView, Vec<String>)> {
        let started = McpServer::start(transport, outbound, self.timeouts).await;
        let server = started.map_err(|StartError { error, stderr }| (tool_error(&error), stderr))?;
        let listed = server.tools().await.map_err(|error| tool_error(&error));
        listed.and_then(tools).map_err(|error| (error, server.stderr()))?;
        Ok(Arc::new(server))
    }

    /// Ends a server. Calls in progress fail.
    pub(super) async fn stop(&self, id: &str) {
        let slot = self.slot(id);
        *slot.server.lock().await = None;
        self.set(&slot, State::Stopped);
    }

    fn set(&self, slot: &Slot, state: State) {
        *slot.state.lock() = state;
        self.host.emit(AppEvent::ToolsChanged);
    }

    pub(super) fn shown(&self, id: &str) -> Shown {
        match &*self.slot(id).state.lock() {
            State::Stopped => Shown { state: ToolServerState::Stopped, log: Vec::new() },
            State::Starting => Shown { state: ToolServerState::Starting, log: Vec::new() },
            State::Running(server) if server.is_closed() => {
                let error = tool_error(&tools::ToolError::Ended);
                Shown { state: ToolServerState::Failed { error }, log: server.stderr() }
            }
            State::Running(server) => Shown { state: ToolServerState::Ready, log: server.stderr() },
            State::Failed(error, log) => {
                Shown { state: ToolServerState::Failed { error: error.clone() }, log: log.clone() }
            }
        }
    }
}

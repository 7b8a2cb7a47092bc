//! Tools that a model may call: the MCP servers and the built-in tools, what each tool is allowed to do, and
//! the calls of an answer. A secret of a server is in a request only and is never returned.
use serde::{Deserialize, Serialize};
use specta::Type;

use crate::ErrorView;

/// The id of the built-in tools among the servers.
pub const BUILT_IN_TOOLS: &str = "built-in";

/// A server, or the built-in tools, with what it offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ToolServerView {
    pub id: String,
    pub name: String,
    /// Its tools are offered to models.
    pub on: bool,
    /// `None` for the built-in tools.
    pub transport: Option<ToolTransport>,
    pub state: ToolServerState,
    /// Of a server that is not running, as it last listed them.
    pub tools: Vec<ToolView>,
    /// The last lines that the program of a server wrote to its standard error.
    pub log: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolServerState {
    /// It starts when it is needed.
    Stopped,
    Starting,
    Ready,
    Failed {
        error: ErrorView,
    },
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolTransport {
    /// A program of this computer that speaks over its standard input and output.
    Stdio {
        command: String,
        args: Vec<String>,
        /// Empty for the home folder.
        folder: String,
        env: Vec<ToolSecret>,
    },
    /// Streamable HTTP.
    Http { url: String, headers: Vec<ToolSecret> },
}

/// An environment variable or a header. Its value is kept with the keys of cloud services.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ToolSecret {
    pub name: String,
    /// In a request, `None` keeps the value that is stored. In a view it is `None`.
    pub value: Option<String>,
}

impl std::fmt::Debug for ToolSecret {
    /// Omits the value, because debug output ends up in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The input to add or to change a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ToolServerSpec {
    pub name: String,
    pub transport: ToolTransport,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ToolView {
    /// As its server names it.
    pub name: String,
    pub title: String,
    pub description: String,
    pub permission: ToolPermission,
    /// The server says that it changes nothing. Nobody has checked that.
    pub read_only: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ToolPermission {
    /// Each call waits for the user.
    #[default]
    Ask,
    Always,
    /// The tool is not offered.
    Never,
}

/// The service behind the built-in search of the web.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct WebSearchView {
    pub service: WebSearchService,
    /// The address of a SearXNG server; empty for the others.
    pub address: String,
    /// A key is stored.
    pub has_key: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum WebSearchService {
    Searxng,
    Brave,
    Tavily,
}

/// The input to set the service; an absent key keeps the one that is stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct WebSearchSpec {
    pub service: WebSearchService,
    pub address: String,
    pub key: Option<String>,
}

impl std::fmt::Debug for WebSearchSpec {
    /// Omits the key, as [`ToolSecret`].
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSearchSpec")
            .field("service", &self.service)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// All servers, the built-in tools first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ToolsView {
    pub servers: Vec<ToolServerView>,
    /// `None` until a service is set; then the built-in search cannot be switched on.
    pub search: Option<WebSearchView>,
}

/// A call of a tool in an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
pub struct ToolCallView {
    /// Differs from all others of the message.
    pub id: String,
    /// Where in the text of the message the call stands: the text before it, in UTF-16 code units.
    pub text_before: u32,
    /// The same of the reasoning.
    pub reasoning_before: u32,
    /// The calls of one request to the model have one number, from 0.
    pub round: u32,
    /// The name by which the model called it.
    pub function: String,
    pub server_id: String,
    /// The server's name at that time; empty for a tool that does not exist.
    pub server: String,
    pub tool: String,
    /// JSON, as the model wrote it or as the user changed it.
    pub arguments: String,
    /// The user changed the arguments.
    pub edited: bool,
    pub state: ToolCallState,
    /// The beginning of the result, as far as the model was given it.
    pub result: String,
    /// The characters of `result`.
    pub read_chars: u32,
    /// The whole result in characters.
    pub result_chars: u32,
    /// Why it failed.
    pub error: Option<ErrorView>,
    /// From the start of the call to its end; `None` without one.
    pub ms: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "snake_case")]
pub enum ToolCallState {
    /// The user must approve or refuse it.
    Asking,
    Running,
    Done,
    /// The tool reports an error, or the call did not come through: then `error` says why.
    Failed,
    Refused,
    /// The answer ended before the call.
    Stopped,
}

/// What the user decides about a call that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolDecision {
    Run {
        /// JSON in place of what the model wrote; `None` runs the call as it is.
        arguments: Option<String>,
        /// The tool is not asked about again.
        always: bool,
    },
    Refuse,
}

/// A part of a result that is too long for one screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
pub struct ToolResultPage {
    pub text: String,
    /// Counted from 1.
    pub page: u32,
    pub pages: u32,
}

//! Tools that a model may call: servers of the Model Context Protocol over a program's input and output or
//! over HTTP, and the built-in ones. What a server writes is hostile until it is bounded here. Knows no chat,
//! no permission and no settings file.

mod built_in;
mod error;
mod function_names;
mod import;
mod mcp;
mod result;
mod result_pages;

pub use built_in::{
    BuiltIn, Page, Search, SearchService, built_in_tools, now, read_web_page, run_javascript, search_web,
};
pub use error::ToolError;
pub use function_names::function_names;
pub use import::{ImportError, read_servers};
pub use mcp::{McpServer, StartError, Timeouts, Transport};
pub use result::ToolResult;
pub use result_pages::{page_of, pages};

/// What a server says of one of its tools.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolDescription {
    pub name: String,
    /// Empty where the server gives none.
    pub title: String,
    pub description: String,
    /// The JSON schema of the arguments.
    pub schema: serde_json::Value,
    /// The server says that it changes nothing.
    pub read_only: bool,
}

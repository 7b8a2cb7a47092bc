//! The built-in tools: what a model is told of them, and what they do. Each is a function; which of them are
//! offered, and who may use them, is the caller's.

mod clock;
mod javascript;
mod web_page;
mod web_search;

use serde_json::json;

pub use self::clock::now;
pub use self::javascript::run_javascript;
pub use self::web_page::{Page, read_web_page};
pub use self::web_search::{Search, SearchService, search_web};
use crate::ToolDescription;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuiltIn {
    Now,
    ReadWebPage,
    SearchWeb,
    RunJavascript,
}

impl BuiltIn {
    pub const ALL: [Self; 4] = [Self::Now, Self::ReadWebPage, Self::SearchWeb, Self::RunJavascript];

    pub fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::ReadWebPage => "read_web_page",
            Self::SearchWeb => "search_web",
            Self::RunJavascript => "run_javascript",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }

    fn description(self) -> ToolDescription {
        let (description, schema, read_only) = match self {
            Self::Now => (
                "The date and time now, with the weekday.",
                json!({"type": "object", "properties": {"time_zone": {
                    "type": "string", "description": "An IANA name such as Asia/Shanghai. The user's own without it."
                }}}),
                true,
            ),
            Self::ReadWebPage => (
                "Reads a page or a PDF from the web as text.",
                json!({"type": "object", "required": ["url"], "properties": {"url": {
                    "type": "string", "description": "The whole address, with https://."
                }}}),
                true,
            ),
            Self::SearchWeb => (
                "Searches the web: titles, addresses and excerpts of pages.",
                json!({"type": "object", "required": ["query"], "properties": {"query": {
                    "type": "string"
                }}}),
                true,
            ),
            Self::RunJavascript => (
                "Runs JavaScript without files and network, for exact calculations. The result is the value of the last \
                 expression and what console.log wrote.",
                json!({"type": "object", "required": ["code"], "properties": {"code": {"type": "string"}}}),
                true,
            ),
        };
        ToolDescription {
            name: self.name().to_owned(),
            title: String::new(),
            description: description.to_owned(),
            schema,
            read_only,
        }
    }
}

/// All of them, as a server would list them.
pub fn built_in_tools() -> Vec<ToolDescription> {
    BuiltIn::ALL.map(BuiltIn::description).into()
}

//! The tools that one answer is offered, by the names that the model calls them, and what a call of one does.
//! Who may call is asked here again for each call: the user can change it during the answer.
use std::sync::Arc;

use contract::{BUILT_IN_TOOLS, ErrorCode, ErrorView, ToolDecision, ToolPermission};
use history::History;
use outbound::Outbound;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use tools::{BuiltIn, ToolResult, function_names};

use super::record::{Record, StoredTool};
use super::registry::Tools;
use super::results::{RESULT_PAGE, result_page_function, result_part};
use crate::blocking::blocking;

/// What a model may call in an answer.
#[derive(Clone)]
pub(crate) struct OfferedTools {
    pub(super) tools: Arc<Tools>,
    pub(crate) history: Arc<History>,
    pub(super) outbound: Outbound,
    pub(super) chat_id: String,
    /// Characters of a result that the model is given at once.
    pub(crate) page_chars: usize,
    pub(super) functions: Vec<Function>,
}

/// A function, and the tool behind it.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    pub name: String,
    pub server_id: String,
    pub server: String,
    pub tool: String,
    description: Value,
}

impl OfferedTools {
    /// As OpenAI describes functions.
    pub(crate) fn descriptions(&self) -> Vec<Value> {
        descriptions(&self.functions)
    }

    /// Waits for what the user decides about a call.
    pub(crate) fn decision(&self, call_id: &str) -> oneshot::Receiver<ToolDecision> {
        self.tools.decisions.wait(&self.chat_id, call_id)
    }

    /// What a name stands for. A model may call what does not exist.
    pub(crate) fn find(&self, name: &str) -> Option<Function> {
        if name == RESULT_PAGE {
            return Some(Function {
                name: name.to_owned(),
                server_id: BUILT_IN_TOOLS.to_owned(),
                server: String::new(),
                tool: name.to_owned(),
                description: Value::Null,
            });
        }
        self.functions.iter().find(|function| function.name == name).cloned()
    }

    /// Whether a call of it must be approved, may run, or must not.
    pub(crate) fn permission(&self, function: &Function) -> Result<ToolPermission, ErrorView> {
        if function.tool == RESULT_PAGE && function.server_id == BUILT_IN_TOOLS {
            return Ok(ToolPermission::Always);
        }
        let record = self.tools.records.find(&function.server_id)?;
        Ok(if record.on { record.permission(&function.tool) } else { ToolPermission::Never })
    }

    /// The tool is not asked about again.
    pub(crate) fn allow(&self, function: &Function) -> Result<(), ErrorView> {
        self.tools.permit(&function.server_id, &function.tool, ToolPermission::Always)
    }

    /// Runs a call that was approved.
    ///
    /// # Errors
    /// When it does not come through; what the tool reports is a result.
    pub(crate) async fn run(
        &self,
        function: &Function,
        arguments: Map<String, Value>,
    ) -> Result<ToolResult, ErrorView> {
        if function.server_id == BUILT_IN_TOOLS {
            return self.run_built_in(&function.tool, &arguments).await;
        }
        self.tools.call(&function.server_id, &function.tool, arguments, &self.outbound).await
    }

    async fn run_built_in(
        &self,
        tool: &str,
        arguments: &Map<String, Value>,
    ) -> Result<ToolResult, ErrorView> {
        let word = |name: &str| arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let missing = |name: &str| Ok(ToolResult::error(format!("The argument `{name}` is missing.")));
        match BuiltIn::from_name(tool) {
            Some(BuiltIn::Now) => Ok(tools::now(word("time_zone").as_deref())),
            Some(BuiltIn::RunJavascript) => match word("code") {
                Some(code) => blocking("run the script", move || Ok(tools::run_javascript(&code))).await,
                None => missing("code"),
            },
            Some(BuiltIn::ReadWebPage) => match word("url") {
                Some(url) => self.tools.read_web_page(&self.outbound, &url).await,
                None => missing("url"),
            },
            Some(BuiltIn::SearchWeb) => match word("query") {
                Some(query) => self.tools.search_web(&self.outbound, &query).await,
                None => missing("query"),
            },
            None if tool == RESULT_PAGE => self.result_page(arguments).await,
            None => Ok(ToolResult::error(format!("There is no tool {tool}."))),
        }
    }

    async fn result_page(&self, arguments: &Map<String, Value>) -> Result<ToolResult, ErrorView> {
        let call = arguments.get("call").and_then(Value::as_str).unwrap_or_default().to_owned();
        // Models write numbers as text, too.
        let from =
            arguments.get("from").and_then(|from| from.as_u64().or_else(|| from.as_str()?.parse().ok()));
        let (history, chat_id, most) = (self.history.clone(), self.chat_id.clone(), self.page_chars);
        blocking("read the result", move || {
            let result = history.tool_call_result(&chat_id, &call).map_err(crate::convert::history_error)?;
            Ok(match result {
                Some(result) => ToolResult::text(result_part(&result, from.unwrap_or(0) as usize, most)),
                None => ToolResult::error(format!("There is no call {call}.")),
            })
        })
        .await
    }
}

/// As OpenAI describes functions. The last one is always there, so that a prompt begins alike when a result
/// turns out to be long; without any other there is none.
pub(super) fn descriptions(functions: &[Function]) -> Vec<Value> {
    let last = (!functions.is_empty()).then(result_page_function);
    functions.iter().map(|function| function.description.clone()).chain(last).collect()
}

/// The functions of the servers that are on, without the tools that are never offered.
pub(super) fn functions(records: &[Record]) -> Vec<Function> {
    let offered = records.iter().filter(|record| record.on).flat_map(|record| {
        let allowed = |tool: &&StoredTool| {
            record.permission(&tool.name) != ToolPermission::Never
                && (tool.name != BuiltIn::SearchWeb.name()
                    || !record.is_built_in()
                    || record.search.is_some())
        };
        record.tools.iter().filter(allowed).map(move |tool| (record, tool))
    });
    let offered: Vec<(&Record, &StoredTool)> = offered.collect();
    let named: Vec<(&str, &str)> =
        offered.iter().map(|(record, tool)| (record.id.as_str(), tool.name.as_str())).collect();
    let names = function_names(&named);
    let all = names.into_iter().zip(offered).map(|(name, (record, tool))| Function {
        description: json!({"type": "function", "function": {
            "name": name,
            "description": tool.description,
            "parameters": tool.schema,
        }}),
        name,
        server_id: record.id.clone(),
        server: record.name.clone(),
        tool: tool.name.clone(),
    });
    all.collect()
}

/// The error of arguments that are no JSON object.
pub(crate) fn arguments_of(text: &str) -> Result<Map<String, Value>, ErrorView> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(text).map_err(|error| {
        ErrorView::new(ErrorCode::ToolArgumentsInvalid, format!("read the arguments of the call: {error}"))
    })
}

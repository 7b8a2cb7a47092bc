//! Commands of tools: their servers, what each tool may do, and the calls of answers.
//! Each calls one use case of `app`.
use contract::{
    ErrorView, ToolDecision, ToolPermission, ToolResultPage, ToolServerSpec, ToolServerView, ToolsView,
    WebSearchSpec,
};

use super::App;

/// The built-in tools and the servers.
#[tauri::command]
#[specta::specta]
pub async fn tools(app: App<'_>) -> Result<ToolsView, ErrorView> {
    app.tools().await
}

/// Adds a server and starts it.
#[tauri::command]
#[specta::specta]
pub async fn tool_server_add(app: App<'_>, spec: ToolServerSpec) -> Result<ToolServerView, ErrorView> {
    app.tool_server_add(spec).await
}

/// Changes a server and starts it again. A value that is not given stays.
#[tauri::command]
#[specta::specta]
pub async fn tool_server_change(
    app: App<'_>,
    id: String,
    spec: ToolServerSpec,
) -> Result<ToolServerView, ErrorView> {
    app.tool_server_change(&id, spec).await
}

/// Ends and removes a server.
#[tauri::command]
#[specta::specta]
pub async fn tool_server_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.tool_server_remove(&id).await
}

/// Whether the tools of a server are offered.
#[tauri::command]
#[specta::specta]
pub async fn tool_server_switch(app: App<'_>, id: String, on: bool) -> Result<ToolServerView, ErrorView> {
    app.tool_server_switch(&id, on).await
}

/// Starts a server, again where it runs.
#[tauri::command]
#[specta::specta]
pub async fn tool_server_restart(app: App<'_>, id: String) -> Result<ToolServerView, ErrorView> {
    app.tool_server_restart(&id).await
}

/// The servers of an `mcpServers` JSON. Adds none.
#[tauri::command]
#[specta::specta]
pub async fn tool_servers_read(app: App<'_>, text: String) -> Result<Vec<ToolServerSpec>, ErrorView> {
    app.tool_servers_read(&text).await
}

/// Whether a tool is asked about, may run, or is not offered.
#[tauri::command]
#[specta::specta]
pub async fn tool_permission_set(
    app: App<'_>,
    server_id: String,
    tool: String,
    permission: ToolPermission,
) -> Result<(), ErrorView> {
    app.tool_permission_set(&server_id, &tool, permission).await
}

/// Sets the service of the built-in search of the web, or removes it.
#[tauri::command]
#[specta::specta]
pub async fn web_search_set(app: App<'_>, spec: Option<WebSearchSpec>) -> Result<(), ErrorView> {
    app.web_search_set(spec).await
}

/// Decides about a call that waits.
#[tauri::command]
#[specta::specta]
pub async fn tool_call_decide(
    app: App<'_>,
    chat_id: String,
    call_id: String,
    decision: ToolDecision,
) -> Result<(), ErrorView> {
    app.tool_call_decide(&chat_id, &call_id, decision).await
}

/// A page of a long result, counted from 1.
#[tauri::command]
#[specta::specta]
pub async fn tool_result_page(
    app: App<'_>,
    message_id: String,
    call_id: String,
    page: u32,
) -> Result<ToolResultPage, ErrorView> {
    app.tool_result_page(&message_id, &call_id, page).await
}

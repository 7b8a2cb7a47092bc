//! Commands of other programs that use the API of this app.
//! Each calls one use case of `app`. A key is in the answer of `connect_apply` and in no other.
use contract::{ConnectDone, ConnectPlan, ConnectProgram, ConnectRequest, ConnectUndone, ErrorView};

use super::App;

/// The programs, and which of them are connected.
#[tauri::command]
#[specta::specta]
pub async fn connect_programs(app: App<'_>, vault: Option<String>) -> Result<Vec<ConnectProgram>, ErrorView> {
    app.connect_programs(vault.as_deref()).await
}

/// What connecting a program would change. Writes nothing.
#[tauri::command]
#[specta::specta]
pub async fn connect_plan(app: App<'_>, request: ConnectRequest) -> Result<ConnectPlan, ErrorView> {
    app.connect_plan(request).await
}

/// Makes a key and writes the settings of the program. `digest` is that of the plan.
#[tauri::command]
#[specta::specta]
pub async fn connect_apply(
    app: App<'_>,
    request: ConnectRequest,
    digest: String,
) -> Result<ConnectDone, ErrorView> {
    app.connect_apply(request, &digest).await
}

/// Takes back what was written, and removes the key.
#[tauri::command]
#[specta::specta]
pub async fn connect_undo(
    app: App<'_>,
    program_id: String,
    vault: Option<String>,
) -> Result<ConnectUndone, ErrorView> {
    app.connect_undo(&program_id, vault.as_deref()).await
}

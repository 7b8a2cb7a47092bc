//! Commands of cloud services and their keys. A key goes in and is in no answer.
//! Only `endpoint_test` sends a request that costs money, of one token.
use contract::{EndpointChange, EndpointSpec, EndpointTest, EndpointView, ErrorView, ProviderView};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn providers(app: App<'_>) -> Result<Vec<ProviderView>, ErrorView> {
    app.providers().await
}

#[tauri::command]
#[specta::specta]
pub async fn endpoints(app: App<'_>) -> Result<Vec<EndpointView>, ErrorView> {
    app.endpoints().await
}

#[tauri::command]
#[specta::specta]
pub async fn endpoint_add(app: App<'_>, spec: EndpointSpec) -> Result<EndpointView, ErrorView> {
    app.endpoint_add(spec).await
}

#[tauri::command]
#[specta::specta]
pub async fn endpoint_change(
    app: App<'_>,
    id: String,
    change: EndpointChange,
) -> Result<EndpointView, ErrorView> {
    app.endpoint_change(&id, change).await
}

/// Tests the connection up to one token of an answer.
#[tauri::command]
#[specta::specta]
pub async fn endpoint_test(app: App<'_>, id: String) -> Result<EndpointTest, ErrorView> {
    app.endpoint_test(&id, None).await
}

#[tauri::command]
#[specta::specta]
pub async fn endpoint_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.endpoint_remove(&id).await
}

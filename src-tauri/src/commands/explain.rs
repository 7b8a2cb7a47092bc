//! Commands of the page "How it works". Each asks the worker that has the model, and starts it when needed.
//! They change nothing that is stored.
use contract::{
    CacheSize, ErrorView, Fp8View, NextTokenQuery, RoutingView, SparsityView, TokenChance, TracedAnswer,
};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn explain_sparsity(
    app: App<'_>,
    model_id: String,
    question: String,
) -> Result<SparsityView, ErrorView> {
    app.explain_sparsity(&model_id, &question).await
}

#[tauri::command]
#[specta::specta]
pub async fn explain_routing(app: App<'_>, model_id: String, text: String) -> Result<RoutingView, ErrorView> {
    app.explain_routing(&model_id, &text).await
}

/// For each sampling, the most likely next tokens.
#[tauri::command]
#[specta::specta]
pub async fn explain_next_token(
    app: App<'_>,
    query: NextTokenQuery,
) -> Result<Vec<Vec<TokenChance>>, ErrorView> {
    app.explain_next_token(query).await
}

#[tauri::command]
#[specta::specta]
pub async fn explain_drafts(
    app: App<'_>,
    model_id: String,
    question: String,
) -> Result<TracedAnswer, ErrorView> {
    app.explain_drafts(&model_id, &question).await
}

#[tauri::command]
#[specta::specta]
pub async fn explain_fp8(app: App<'_>, model_id: String) -> Result<Fp8View, ErrorView> {
    app.explain_fp8(&model_id).await
}

#[tauri::command]
#[specta::specta]
pub async fn explain_cache(app: App<'_>) -> Result<Vec<CacheSize>, ErrorView> {
    app.explain_cache().await
}

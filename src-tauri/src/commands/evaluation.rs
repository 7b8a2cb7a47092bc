//! Commands of "Measure it here": a test set is put to a model without and with a preset.
//! One evaluation runs at a time; it goes on when the page is closed.
use contract::{ErrorView, EvaluationEvent, EvaluationRequest};
use tauri::ipc::Channel;

use super::App;

/// Puts a test set to a model without and with a preset; the channel gets the events until a terminal one.
#[tauri::command]
#[specta::specta]
pub async fn evaluation_start(
    app: App<'_>,
    request: EvaluationRequest,
    on_event: Channel<EvaluationEvent>,
) -> Result<(), ErrorView> {
    // After the page was closed the events are dropped.
    app.evaluation_start(request, Box::new(move |event| drop(on_event.send(event)))).await
}

#[tauri::command]
#[specta::specta]
pub async fn evaluation_stop(app: App<'_>) -> Result<(), ErrorView> {
    app.evaluation_stop().await
}

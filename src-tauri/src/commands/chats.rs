//! Conversations and answers.
use contract::{
    AnswerEvent, ChatSummary, ChatView, CompareEvent, CompareRequest, ErrorView, SamplingView, SendRequest,
};
use tauri::ipc::Channel;

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn chats(app: App<'_>) -> Result<Vec<ChatSummary>, ErrorView> {
    app.chats().await
}

#[tauri::command]
#[specta::specta]
pub async fn chats_search(app: App<'_>, query: String) -> Result<Vec<ChatSummary>, ErrorView> {
    app.chats_search(&query).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_create(app: App<'_>, model_id: String) -> Result<ChatView, ErrorView> {
    app.chat_create(&model_id).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_get(app: App<'_>, id: String) -> Result<ChatView, ErrorView> {
    app.chat_get(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_rename(app: App<'_>, id: String, title: String) -> Result<(), ErrorView> {
    app.chat_rename(&id, &title).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_delete(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.chat_delete(&id).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_update(
    app: App<'_>,
    id: String,
    model_id: String,
    preset_id: String,
    sampling: SamplingView,
    system_prompt: String,
) -> Result<ChatView, ErrorView> {
    app.chat_update(&id, &model_id, &preset_id, sampling, &system_prompt).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_select_leaf(app: App<'_>, id: String, message_id: String) -> Result<ChatView, ErrorView> {
    app.chat_select_leaf(&id, &message_id).await
}

/// Deletes a message with everything after it; returns the chat with the path that is on show now.
#[tauri::command]
#[specta::specta]
pub async fn message_delete(
    app: App<'_>,
    chat_id: String,
    message_id: String,
) -> Result<ChatView, ErrorView> {
    app.message_delete(&chat_id, &message_id).await
}

#[tauri::command]
#[specta::specta]
pub async fn answer_stop(app: App<'_>, chat_id: String) -> Result<(), ErrorView> {
    app.answer_stop(&chat_id).await
}

/// Answers in the background; the events arrive on the channel until a terminal one.
#[tauri::command]
#[specta::specta]
pub async fn answer_start(
    app: App<'_>,
    request: SendRequest,
    on_event: Channel<AnswerEvent>,
) -> Result<(), ErrorView> {
    // A closed page is no reason to stop: the answer is kept in the history.
    let forward = move |event| drop(on_event.send(event));
    app.answer_start(request, Box::new(forward)).await
}

/// One prompt to two models; the events arrive on the channel until each side had its last.
#[tauri::command]
#[specta::specta]
pub async fn compare_start(
    app: App<'_>,
    request: CompareRequest,
    on_event: Channel<CompareEvent>,
) -> Result<(), ErrorView> {
    // A closed page sees nothing of it; the answers end by themselves.
    app.compare_start(request, Box::new(move |event| drop(on_event.send(event)))).await
}

#[tauri::command]
#[specta::specta]
pub async fn compare_stop(app: App<'_>) -> Result<(), ErrorView> {
    app.compare_stop().await
}

/// Where the person's own prices are looked for.
#[tauri::command]
#[specta::specta]
pub async fn prices_file(app: App<'_>) -> Result<String, ErrorView> {
    app.prices_file().await
}

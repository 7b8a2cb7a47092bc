//! Commands of chats, their images and answers, and of a comparison.
//! Streams go to the page over a channel; an answer continues and is stored when the page is closed.
use contract::{
    AnswerEvent, ChatFile, ChatSummary, ChatView, CompareEvent, CompareRequest, ContextQuery, ContextUse,
    ErrorCode, ErrorView, PictureView, PicturesPlan, SamplingView, SendRequest,
};
use messages::Lang;
use tauri::ipc::Channel;
use tauri_plugin_dialog::DialogExt;

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
pub async fn chat_create(
    app: App<'_>,
    model_id: String,
    folder_id: Option<String>,
) -> Result<ChatView, ErrorView> {
    app.chat_create_alike(&model_id, folder_id.as_deref()).await
}

/// A chat that is never written down.
#[tauri::command]
#[specta::specta]
pub async fn chat_create_temporary(app: App<'_>, model_id: String) -> Result<ChatView, ErrorView> {
    app.chat_create_temporary(&model_id).await
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
    app.chat_update_last(&id, &model_id, &preset_id, sampling, &system_prompt).await
}

#[tauri::command]
#[specta::specta]
pub async fn chat_select_leaf(app: App<'_>, id: String, message_id: String) -> Result<ChatView, ErrorView> {
    app.chat_select_leaf(&id, &message_id).await
}

/// Sets the first message of the context; the first message of the chat without one.
#[tauri::command]
#[specta::specta]
pub async fn chat_context_start(
    app: App<'_>,
    id: String,
    message_id: Option<String>,
) -> Result<ChatView, ErrorView> {
    app.chat_context_start(&id, message_id.as_deref()).await
}

/// The tokens that a prompt would use of the context.
#[tauri::command]
#[specta::specta]
pub async fn context_use(app: App<'_>, query: ContextQuery) -> Result<ContextUse, ErrorView> {
    app.context_use(query).await
}

/// Sets the context length of a model of this computer, from its next start on.
#[tauri::command]
#[specta::specta]
pub async fn context_length_set(app: App<'_>, model_id: String, context: u32) -> Result<(), ErrorView> {
    app.context_length_set(&model_id, context).await
}

/// Deletes a message and all messages after it; returns the chat with its new path.
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

/// Answers in the background; the channel gets the events until a terminal one.
#[tauri::command]
#[specta::specta]
pub async fn answer_start(
    app: App<'_>,
    request: SendRequest,
    on_event: Channel<AnswerEvent>,
) -> Result<(), ErrorView> {
    // A closed page does not stop the answer, which is stored in the history.
    let forward = move |event| drop(on_event.send(event));
    app.answer_start(request, Box::new(forward)).await
}

/// For a page that was loaded again: an answer so far, then its events. False without an answer in progress.
#[tauri::command]
#[specta::specta]
pub async fn answer_follow(
    app: App<'_>,
    chat_id: String,
    on_event: Channel<AnswerEvent>,
) -> Result<bool, ErrorView> {
    app.answer_follow(&chat_id, Box::new(move |event| drop(on_event.send(event)))).await
}

/// Attaches an image from base64.
#[tauri::command]
#[specta::specta]
pub async fn picture_add(app: App<'_>, data: String) -> Result<PictureView, ErrorView> {
    app.picture_add(data).await
}

/// The image as a data URL.
#[tauri::command]
#[specta::specta]
pub async fn picture_data(app: App<'_>, id: String) -> Result<String, ErrorView> {
    app.picture_data(&id).await
}

/// Deletes an attached image, unless a message uses it.
#[tauri::command]
#[specta::specta]
pub async fn picture_discard(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.picture_discard(&id).await
}

/// The cost of the images attached to a message after `parent_id`, and of those before it.
#[tauri::command]
#[specta::specta]
pub async fn pictures_plan(
    app: App<'_>,
    model_id: String,
    parent_id: Option<String>,
    pictures: Vec<String>,
) -> Result<PicturesPlan, ErrorView> {
    app.pictures_plan(&model_id, parent_id.as_deref(), &pictures).await
}

/// Saves a chat, its selected branch or all of it, to a file that the user chooses; returns its path, or
/// nothing when the dialog was closed. `lang` is `en` or `zh`.
#[tauri::command]
#[specta::specta]
pub async fn chat_save(
    app: App<'_>,
    window: tauri::WebviewWindow,
    id: String,
    file: ChatFile,
    lang: String,
) -> Result<Option<String>, ErrorView> {
    let ending = file.format.ending();
    let name = format!("{}.{ending}", file.name);
    let Some(path) = chosen_path(&window, &name, &file.kind, ending).await else { return Ok(None) };
    let lang = Lang::from_name(&lang).unwrap_or(Lang::En);
    app.chat_save(&id, &path, file.format, file.all_branches, lang).await?;
    Ok(Some(path.display().to_string()))
}

/// A chat as an HTML page, to be printed.
#[tauri::command]
#[specta::specta]
pub async fn chat_page(
    app: App<'_>,
    id: String,
    all_branches: bool,
    lang: String,
) -> Result<String, ErrorView> {
    app.chat_page(&id, all_branches, Lang::from_name(&lang).unwrap_or(Lang::En)).await
}

/// Opens the system's dialog that prints the page as its print styles show it.
#[tauri::command]
#[specta::specta]
pub fn window_print(window: tauri::WebviewWindow) -> Result<(), ErrorView> {
    window.print().map_err(|error| ErrorView::new(ErrorCode::Internal, format!("print the page: {error}")))
}

/// Deletes several chats: all of them, or none.
#[tauri::command]
#[specta::specta]
pub async fn chats_delete(app: App<'_>, ids: Vec<String>) -> Result<(), ErrorView> {
    app.chats_delete(&ids).await
}

/// Moves several chats to a folder, or out of any without one: all of them, or none.
#[tauri::command]
#[specta::specta]
pub async fn chats_move(app: App<'_>, ids: Vec<String>, folder_id: Option<String>) -> Result<(), ErrorView> {
    app.chats_move(&ids, folder_id.as_deref()).await
}

/// Saves several chats as Markdown, a file for each, in a folder that the user chooses; returns its path, or
/// nothing when the dialog was closed. No file is replaced. `lang` is `en` or `zh`.
#[tauri::command]
#[specta::specta]
pub async fn chats_save_markdown(
    app: App<'_>,
    window: tauri::WebviewWindow,
    ids: Vec<String>,
    lang: String,
) -> Result<Option<String>, ErrorView> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    window.dialog().file().pick_folder(move |folder| drop(chosen.send(folder)));
    let Some(folder) = answer.await.ok().flatten().and_then(|folder| folder.into_path().ok()) else {
        return Ok(None);
    };
    let lang = Lang::from_name(&lang).unwrap_or(Lang::En);
    app.chats_save_markdown(&ids, &folder, lang).await.map(|()| Some(folder.display().to_string()))
}

/// The path that the user chooses in a dialog; nothing when it was closed.
pub(super) async fn chosen_path(
    window: &tauri::WebviewWindow,
    name: &str,
    kind: &str,
    ending: &str,
) -> Option<std::path::PathBuf> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    let dialog = window.dialog().file().add_filter(kind, &[ending]).set_file_name(name);
    dialog.save_file(move |file| drop(chosen.send(file)));
    answer.await.ok().flatten()?.into_path().ok()
}

/// The JSON file that the user picks in a dialog; nothing when it was closed.
pub(super) async fn picked_path(window: &tauri::WebviewWindow, kind: &str) -> Option<std::path::PathBuf> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    window.dialog().file().add_filter(kind, &["json"]).pick_file(move |file| drop(chosen.send(file)));
    answer.await.ok().flatten()?.into_path().ok()
}

/// Adds a chat from a file that the user chooses; returns nothing when the dialog was closed.
#[tauri::command]
#[specta::specta]
pub async fn chat_import(
    app: App<'_>,
    window: tauri::WebviewWindow,
    kind: String,
) -> Result<Option<ChatView>, ErrorView> {
    let Some(path) = picked_path(&window, &kind).await else { return Ok(None) };
    app.chat_import(&path).await.map(Some)
}

/// Sends one prompt to two models; the channel gets the events until each side has ended.
#[tauri::command]
#[specta::specta]
pub async fn compare_start(
    app: App<'_>,
    request: CompareRequest,
    on_event: Channel<CompareEvent>,
) -> Result<(), ErrorView> {
    // After the page was closed the events are dropped; the answers end by themselves.
    app.compare_start(request, Box::new(move |event| drop(on_event.send(event)))).await
}

#[tauri::command]
#[specta::specta]
pub async fn compare_stop(app: App<'_>) -> Result<(), ErrorView> {
    app.compare_stop().await
}

/// The path of the user's prices.
#[tauri::command]
#[specta::specta]
pub async fn prices_file(app: App<'_>) -> Result<String, ErrorView> {
    app.prices_file().await
}

//! Commands of settings and events, and of what only a desktop has: file dialogs and the system browser.
//! The page never names a path to write to, and only listed web pages can be opened.
use contract::{AppEvent, ErrorCode, ErrorView, SettingsView};
use tauri::ipc::Channel;
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_opener::OpenerExt;

use super::App;
use crate::host::Subscribers;

#[tauri::command]
#[specta::specta]
pub async fn settings(app: App<'_>) -> Result<SettingsView, ErrorView> {
    app.settings().await
}

#[tauri::command]
#[specta::specta]
pub async fn settings_save(app: App<'_>, settings: SettingsView) -> Result<SettingsView, ErrorView> {
    app.settings_save(settings).await
}

/// Stores the user name and password of the proxy; two empty texts remove them.
#[tauri::command]
#[specta::specta]
pub async fn proxy_login(app: App<'_>, user: String, password: String) -> Result<SettingsView, ErrorView> {
    app.proxy_login(&user, &password).await
}

/// The errors of files that could not be read at the start and were moved aside; shown once.
#[tauri::command]
#[specta::specta]
pub async fn start_problems(app: App<'_>) -> Result<Vec<ErrorView>, ErrorView> {
    Ok(app.start_problems())
}

/// Sends every event of the app to the page from now on.
#[tauri::command]
#[specta::specta]
pub fn events_subscribe(subscribers: tauri::State<'_, Subscribers>, on_event: Channel<AppEvent>) {
    subscribers.add(on_event);
}

/// A folder that the user chooses; nothing when the dialog was closed.
#[tauri::command]
#[specta::specta]
pub async fn pick_folder(window: tauri::WebviewWindow) -> Option<String> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    window.dialog().file().pick_folder(move |folder| drop(chosen.send(folder)));
    answer.await.ok().flatten().map(|folder| folder.to_string())
}

/// A `.gguf` file that the user chooses; nothing when the dialog was closed. `kind` is the file type in their
/// language.
#[tauri::command]
#[specta::specta]
pub async fn pick_model_file(window: tauri::WebviewWindow, kind: String) -> Option<String> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    let dialog = window.dialog().file().add_filter(kind, &["gguf"]);
    dialog.pick_file(move |file| drop(chosen.send(file)));
    answer.await.ok().flatten().map(|file| file.to_string())
}

/// A certificate file that the user chooses; nothing when the dialog was closed. `kind` is the file type.
#[tauri::command]
#[specta::specta]
pub async fn pick_certificates(window: tauri::WebviewWindow, kind: String) -> Option<String> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    let dialog = window.dialog().file().add_filter(kind, &["pem", "crt", "cer"]);
    dialog.pick_file(move |file| drop(chosen.send(file)));
    answer.await.ok().flatten().map(|file| file.to_string())
}

/// Writes a text to a file that the user chooses; returns its path, or nothing when the dialog was closed.
/// The page suggests a name and never a folder.
#[tauri::command]
#[specta::specta]
pub async fn save_text(
    window: tauri::WebviewWindow,
    name: String,
    text: String,
) -> Result<Option<String>, ErrorView> {
    let (chosen, answer) = tokio::sync::oneshot::channel();
    window.dialog().file().set_file_name(name).save_file(move |file| drop(chosen.send(file)));
    match answer.await.ok().flatten().and_then(|file| file.into_path().ok()) {
        Some(path) => app::save_text(path, text).await.map(Some),
        None => Ok(None),
    }
}

/// Opens a web page in the system's browser. Only https, and only the pages of this list.
#[tauri::command]
#[specta::specta]
pub async fn open_url(app: App<'_>, handle: tauri::AppHandle, url: String) -> Result<(), ErrorView> {
    const ALLOWED: [&str; 4] = [
        "https://chat.deepseek.com/",
        "https://platform.deepseek.com/",
        "https://huggingface.co/",
        "https://modelscope.cn/",
    ];
    // The list of services has the pages where cloud keys are created.
    let key_page = app.providers().await?.iter().any(|provider| provider.key_page == url);
    if !key_page && !ALLOWED.iter().any(|page| url.starts_with(page)) {
        return Err(
            ErrorView::new(ErrorCode::InvalidInput, "open a page that is not on the list").with("url", url)
        );
    }
    let opened = handle.opener().open_url(&url, None::<&str>);
    opened.map_err(|error| ErrorView::new(ErrorCode::Internal, format!("open the browser: {error}")))
}

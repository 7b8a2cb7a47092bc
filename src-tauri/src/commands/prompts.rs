//! Commands of the library of prompts.
//! `lang` is `en` or `zh`: the language of the examples.
use contract::{ErrorView, PromptDraft, PromptLibrary, SavedPrompt};
use messages::Lang;

use super::App;
use super::chats::{chosen_path, picked_path};

fn lang_of(lang: &str) -> Lang {
    Lang::from_name(lang).unwrap_or(Lang::En)
}

#[tauri::command]
#[specta::specta]
pub async fn prompts(app: App<'_>, lang: String) -> Result<PromptLibrary, ErrorView> {
    app.prompts(lang_of(&lang)).await
}

/// Saves a new prompt or a changed one; a changed example becomes a prompt of the user.
#[tauri::command]
#[specta::specta]
pub async fn prompt_save(app: App<'_>, draft: PromptDraft, lang: String) -> Result<SavedPrompt, ErrorView> {
    app.prompt_save(draft, lang_of(&lang)).await
}

/// Deletes a prompt; an example is hidden.
#[tauri::command]
#[specta::specta]
pub async fn prompt_remove(app: App<'_>, id: String) -> Result<(), ErrorView> {
    app.prompt_remove(&id).await
}

/// Shows the examples that were hidden.
#[tauri::command]
#[specta::specta]
pub async fn prompt_examples_show(app: App<'_>) -> Result<(), ErrorView> {
    app.prompt_examples_show().await
}

/// Saves the user's prompts to a file that the user chooses; returns its path, or nothing when the dialog was
/// closed. `kind` is the file type in the user's language.
#[tauri::command]
#[specta::specta]
pub async fn prompts_export(
    app: App<'_>,
    window: tauri::WebviewWindow,
    name: String,
    kind: String,
) -> Result<Option<String>, ErrorView> {
    let Some(path) = chosen_path(&window, &name, &kind, "json").await else { return Ok(None) };
    app.prompts_export(&path).await.map(|()| Some(path.display().to_string()))
}

/// Adds the prompts of a file that the user chooses; returns how many, or nothing when the dialog was closed.
#[tauri::command]
#[specta::specta]
pub async fn prompts_import(
    app: App<'_>,
    window: tauri::WebviewWindow,
    kind: String,
    lang: String,
) -> Result<Option<u32>, ErrorView> {
    let Some(path) = picked_path(&window, &kind).await else { return Ok(None) };
    app.prompts_import(&path, lang_of(&lang)).await.map(Some)
}

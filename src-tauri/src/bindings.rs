//! The registry of commands. The TypeScript of the UI is generated from it and committed; a test compares
//! both, so that neither side can change alone.
use specta_typescript::semantic;
use tauri_specta::{Builder, ErrorHandlingMode, collect_commands};

use crate::commands::{
    chats, clipboard, clouds, deployments, documents, downloads, evaluation, explain, hardware, models,
    repositories, screen, settings, sharing, sizing, start, worker,
};

/// The commands of the page. A failed command rejects with its `ErrorView`.
pub fn builder() -> Builder<tauri::Wry> {
    let registry = Builder::<tauri::Wry>::new()
        .error_handling(ErrorHandlingMode::Throw)
        // Each struct has the same JSON in both directions, so it has one TypeScript type.
        .disable_serde_phases()
        // Every number of the contract is finite, so none is null in JSON.
        .semantic_types(semantic::Configuration::empty().enable_lossless_floats());
    registry.commands(collect_commands![
        hardware::hardware,
        hardware::hardware_measure,
        models::models,
        models::recommendation,
        models::presets,
        models::models_found,
        models::model_import,
        models::model_remove,
        models::precision_use,
        sizing::sizing,
        sizing::sizing_csv,
        sizing::sizing_picture,
        sizing::plan,
        downloads::downloads,
        downloads::download_start,
        downloads::download_pause,
        downloads::download_resume,
        downloads::download_remove,
        repositories::repository_search,
        repositories::repository,
        repositories::repository_check,
        repositories::repository_download,
        chats::chats,
        chats::chats_search,
        chats::chat_create,
        chats::chat_get,
        chats::chat_rename,
        chats::chat_delete,
        chats::chat_update,
        chats::chat_select_leaf,
        chats::chat_context_start,
        chats::context_use,
        chats::context_length_set,
        chats::message_delete,
        chats::answer_start,
        chats::answer_follow,
        chats::answer_stop,
        chats::picture_add,
        chats::picture_data,
        chats::picture_discard,
        chats::pictures_plan,
        documents::document_add,
        documents::document_page,
        documents::document_pictures,
        documents::document_discard,
        clipboard::clipboard_files,
        screen::screen_way,
        screen::screen_take,
        chats::chat_export,
        chats::chat_save_markdown,
        chats::chat_import,
        chats::compare_start,
        chats::compare_stop,
        evaluation::evaluation_start,
        evaluation::evaluation_stop,
        chats::prices_file,
        clouds::providers,
        clouds::endpoints,
        clouds::endpoint_add,
        clouds::endpoint_change,
        clouds::endpoint_test,
        clouds::endpoint_remove,
        deployments::deployments,
        deployments::deployment_plan,
        deployments::deployment_start,
        deployments::deployment_restart,
        deployments::deployment_stop,
        deployments::deployment_remove,
        deployments::deployment_log,
        deployments::machine_look,
        worker::worker,
        worker::worker_start,
        worker::worker_stop,
        worker::worker_memory,
        explain::explain_sparsity,
        explain::explain_routing,
        explain::explain_next_token,
        explain::explain_drafts,
        explain::explain_fp8,
        explain::explain_cache,
        worker::use_processor,
        worker::model_settings,
        worker::model_memory,
        worker::model_settings_save,
        sharing::sharing,
        sharing::sharing_save,
        sharing::sharing_key_add,
        sharing::sharing_key_remove,
        sharing::sharing_requests,
        start::start_state,
        start::start_again,
        start::show_place,
        start::backups,
        start::backup_create,
        start::backup_restore,
        settings::settings,
        settings::settings_save,
        settings::proxy_login,
        settings::start_problems,
        settings::events_subscribe,
        settings::pick_folder,
        settings::pick_model_file,
        settings::pick_certificates,
        settings::save_text,
        settings::open_url,
    ])
}

/// Writes the TypeScript of every command and contract type to `path`.
///
/// # Errors
/// When a type cannot be expressed in TypeScript or the file cannot be written.
pub fn export(path: &std::path::Path) -> Result<(), String> {
    builder().export(specta_typescript::Typescript::default(), path).map_err(|error| error.to_string())
}

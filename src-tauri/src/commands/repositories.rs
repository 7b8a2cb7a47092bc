//! Commands of repositories outside the catalogue. `text` is what a person typed or pasted: `owner/name`,
//! `owner/name:precision`, or the address of a page.
use contract::{DownloadView, ErrorView, FileGroupView, RepositoryHitView, RepositoryView, SourceKind};

use super::App;

#[tauri::command]
#[specta::specta]
pub async fn repository_search(
    app: App<'_>,
    text: String,
    source: SourceKind,
) -> Result<Vec<RepositoryHitView>, ErrorView> {
    app.repository_search(&text, Some(source)).await
}

/// The source of an address comes before the given one.
#[tauri::command]
#[specta::specta]
pub async fn repository(app: App<'_>, text: String, source: SourceKind) -> Result<RepositoryView, ErrorView> {
    app.repository(&text, Some(source)).await
}

/// The verdict for one precision of a repository, from the headers of its own files.
#[tauri::command]
#[specta::specta]
pub async fn repository_check(
    app: App<'_>,
    repo: String,
    source: SourceKind,
    group: String,
) -> Result<FileGroupView, ErrorView> {
    app.repository_check(&repo, source, &group).await
}

/// `group` is the name of one of the view's groups.
#[tauri::command]
#[specta::specta]
pub async fn repository_download(
    app: App<'_>,
    text: String,
    source: SourceKind,
    group: String,
) -> Result<DownloadView, ErrorView> {
    app.repository_download(&text, Some(source), Some(&group)).await
}

//! Starts with chats that cannot be opened: the error, the recoveries that are offered, and that each works
//! without losing data.
mod common;

use std::path::Path;
use std::sync::Arc;

use app::App;
use common::{NoHost, paths};
use contract::{BackupKind, ErrorCode, SendRequest, StartWay};

async fn start(data: &Path) -> App {
    App::open_for_window(paths(data), Arc::new(NoHost)).await.expect("opens with an error to show")
}

/// A data folder with a chat of this title; the app is closed.
async fn used(title: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let app = App::open(paths(folder.path()), Arc::new(NoHost)).await.expect("opens");
    let chat = app.chat_create("guide").await.expect("creates");
    app.chat_rename(&chat.id, title).await.expect("renames");
    app.close().await;
    folder
}

async fn titles(app: &App) -> Vec<String> {
    app.chats().await.expect("lists").into_iter().map(|chat| chat.title).collect()
}

fn history(data: &Path) -> std::path::PathBuf {
    data.join("history.db")
}

#[tokio::test]
async fn bytes_that_are_no_database_are_said_and_kept() {
    let folder = used("lost").await;
    let garbage = [0x5a_u8, 0, 0xff, 7].repeat(4000);
    std::fs::write(history(folder.path()), &garbage).expect("is written");
    let refused =
        App::open(paths(folder.path()), Arc::new(NoHost)).await.err().expect("the terminal says it");
    assert_eq!(refused.code, ErrorCode::HistoryUnreadable);

    let app = start(folder.path()).await;
    let state = app.start_state().await.expect("is known");
    assert_eq!(state.failure.as_ref(), Some(&refused));
    assert_eq!(state.ways, [StartWay::Retry, StartWay::Empty], "nothing of it can be read");
    assert_eq!(app.chats().await.expect_err("are not open"), refused);
    assert!(app.settings().await.is_ok() && app.models().await.is_ok(), "everything else works");
    let again = app.start_again(StartWay::Retry).await.expect("is no error");
    assert_eq!(again.failure, Some(refused));
    assert!(app.start_again(StartWay::ReadOnly).await.is_err());

    let state = app.start_again(StartWay::Empty).await.expect("starts empty");
    assert_eq!((state.failure, state.read_only), (None, None));
    assert!(titles(&app).await.is_empty());
    app.chat_create("guide").await.expect("can be written");
    let backups = app.backups().await.expect("lists");
    assert_eq!(backups.backups[0].kind, BackupKind::Replaced);
    let kept = Path::new(&backups.folder).join(&backups.backups[0].id).join("history.db");
    assert_eq!(std::fs::read(kept).expect("is kept"), garbage);
}

#[tokio::test]
async fn what_stood_in_the_way_can_be_solved_and_tried_again() {
    let folder = used("there again").await;
    let file = history(folder.path());
    let whole = std::fs::read(&file).expect("reads");
    std::fs::write(&file, &whole[..whole.len() / 2]).expect("is cut");
    let app = start(folder.path()).await;
    assert_eq!(
        app.start_state().await.expect("is known").failure.expect("is cut").code,
        ErrorCode::HistoryUnreadable
    );
    std::fs::write(&file, &whole).expect("is put back by hand");
    assert_eq!(app.start_again(StartWay::Retry).await.expect("tries").failure, None);
    assert_eq!(titles(&app).await, ["there again"]);
}

#[tokio::test]
async fn chats_of_a_newer_version_are_read_and_not_changed() {
    let folder = used("newer").await;
    let file = history(folder.path());
    let mut bytes = std::fs::read(&file).expect("reads");
    // The version is a number at offset 60 of the file (fileformat2.html, 1.3).
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(&file, &bytes).expect("is written");
    let app = start(folder.path()).await;
    let state = app.start_state().await.expect("is known");
    assert_eq!(state.failure.expect("is newer").code, ErrorCode::HistoryTooNew);
    assert_eq!(state.ways, [StartWay::Retry, StartWay::ReadOnly, StartWay::Empty]);

    let state = app.start_again(StartWay::ReadOnly).await.expect("is read");
    assert_eq!(state.read_only.expect("says why").code, ErrorCode::HistoryTooNew);
    assert_eq!(titles(&app).await, ["newer"]);
    let chat = app.chats().await.expect("lists").remove(0).id;
    let read_only = ErrorCode::HistoryReadOnly;
    let request = SendRequest { chat_id: chat.clone(), text: "Hello".into(), ..SendRequest::default() };
    let refused = app.answer_start(request, Box::new(|_| ())).await.expect_err("nothing is sent");
    assert_eq!(refused.code, read_only);
    assert!(refused.message.contains("newer version"), "it says why: {refused}");
    assert_eq!(app.chat_create("guide").await.expect_err("is refused").code, read_only);
    assert_eq!(app.chat_delete(&chat).await.expect_err("is refused").code, read_only);
    assert_eq!(app.backup_create().await.expect_err("is refused").code, read_only);
    app.close().await;
    assert_eq!(std::fs::read(&file).expect("reads"), bytes, "not a byte was changed");

    let exported = folder.path().join("chat.json");
    app.chat_export(&chat, &exported).await.expect("a chat can be taken away");
    assert!(std::fs::read_to_string(exported).expect("reads").contains("newer"));
}

#[tokio::test]
async fn a_backup_is_put_back_over_a_damaged_file_and_over_an_open_one() {
    let folder = used("first").await;
    let app = start(folder.path()).await;
    let made = app.backup_create().await.expect("is made");
    let chat = app.chats().await.expect("lists").remove(0).id;
    app.chat_rename(&chat, "second").await.expect("renames");
    app.backup_restore(&made.id).await.expect("is put back");
    assert_eq!(titles(&app).await, ["first"]);
    app.close().await;
    drop(app);

    std::fs::write(history(folder.path()), "damaged").expect("is written");
    let app = start(folder.path()).await;
    let listed = app.backups().await.expect("are listed all the same");
    assert_eq!(listed.backups.len(), 2, "the one that was made, and what it replaced");
    app.backup_restore(&made.id).await.expect("is put back");
    assert_eq!(app.start_state().await.expect("is known").failure, None);
    assert_eq!(titles(&app).await, ["first"]);
    let refused = app.backup_restore("20260101T000000.000Z-daily").await.expect_err("there is none");
    assert_eq!(refused.code, ErrorCode::InvalidInput);
}

#[tokio::test]
async fn every_list_that_cannot_be_read_is_said_and_kept() {
    let folder = used("kept").await;
    let damaged = [
        ("settings.toml", ErrorCode::SettingsUnreadable),
        ("own-models.json", ErrorCode::OwnModelsUnreadable),
        ("endpoints.json", ErrorCode::EndpointsUnreadable),
        ("deployments.json", ErrorCode::DeploymentsUnreadable),
        ("downloads.json", ErrorCode::DownloadsUnreadable),
        ("sharing.json", ErrorCode::SharingUnreadable),
        ("sharing-keys.json", ErrorCode::SharingKeysUnreadable),
        ("keys.sealed.json", ErrorCode::CloudKeysUnreadable),
    ];
    for (name, _) in damaged {
        std::fs::write(folder.path().join(name), "half a fi").expect("is written");
    }
    let app = App::open(paths(folder.path()), Arc::new(NoHost)).await.expect("opens all the same");
    let mut codes: Vec<ErrorCode> = Vec::new();
    for problem in app.start_problems() {
        assert_eq!(
            std::fs::read_to_string(&problem.detail["path"]).expect("is kept"),
            "half a fi",
            "{problem}"
        );
        codes.push(problem.code);
    }
    codes.sort();
    let mut wanted = damaged.map(|(_, code)| code);
    wanted.sort();
    assert_eq!(codes, wanted);
    assert_eq!(titles(&app).await, ["kept"]);
    drop(app);
    let again = App::open(paths(folder.path()), Arc::new(NoHost)).await.expect("opens");
    assert_eq!(again.start_problems(), [], "reported once");
}

#[cfg(unix)]
#[tokio::test]
async fn everything_in_the_data_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let app = App::open(paths(&data), Arc::new(NoHost)).await.expect("opens");
    app.settings_save(app.settings().await.expect("are there")).await.expect("are kept");
    app.chat_create("guide").await.expect("creates");
    app.sharing_key_add("laptop", None).await.expect("is made");
    app.backup_create().await.expect("is made");
    let mut open = vec![data.clone()];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let found = std::fs::metadata(&path).expect("is there");
        let mode = found.permissions().mode() & 0o777;
        assert_eq!(mode, if found.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
        seen += 1;
        if found.is_dir() {
            open.extend(std::fs::read_dir(path).expect("lists").map(|entry| entry.expect("an entry").path()));
        }
    }
    assert!(seen >= 9, "the folder, the chats and their log, settings, keys, backups: {seen}");
}

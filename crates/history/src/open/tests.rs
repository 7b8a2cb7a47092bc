//! Opening files that are older, newer, truncated, not a database, or readable by others.
use std::path::PathBuf;
use std::time::Duration;

use rusqlite_migration::Migrations;

use super::*;
use crate::{BackupKind, ChatSettings, backups};

fn settings() -> ChatSettings {
    ChatSettings {
        model_id: "guide".into(),
        preset_id: "custom".into(),
        sampling: "{}".into(),
        system_prompt: String::new(),
    }
}

#[test]
fn an_older_file_is_copied_before_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let id = History::open(&path).expect("opens").chat_create(&settings()).expect("creates").id;

    let mut newer = MIGRATIONS.to_vec();
    newer.push(M::up("CREATE TABLE extra (id INTEGER) STRICT; DELETE FROM chats;"));
    let opened = History::open_at(&path, &newer).expect("migrates");
    assert!(opened.chats().expect("lists").is_empty(), "the new migration ran");

    let [backup] = &backups(&path).expect("lists")[..] else { panic!("one backup") };
    assert_eq!(backup.kind, BackupKind::Update);
    let copy = Connection::open(crate::backup_folder(&path).join(&backup.id).join("history.db"));
    let copy = copy.expect("the copy is there");
    let kept: String = copy.query_row("SELECT id FROM chats", [], |row| row.get(0)).expect("a chat");
    assert_eq!(kept, id);
}

#[test]
fn a_file_of_the_first_version_keeps_its_messages() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let mut first = Connection::open(&path).expect("opens");
    Migrations::from_slice(&MIGRATIONS[..1]).to_latest(&mut first).expect("the first tables");
    first
        .execute_batch(
            "INSERT INTO chats (id, title, model_id, preset_id, sampling, system_prompt, created_at, updated_at)
             VALUES ('c', '', 'guide', 'custom', '{}', '', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z');
             INSERT INTO messages (id, chat_id, role, text, state, created_at)
             VALUES ('m', 'c', 'assistant', 'said before', 'done', '2026-01-01T00:00:00.000Z');",
        )
        .expect("is written as the first version did");
    drop(first);
    let message = History::open(&path).expect("migrates").message("m").expect("is there");
    assert_eq!((message.text.as_str(), message.thinking_ms), ("said before", None));
    assert_eq!(backups(&path).expect("lists").len(), 1, "the old file was copied first");
}

#[test]
fn a_file_without_folders_keeps_its_chats_and_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let hash = "d".repeat(64);
    let mut sixth = Connection::open(&path).expect("opens");
    Migrations::from_slice(&MIGRATIONS[..6]).to_latest(&mut sixth).expect("the sixth tables");
    sixth
        .execute_batch(&format!(
            "INSERT INTO chats (id, title, model_id, preset_id, sampling, system_prompt, created_at, updated_at)
             VALUES ('c', 'Old', 'guide', 'custom', '{{}}', 'Be brief.', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z');
             INSERT INTO messages (id, chat_id, role, text, state, created_at)
             VALUES ('m', 'c', 'user', 'asked before', 'done', '2026-01-01T00:00:00.000Z');
             INSERT INTO documents (hash, name, kind, bytes, pages, tokens, scanned, added_at)
             VALUES ('{hash}', 'a.pdf', 'pdf', 5, 1, 3, '', '2026-01-01T00:00:00.000Z');
             INSERT INTO document_pages (hash, page, text) VALUES ('{hash}', 1, 'one');
             INSERT INTO message_documents (message_id, place, hash) VALUES ('m', 0, '{hash}');
             UPDATE chats SET leaf_id = 'm';"
        ))
        .expect("is written as the sixth version did");
    drop(sixth);
    let history = History::open(&path).expect("migrates");
    let chat = history.chat("c").expect("is there");
    assert_eq!((chat.title.as_str(), chat.settings.system_prompt.as_str()), ("Old", "Be brief."));
    assert_eq!((chat.folder_id, chat.path[0].documents[0].hash.as_str()), (None, hash.as_str()));
    assert_eq!(history.folders().expect("lists"), []);
    let made = history.folder_create("New", "").expect("is made");
    history.chats_move(&["c".into()], Some(&made.id)).expect("moves");
    assert_eq!(history.folder(&made.id).expect("is there").chats, 1);
    assert_eq!(backups(&path).expect("lists").len(), 1, "the old file was copied first");
}

#[test]
fn a_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    drop(History::open(&path).expect("opens"));
    Connection::open(&path).expect("opens").pragma_update(None, "user_version", 99).expect("is set");
    let refused = History::open(&path).expect_err("it is newer");
    let known_version = MIGRATIONS.len();
    assert!(
        matches!(refused, HistoryError::TooNew { found: 99, known, .. } if known == known_version),
        "{refused}"
    );
}

#[test]
fn a_file_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let other = "not a database at all, but a letter to somebody ".repeat(40);
    std::fs::write(&path, &other).expect("is written");
    let refused = History::open(&path).expect_err("it is no database");
    assert!(matches!(refused, HistoryError::Damaged { .. }), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).expect("is read"), other);
}

/// A closed history with a chat of 200 messages: all pages are in the file.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("history.db");
    let history = History::open(&path).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    let text = "a line of a chat ".repeat(60);
    for _ in 0..200 {
        let new = crate::NewMessage {
            chat_id: &chat,
            parent_id: None,
            role: crate::Role::User,
            text: &text,
            state: crate::State::Done,
            images: &[],
            documents: &[],
        };
        history.message_add(&new).expect("is added");
    }
    path
}

#[test]
fn a_file_that_was_cut_is_refused_at_once_wherever_it_was_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = filled(folder.path());
    let whole = std::fs::read(&path).expect("reads");
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages}");
    for keep in [1, 50, 99, 100, 4096, 5000, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        std::fs::write(&path, &whole[..keep]).expect("is cut");
        let refused = History::open(&path).expect_err("it is cut");
        assert!(matches!(refused, HistoryError::Damaged { .. }), "{keep}: {refused}");
        assert_eq!(std::fs::metadata(&path).expect("is there").len(), keep as u64, "it is left alone");
    }
    std::fs::write(&path, &whole).expect("is whole again");
    History::open(&path).expect("opens").backup(BackupKind::Daily).expect("is backed up");
    std::fs::write(&path, "").expect("is emptied");
    let refused = History::open(&path).expect_err("there was a history");
    assert!(matches!(refused, HistoryError::Damaged { .. }), "{refused}");
}

#[test]
fn a_file_that_is_shorter_than_its_log_says_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = filled(folder.path());
    let history = History::open(&path).expect("opens");
    let chat = history.chats().expect("lists").remove(0).id;
    history.chat_rename(&chat, "in the log").expect("renames");
    // The state after a kill: the file and its log.
    let other = tempfile::tempdir().expect("a folder");
    let copied = other.path().join("history.db");
    for name in ["", "-wal"] {
        std::fs::copy(beside(&path, name), beside(&copied, name)).expect("is copied");
    }
    let opened = History::open(&copied).expect("the log is taken in");
    assert_eq!(opened.chats().expect("lists")[0].title, "in the log");
}

#[test]
fn a_file_that_another_program_keeps_to_itself_is_locked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = filled(folder.path());
    let other = Connection::open(&path).expect("opens");
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;").expect("is locked");
    let refused = History::open(&path).expect_err("it is locked");
    assert!(matches!(refused, HistoryError::Locked { .. }), "{refused}");
}

#[test]
fn a_checkpoint_leaves_everything_in_the_file_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let history = History::open(&path).expect("opens");
    let id = history.chat_create(&settings()).expect("creates").id;
    assert!(!history.checkpoint_after(Duration::from_secs(3600)).expect("looks"), "it was written just now");
    assert!(history.checkpoint_after(Duration::ZERO).expect("moves"));
    assert!(!history.checkpoint_after(Duration::ZERO).expect("looks"), "the log is empty");
    let copied = folder.path().join("copy.db");
    std::fs::copy(&path, &copied).expect("is copied");
    let copy = Connection::open(&copied).expect("opens");
    let found: String = copy.query_row("SELECT id FROM chats", [], |row| row.get(0)).expect("a chat");
    assert_eq!(found, id);
}

#[cfg(unix)]
#[test]
fn files_are_the_owners_alone_and_old_ones_become_so() {
    use std::os::unix::fs::PermissionsExt;
    fn modes(path: &Path, all: &mut Vec<(PathBuf, u32)>) {
        all.push((path.to_owned(), std::fs::metadata(path).expect("is there").permissions().mode() & 0o777));
        for entry in std::fs::read_dir(path).into_iter().flatten() {
            modes(&entry.expect("an entry").path(), all);
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let path = data.join("history.db");
    let history = History::open(&path).expect("opens");
    history.image_add(b"a whale", "image/png", 4, 3).expect("is kept");
    history.backup(BackupKind::Daily).expect("is backed up");
    let check = |when: &str| {
        let mut all = Vec::new();
        modes(&data, &mut all);
        assert!(all.len() >= 8, "{when}: the file, its log, its index, a picture, a backup: {all:?}");
        for (path, mode) in all {
            assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{when}: {}", path.display());
        }
    };
    check("new");
    for (path, mode) in [("", 0o755), ("history.db", 0o644), ("history.db-wal", 0o666), ("pictures", 0o755)] {
        let path = if path.is_empty() { data.clone() } else { data.join(path) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("is opened to others");
    }
    let _again = History::open(&path).expect("opens");
    check("opened again");
}

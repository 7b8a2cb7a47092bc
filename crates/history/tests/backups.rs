//! Backups through the public API: created, limited in number, verified, restored, with images; and read-only
//! histories.
mod common;

use std::path::{Path, PathBuf};

use common::settings;
use history::{BackupKind, History, HistoryError, NewMessage, Role, State, backup_folder, backups};

fn add(history: &History, chat: &str, text: &str, images: &[String]) -> String {
    let new = NewMessage {
        chat_id: chat,
        parent_id: None,
        role: Role::User,
        text,
        state: State::Done,
        images,
        documents: &[],
    };
    history.message_add(&new).expect("is added").id
}

/// A folder with a history of one chat with an image.
fn scene() -> (tempfile::TempDir, PathBuf, History, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history.db");
    let history = History::open(&path).expect("opens");
    let chat = history.chat_create(&settings()).expect("creates").id;
    history.chat_rename(&chat, "before").expect("renames");
    let whale = history.image_add(b"a whale", "image/png", 4, 3).expect("is kept").hash;
    add(&history, &chat, "look", &[whale]);
    (folder, path, history, chat)
}

fn titles(history: &History) -> Vec<String> {
    history.chats().expect("lists").into_iter().map(|chat| chat.title).collect()
}

fn database(path: &Path, id: &str) -> PathBuf {
    backup_folder(path).join(id).join("history.db")
}

#[test]
fn a_backup_restores_what_was_deleted_with_its_image() {
    let (_folder, path, history, chat) = scene();
    let made = history.backup(BackupKind::Daily).expect("is made");
    assert_eq!((made.kind, made.images), (BackupKind::Daily, 1));
    assert_eq!(made.bytes, std::fs::metadata(database(&path, &made.id)).expect("is there").len());
    history.chat_delete(&chat).expect("deletes");
    let later = history.chat_create(&settings()).expect("creates").id;
    history.chat_rename(&later, "after").expect("renames");

    let kept = history.restore(&made.id).expect("is put back");
    assert_eq!(titles(&history), ["before"]);
    let message = history.chat(&chat).expect("reads").path.remove(0);
    assert_eq!(history.image_bytes(&message.images[0].hash).expect("is there again"), b"a whale");
    // It is writable, and another process sees the same.
    add(&history, &chat, "more", &[]);
    assert_eq!(titles(&History::open(&path).expect("opens")), ["before"]);

    assert_eq!(kept.kind, BackupKind::Replaced);
    history.restore(&kept.id).expect("what was there is put back");
    assert_eq!(titles(&history), ["after"]);
}

#[test]
fn seven_daily_ones_stay_and_the_others_are_not_touched() {
    let (_folder, path, history, _) = scene();
    let asked = history.backup(BackupKind::Asked).expect("is made");
    let made: Vec<String> = (0..9).map(|_| history.backup(BackupKind::Daily).expect("is made").id).collect();
    let listed = backups(&path).expect("lists");
    let daily: Vec<&String> =
        listed.iter().filter(|one| one.kind == BackupKind::Daily).map(|one| &one.id).collect();
    assert_eq!(daily, made[2..].iter().rev().collect::<Vec<_>>(), "the latest first");
    assert!(listed.iter().any(|one| one.id == asked.id));
    let hidden = std::fs::read_dir(backup_folder(&path)).expect("lists");
    assert_eq!(hidden.count(), 7 + 1 + 1, "seven, one that was asked for, and the lock");
}

#[test]
fn a_copy_that_is_not_whole_replaces_nothing() {
    let (_folder, path, history, _) = scene();
    let made = history.backup(BackupKind::Daily).expect("is made");
    let file = database(&path, &made.id);
    let whole = std::fs::read(&file).expect("reads");
    let mut garbled = whole.clone();
    let middle = garbled.len() / 2;
    garbled[middle..middle + 3000].fill(0xa5);
    let refused = |text: &[u8], what: &str| {
        std::fs::write(&file, text).expect("is written");
        let error = history.restore(&made.id).expect_err(what);
        assert!(matches!(error, HistoryError::BackupDamaged { .. }), "{what}: {error}");
        assert_eq!(titles(&history), ["before"], "{what}");
    };
    refused(&whole[..whole.len() / 2], "cut");
    refused(&garbled, "garbled");
    refused(b"", "empty");
    refused("not a database".repeat(500).as_bytes(), "something else");
    std::fs::write(&file, &whole).expect("is written");
    rusqlite::Connection::open(&file)
        .expect("opens")
        .pragma_update(None, "user_version", 99)
        .expect("is set");
    assert!(matches!(history.restore(&made.id), Err(HistoryError::TooNew { found: 99, .. })));
    assert!(matches!(history.restore("../../etc"), Err(HistoryError::BackupNotFound(_))));
    assert_eq!(backups(&path).expect("lists").len(), 1, "nothing was kept, because nothing was replaced");
}

#[test]
fn a_history_that_cannot_be_opened_is_kept_and_replaced() {
    let (_folder, path, history, chat) = scene();
    let made = history.backup(BackupKind::Daily).expect("is made");
    drop(history);
    let garbage = "no database at all ".repeat(700);
    let wal = path.with_file_name("history.db-wal");
    for restored in [true, false] {
        std::fs::write(&path, &garbage).expect("is damaged");
        std::fs::write(&wal, "its log").expect("is written");
        assert!(History::open(&path).is_err());
        assert_eq!(std::fs::read_to_string(&wal).expect("is left alone"), "its log");
        let history = if restored {
            History::replace(&path, &made.id).expect("is put back")
        } else {
            History::start_empty(&path).expect("starts empty")
        };
        assert_eq!(titles(&history).len(), usize::from(restored));
        if restored {
            assert_eq!(history.chat(&chat).expect("reads").path.len(), 1);
        }
        drop(history);
        let kept = backups(&path).expect("lists").remove(0);
        assert_eq!(kept.kind, BackupKind::Replaced);
        assert_eq!(std::fs::read_to_string(database(&path, &kept.id)).expect("is kept"), garbage);
        let kept_log = database(&path, &kept.id).with_file_name("history.db-wal");
        assert_eq!(std::fs::read_to_string(kept_log).expect("is kept"), "its log");
        assert_eq!(kept.images, 1, "its pictures are kept, too");
    }
}

#[test]
fn a_history_of_a_newer_version_is_kept_whole_with_its_log() {
    let (_folder, path, history, _) = scene();
    let newer = rusqlite::Connection::open(&path).expect("opens");
    newer.execute_batch("CREATE TABLE later (id INTEGER); PRAGMA user_version = 99;").expect("is newer");
    // Both stay open, as in a killed process: new data are only in the log.
    let shown = History::open_read_only(&path).expect("is read");
    assert_eq!(titles(&shown), ["before"]);
    assert!(matches!(shown.chat_create(&settings()), Err(HistoryError::ReadOnly)));
    drop(shown);
    assert!(matches!(History::open(&path), Err(HistoryError::TooNew { found: 99, .. })));
    let empty = History::start_empty(&path).expect("starts empty");
    assert!(titles(&empty).is_empty());
    let kept = backups(&path).expect("lists").remove(0);
    let copy = tempfile::tempdir().expect("a folder");
    for name in ["history.db", "history.db-wal"] {
        std::fs::copy(database(&path, &kept.id).with_file_name(name), copy.path().join(name))
            .expect("is copied");
    }
    let copy = rusqlite::Connection::open(copy.path().join("history.db")).expect("opens");
    let version: u32 = copy.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads");
    assert_eq!(version, 99, "the newer file is whole");
    drop((history, newer));
}

#[test]
fn what_a_killed_backup_left_is_in_no_list_and_goes_with_the_next() {
    let (_folder, path, history, _) = scene();
    let left = backup_folder(&path).join(".part-20260101T000000.000Z-daily");
    std::fs::create_dir_all(&left).expect("is made");
    std::fs::write(left.join("history.db"), "half").expect("is written");
    assert!(backups(&path).expect("lists").is_empty());
    history.backup(BackupKind::Daily).expect("is made");
    assert!(!left.exists());
}

#[test]
fn reading_only_writes_nothing_and_brings_an_older_file_up_in_memory() {
    let (_folder, path, history, chat) = scene();
    history.chat_rename(&chat, "in the log").expect("renames");
    let other = tempfile::tempdir().expect("a folder");
    let copied = other.path().join("history.db");
    for (name, to) in [("history.db", "history.db"), ("history.db-wal", "history.db-wal")] {
        std::fs::copy(path.with_file_name(name), other.path().join(to)).expect("is copied");
    }
    let before: Vec<_> = ["history.db", "history.db-wal"]
        .map(|name| std::fs::read(other.path().join(name)).expect("reads"))
        .into();
    let shown = History::open_read_only(&copied).expect("is read");
    assert_eq!(titles(&shown), ["in the log"]);
    assert_eq!(shown.chat(&chat).expect("reads").path[0].text, "look");
    drop(shown);
    let after: Vec<_> = ["history.db", "history.db-wal"]
        .map(|name| std::fs::read(other.path().join(name)).expect("reads"))
        .into();
    assert!(before == after);
    assert_eq!(std::fs::read_dir(other.path()).expect("lists").count(), 2, "nothing was put beside");

    let old = tempfile::tempdir().expect("a folder");
    let old = old.path().join("history.db");
    std::fs::create_dir_all(old.parent().expect("a folder")).expect("is made");
    let tables = rusqlite::Connection::open(&old).expect("opens");
    tables.execute_batch(include_str!("first-version.sql")).expect("is as the first version wrote it");
    drop(tables);
    let bytes = std::fs::read(&old).expect("reads");
    let shown = History::open_read_only(&old).expect("is read");
    assert_eq!(shown.chat("c").expect("reads").path[0].text, "said before");
    assert_eq!(std::fs::read(&old).expect("reads"), bytes);
    drop(shown);
    assert!(matches!(
        History::open_read_only(&old.with_file_name("none.db")),
        Err(HistoryError::File { .. } | HistoryError::Open { .. })
    ));
}

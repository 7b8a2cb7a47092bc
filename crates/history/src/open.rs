//! Opening the file: pragmas, a copy before a migration, migrations, and the recovery of answers that were being
//! written when the last process went away. Knows the tables, not their use.
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::HistoryError;
use crate::pictures::tidy;

/// Each entry is one version and never changes once released.
const MIGRATIONS: &[M<'static>] = &[
    M::up(FIRST),
    M::up("ALTER TABLE messages ADD COLUMN thinking_ms INTEGER CHECK (thinking_ms >= 0);"),
    M::up(PICTURES),
];

const PICTURES: &str = "CREATE TABLE pictures (
    hash TEXT PRIMARY KEY NOT NULL CHECK (length(hash) = 64),
    kind TEXT NOT NULL,
    width INTEGER NOT NULL CHECK (width > 0),
    height INTEGER NOT NULL CHECK (height > 0),
    bytes INTEGER NOT NULL CHECK (bytes > 0),
    added_at TEXT NOT NULL
) STRICT;
CREATE TABLE message_pictures (
    message_id TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    hash TEXT NOT NULL REFERENCES pictures (hash),
    PRIMARY KEY (message_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_pictures_hash ON message_pictures (hash);
ALTER TABLE messages ADD COLUMN boxes TEXT;";

const FIRST: &str = "CREATE TABLE chats (
    id TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    model_id TEXT NOT NULL,
    preset_id TEXT NOT NULL,
    sampling TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    leaf_id TEXT REFERENCES messages (id) ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE messages (
    id TEXT PRIMARY KEY NOT NULL,
    chat_id TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
    text TEXT NOT NULL,
    reasoning TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL CHECK (state IN ('streaming', 'done', 'stopped', 'length', 'interrupted')),
    error TEXT,
    stats TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_parent ON messages (chat_id, parent_id);
CREATE INDEX messages_parent ON messages (parent_id);
CREATE INDEX messages_streaming ON messages (state) WHERE state = 'streaming';
CREATE INDEX chats_leaf ON chats (leaf_id);
CREATE INDEX chats_by_time ON chats (updated_at);";

/// Of the pictures, beside the file.
const PICTURES_FOLDER: &str = "pictures";

/// The open file. One connection, used in turn; calls block for as long as the disk takes.
#[derive(Debug)]
pub struct History {
    connection: Mutex<Connection>,
    pub(crate) pictures: PathBuf,
}

impl History {
    /// Opens or creates the file. An older file is copied to `<name>.v<version>.bak` before it is changed.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        Self::open_at(path, MIGRATIONS)
    }

    fn open_at(path: &Path, migrations: &[M<'static>]) -> Result<Self, HistoryError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| HistoryError::Folder { path: folder.to_owned(), source })?;
        }
        let failed = |source| HistoryError::opening(path, source);
        let mut connection = Connection::open(path).map_err(failed)?;
        prepare(&connection).map_err(failed)?;
        migrate(&mut connection, path, migrations)?;
        recover(&connection).map_err(failed)?;
        let pictures = path.with_file_name(PICTURES_FOLDER);
        tidy(&mut connection, &pictures)?;
        Ok(Self { connection: Mutex::new(connection), pictures })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // SQLite rolled back whatever a panicking caller had begun, so the connection is still good.
        self.connection.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // The window and the command line may use the file at the same time.
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // In WAL mode NORMAL loses nothing when a process dies, only the last moments when the power fails.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")
}

fn migrate(connection: &mut Connection, path: &Path, list: &[M<'static>]) -> Result<(), HistoryError> {
    let failed = |source| HistoryError::opening(path, source);
    let known = list.len();
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    let found = found as usize;
    if found > known {
        return Err(HistoryError::TooNew { path: path.to_owned(), found, known });
    }
    if found > 0 && found < known {
        let copy = snapshot_path(path, found);
        if !copy.exists() {
            // VACUUM INTO also takes in what still lies in the write-ahead log, which a copy of the file would miss.
            connection.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).map_err(failed)?;
        }
    }
    Migrations::from_slice(list)
        .to_latest(connection)
        .map_err(|source| HistoryError::Migrate { path: path.to_owned(), source: Box::new(source) })
}

fn snapshot_path(path: &Path, version: usize) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".v{version}.bak"));
    path.with_file_name(name)
}

fn recover(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE messages SET state = 'interrupted' WHERE state = 'streaming'", []).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChatSettings;

    fn settings() -> ChatSettings {
        ChatSettings {
            model_id: "guide".into(),
            preset_id: "custom".into(),
            sampling: "{}".into(),
            system_prompt: String::new(),
        }
    }

    #[test]
    fn migrations_are_sound() {
        Migrations::from_slice(MIGRATIONS).validate().expect("each applies to an empty file");
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

        let copy = Connection::open(snapshot_path(&path, MIGRATIONS.len())).expect("the copy is there");
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
        assert!(snapshot_path(&path, 1).is_file(), "the old file was copied first");
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("history.db");
        drop(History::open(&path).expect("opens"));
        Connection::open(&path).expect("opens").pragma_update(None, "user_version", 99).expect("is set");
        let refused = History::open(&path).expect_err("it is newer");
        let known_here = MIGRATIONS.len();
        assert!(
            matches!(refused, HistoryError::TooNew { found: 99, known, .. } if known == known_here),
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
        assert!(matches!(refused, HistoryError::Open { .. }), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).expect("is read"), other);
    }
}

//! Shared by the targets: random numbers, the program with a data folder, and checks of the chat database.
//! The database is read with SQLite directly, so that no recovery of `history` hides damage.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::{Connection, OpenFlags};

/// xorshift64*: the same seed gives the same moments on a host of the same speed.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// `whaledeck-cli` with this data folder.
pub fn cli(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whaledeck-cli"));
    command
        .args(args)
        .env("WHALEDECK_DATA", data)
        .env("WHALEDECK_KEYS", "file")
        .env_remove("HF_TOKEN")
        .env_remove("MODELSCOPE_API_TOKEN")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

pub fn history(data: &Path) -> PathBuf {
    data.join("history.db")
}

/// Every message with its id, after an integrity check of all pages and foreign keys.
pub fn messages(file: &Path, when: &str) -> Vec<(String, String)> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let db = db.unwrap_or_else(|error| panic!("{when}: open {}: {error}", file.display()));
    db.busy_timeout(std::time::Duration::from_secs(10)).expect("is set");
    let integrity: String = db
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{when}: {}: {error}", file.display()));
    assert_eq!(integrity, "ok", "{when}: {}", file.display());
    let dangling = db.prepare("PRAGMA foreign_key_check").expect("asks").exists([]).expect("answers");
    assert!(!dangling, "{when}: a row refers to one that is missing");
    let mut query = db.prepare("SELECT id, text FROM messages ORDER BY id").expect("there are messages");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
    rows.collect::<Result<_, _>>().expect("reads")
}

pub fn version(file: &Path) -> u32 {
    let db = Connection::open(file).expect("opens");
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads")
}

/// The databases of the listed backups.
pub fn backups(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("backups")).into_iter().flatten();
    let folders = entries.map(|entry| entry.expect("an entry")).filter(|entry| entry.path().is_dir());
    let listed = folders.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    listed.map(|entry| entry.path().join("history.db")).collect()
}

/// Writes a chat database of schema version 1 with this many messages.
pub fn old_history(file: &Path, count: usize) {
    let db = Connection::open(file).expect("opens");
    db.execute_batch(include_str!("../../../history/tests/first-version.sql")).expect("the tables");
    db.execute_batch("BEGIN").expect("begins");
    for number in 0..count {
        db.execute(
            "INSERT INTO messages (id, chat_id, role, text, state, created_at)
                 VALUES (?1, 'c', 'user', ?2, 'done', '2026-01-01T00:00:00.000Z')",
            [format!("m{number:05}"), format!("question {number} ").repeat(20)],
        )
        .expect("is added");
    }
    db.execute_batch("COMMIT").expect("is kept");
}

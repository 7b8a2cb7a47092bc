//! What the targets share: a random number, the program on a data folder, and a look at the file of the chats.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::{Connection, OpenFlags};

/// xorshift64*: the same moments for the same seed, as far as the machine is as fast.
pub struct Random(u64);

impl Random {
    pub fn of(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// `whaledeck-cli` as a person starts it, on this data.
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

/// Every message by its id, after a look at all pages and references.
pub fn messages(file: &Path, when: &str) -> Vec<(String, String)> {
    let tables = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let tables = tables.unwrap_or_else(|error| panic!("{when}: open {}: {error}", file.display()));
    tables.busy_timeout(std::time::Duration::from_secs(10)).expect("is set");
    let whole: String = tables
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap_or_else(|error| panic!("{when}: {}: {error}", file.display()));
    assert_eq!(whole, "ok", "{when}: {}", file.display());
    let dangling = tables.prepare("PRAGMA foreign_key_check").expect("asks").exists([]).expect("answers");
    assert!(!dangling, "{when}: a row refers to one that is missing");
    let mut query = tables.prepare("SELECT id, text FROM messages ORDER BY id").expect("there are messages");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("reads");
    rows.collect::<Result<_, _>>().expect("reads")
}

pub fn version(file: &Path) -> u32 {
    let tables = Connection::open(file).expect("opens");
    tables.query_row("PRAGMA user_version", [], |row| row.get(0)).expect("reads")
}

/// The databases of the backups that a list shows.
pub fn backups(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("backups")).into_iter().flatten();
    let named = entries.map(|entry| entry.expect("an entry")).filter(|entry| entry.path().is_dir());
    let shown = named.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    shown.map(|entry| entry.path().join("history.db")).collect()
}

/// A history of this many messages, as version 1 of the tables has it.
pub fn old_history(file: &Path, count: usize) {
    let tables = Connection::open(file).expect("opens");
    tables.execute_batch(include_str!("../../../history/tests/first-version.sql")).expect("the tables");
    tables.execute_batch("BEGIN").expect("begins");
    for number in 0..count {
        tables
            .execute(
                "INSERT INTO messages (id, chat_id, role, text, state, created_at)
                 VALUES (?1, 'c', 'user', ?2, 'done', '2026-01-01T00:00:00.000Z')",
                [format!("m{number:05}"), format!("question {number} ").repeat(20)],
            )
            .expect("is added");
    }
    tables.execute_batch("COMMIT").expect("is kept");
}

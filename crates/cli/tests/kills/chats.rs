//! Targets that write the chat database: a question, a migration, a backup, a restore and an empty start.
//! After each kill the database passes SQLite's integrity check and has the messages of before or after.
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::Target;
use crate::fixture::{backups, cli, history, messages, old_history, version};

type Messages = Vec<(String, String)>;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn stdout_of(child: &mut Child) -> String {
    let mut text = Vec::new();
    child.stdout.take().expect("is piped").read_to_end(&mut text).expect("reads");
    String::from_utf8_lossy(&text).into_owned()
}

/// A question to the Guide, killed during the answer.
pub struct Chat {
    data: TempDir,
    engine: PathBuf,
    number: usize,
    confirmed: BTreeSet<String>,
}

impl Chat {
    pub fn new() -> Self {
        let test = std::env::current_exe().expect("a test has a path");
        let beside =
            test.ancestors().nth(2).expect("tests are in target/debug/deps").join("whaledeck-engine");
        let engine = std::env::var_os("WHALEDECK_ENGINE").map_or(beside, PathBuf::from);
        assert!(engine.is_file(), "build it first: cargo build -p server ({})", engine.display());
        Self { data: folder(), engine, number: 0, confirmed: BTreeSet::new() }
    }
}

impl Target for Chat {
    fn name(&self) -> &'static str {
        "chat"
    }

    fn percent(&self) -> usize {
        4
    }

    fn start(&mut self) -> Child {
        self.number += 1;
        let mut child = cli(self.data.path(), &["chat", "--json"])
            .env("WHALEDECK_ENGINE", &self.engine)
            .env("WHALEDECK_GUIDE", root().join("assets/guide-model"))
            .stdin(Stdio::piped())
            .spawn()
            .expect("it starts");
        let line = format!("{{\"text\": \"What is MoE? ({})\"}}\n", self.number);
        child.stdin.take().expect("is piped").write_all(line.as_bytes()).expect("is written");
        child
    }

    fn check(&mut self, mut child: Child, killed: bool) {
        let when = format!("chat {}", self.number);
        let stdout = stdout_of(&mut child);
        let question = format!("What is MoE? ({})", self.number);
        // The program confirmed that the question is stored.
        if stdout.contains("\"started\"") {
            self.confirmed.insert(question);
        } else {
            assert!(killed, "{when}: it ended without an answer: {stdout}");
        }
        if !history(self.data.path()).exists() {
            assert!(self.confirmed.is_empty(), "{when}");
            return;
        }
        // Killed before the schema of a new file was created.
        if version(&history(self.data.path())) == 0 {
            assert!(self.confirmed.is_empty(), "{when}");
            return;
        }
        let there: BTreeSet<String> =
            messages(&history(self.data.path()), &when).into_iter().map(|(_, text)| text).collect();
        let lost: Vec<&String> = self.confirmed.difference(&there).collect();
        assert!(lost.is_empty(), "{when}: lost {lost:?}");
    }
}

/// A database of schema version 1, migrated by this version.
pub struct Migration {
    data: TempDir,
    old: PathBuf,
    messages: Messages,
    /// The schema version after a run that ended normally.
    latest: Option<u32>,
    runs: usize,
}

impl Migration {
    pub fn new() -> Self {
        let data = folder();
        let old = data.path().join("first-version.db");
        old_history(&old, 300);
        let messages = messages(&old, "as it was written");
        Self { data, old, messages, latest: None, runs: 0 }
    }

    fn data_dir(&self) -> PathBuf {
        self.data.path().join("data")
    }
}

impl Target for Migration {
    fn name(&self) -> &'static str {
        "migration"
    }

    fn percent(&self) -> usize {
        36
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        // Every second run continues with the database of the run before.
        if self.runs % 2 == 1 {
            let _ = std::fs::remove_dir_all(self.data_dir());
            std::fs::create_dir(self.data_dir()).expect("is made");
            std::fs::copy(&self.old, history(&self.data_dir())).expect("is copied");
        }
        cli(&self.data_dir(), &["chats", "list"]).spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("migration {}", self.runs);
        assert!(messages(&history(&self.data_dir()), &when) == self.messages, "{when}: other messages");
        let found = version(&history(&self.data_dir()));
        if !killed {
            assert!(found > 2 && self.latest.is_none_or(|latest| latest == found), "{when}: at {found}");
            self.latest = Some(found);
        }
        assert!(found == 1 || Some(found) == self.latest, "{when}: half way, at {found}");
        let kept = backups(&self.data_dir());
        assert!(found == 1 || !kept.is_empty(), "{when}: changed without a backup");
        for backup in kept {
            assert_eq!(version(&backup), 1, "{when}");
            assert!(messages(&backup, &when) == self.messages, "{when}: a backup with other messages");
        }
    }
}

/// Creates a database of the current version and returns its messages.
fn create_current(data: &Path) -> Messages {
    std::fs::create_dir_all(data).expect("is made");
    old_history(&history(data), 200);
    let opened = cli(data, &["chats", "list"]).status().expect("it runs");
    assert!(opened.success());
    std::fs::remove_dir_all(data.join("backups")).expect("of the first version");
    messages(&history(data), "as it was written")
}

/// A backup on request.
pub struct Backup {
    data: TempDir,
    messages: Messages,
    runs: usize,
}

impl Backup {
    pub fn new() -> Self {
        let data = folder();
        let messages = create_current(data.path());
        Self { data, messages, runs: 0 }
    }
}

impl Target for Backup {
    fn name(&self) -> &'static str {
        "backup"
    }

    fn percent(&self) -> usize {
        16
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        cli(self.data.path(), &["backups", "create"]).spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("backup {}", self.runs);
        assert!(messages(&history(self.data.path()), &when) == self.messages, "{when}: other messages");
        let kept = backups(self.data.path());
        assert!(killed || !kept.is_empty(), "{when}: it made none");
        for backup in &kept {
            assert!(messages(backup, &when) == self.messages, "{when}: half a backup is listed");
        }
        // Backups on request are never deleted by the app; here they would fill the disk.
        for backup in kept {
            std::fs::remove_dir_all(backup.parent().expect("a folder")).expect("is removed");
        }
    }
}

/// A backup restored over an intact and over a damaged database.
pub struct Restore {
    data: TempDir,
    backup: String,
    old: Messages,
    new: Messages,
    damaged: bool,
    runs: usize,
}

const DAMAGED: &str = "this was a database once ";

impl Restore {
    pub fn new() -> Self {
        let data = folder();
        let old = create_current(data.path());
        assert!(cli(data.path(), &["backups", "create"]).status().expect("it runs").success());
        let backup = backups(data.path()).remove(0);
        let backup =
            backup.parent().and_then(Path::file_name).expect("a name").to_string_lossy().into_owned();
        let mut target = Self { data, backup, old, new: Messages::new(), damaged: false, runs: 0 };
        target.add_message();
        target
    }

    /// Adds a message that only the current database has.
    fn add_message(&mut self) {
        let db = rusqlite::Connection::open(history(self.data.path())).expect("opens");
        let added = db.execute(
            "INSERT OR IGNORE INTO messages (id, chat_id, role, text, state, created_at)
             VALUES ('new', 'c', 'user', 'since the backup', 'done', '2026-02-01T00:00:00.000Z')",
            [],
        );
        added.expect("is added");
        drop(db);
        self.new = messages(&history(self.data.path()), "as it was written");
    }

    fn remove_other_backups(&self) {
        for kept in backups(self.data.path()) {
            let folder = kept.parent().expect("a folder");
            if folder.file_name().is_some_and(|name| name != self.backup.as_str()) {
                std::fs::remove_dir_all(folder).expect("is removed");
            }
        }
    }
}

fn is_damaged(file: &Path) -> bool {
    std::fs::read(file).is_ok_and(|bytes| bytes.starts_with(DAMAGED.as_bytes()))
}

fn damage(file: &Path) {
    std::fs::write(file, DAMAGED.repeat(500)).expect("is written");
    for log in ["history.db-wal", "history.db-shm"] {
        let _ = std::fs::remove_file(file.with_file_name(log));
    }
}

impl Target for Restore {
    fn name(&self) -> &'static str {
        "restore"
    }

    fn percent(&self) -> usize {
        20
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        self.remove_other_backups();
        self.damaged = self.runs.is_multiple_of(2);
        if self.damaged {
            damage(&history(self.data.path()));
        } else {
            if is_damaged(&history(self.data.path())) {
                assert!(cli(self.data.path(), &["backups", "start-empty"]).status().expect("runs").success());
                let backup = self.backup.clone();
                let restored = cli(self.data.path(), &["backups", "restore", &backup]).status();
                assert!(restored.expect("it runs").success());
                self.remove_other_backups();
            }
            self.add_message();
        }
        let backup = self.backup.clone();
        cli(self.data.path(), &["backups", "restore", &backup]).spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("restore {} ({})", self.runs, if self.damaged { "damaged" } else { "open" });
        let file = history(self.data.path());
        let kept: Vec<PathBuf> = backups(self.data.path())
            .into_iter()
            .filter(|path| !path.to_string_lossy().contains(&self.backup))
            .collect();
        if is_damaged(&file) {
            assert!(self.damaged && killed, "{when}: it was not replaced");
        } else {
            let there = messages(&file, &when);
            let (before, after) = (there == self.new, there == self.old);
            assert!(after || (before && killed && !self.damaged), "{when}: {} messages", there.len());
            if after {
                let is_complete = |path: &PathBuf| {
                    if self.damaged { is_damaged(path) } else { messages(path, &when) == self.new }
                };
                assert!(kept.iter().any(is_complete), "{when}: what was there is not kept");
            }
        }
        for path in kept {
            assert!(self.damaged || messages(&path, &when) == self.new, "{when}: half of it is kept");
        }
    }
}

/// A start with empty chats and a damaged database.
pub struct Empty {
    data: TempDir,
    runs: usize,
}

impl Empty {
    pub fn new() -> Self {
        Self { data: folder(), runs: 0 }
    }
}

impl Target for Empty {
    fn name(&self) -> &'static str {
        "empty"
    }

    fn percent(&self) -> usize {
        8
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        let _ = std::fs::remove_dir_all(self.data.path().join("backups"));
        damage(&history(self.data.path()));
        cli(self.data.path(), &["backups", "start-empty"]).spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("empty {}", self.runs);
        let file = history(self.data.path());
        if is_damaged(&file) {
            assert!(killed, "{when}: it is there still");
            return;
        }
        assert!(messages(&file, &when).is_empty(), "{when}");
        let kept = backups(self.data.path());
        assert!(kept.iter().any(|path| is_damaged(path)), "{when}: the file that was there is not kept");
    }
}

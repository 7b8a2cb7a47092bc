//! Backups: each is a folder under `backups` next to the history, with a complete `history.db` and the images
//! it refers to. A backup is written under a hidden name, synced, then renamed, so that every listed backup
//! is complete, also after a kill or with a full disk.
//!
//! Images are hard links to the files of the history: they need no space and survive the deletion of a chat.
//! Without hard links in the file system they are copied.
use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags};
use store::{Access, AtomicFile, FileLock, private};

use crate::files::{IMAGES_FOLDER, beside};
use crate::schema::{MIGRATIONS, version};
use crate::{History, HistoryError};

const FOLDER: &str = "backups";
const FILE: &str = "history.db";
/// Prefix of a backup that is being written or removed; not listed.
const PART: &str = ".part-";
/// Number of daily backups kept.
const DAILY_KEPT: usize = 7;
/// Number of backups before updates kept: a start that is killed repeatedly makes one each time.
const UPDATES_KEPT: usize = 3;

/// The reason for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupKind {
    Daily,
    /// Before a migration by a newer version of the app.
    Update,
    /// The earlier history when a backup was restored or an empty history was started.
    Replaced,
    /// Requested by the user.
    Asked,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The folder name.
    pub id: String,
    pub kind: BackupKind,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// Size of the database; the images are shared with the history.
    pub bytes: u64,
    pub images: usize,
}

impl BackupKind {
    const ALL: [Self; 4] = [Self::Daily, Self::Update, Self::Replaced, Self::Asked];

    fn key(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Update => "update",
            Self::Replaced => "replaced",
            Self::Asked => "asked",
        }
    }
}

/// The folder of the backups of the history at this path.
pub fn folder(history: &Path) -> PathBuf {
    history.with_file_name(FOLDER)
}

/// Whether there is a backup, which means that there was a history.
pub(crate) fn any(history: &Path) -> bool {
    list(history).is_ok_and(|all| !all.is_empty())
}

/// All complete backups, the latest first.
pub fn list(history: &Path) -> Result<Vec<Backup>, HistoryError> {
    let root = folder(history);
    let failed = |error| HistoryError::file("list the backups", &root)(error);
    let entries = match std::fs::read_dir(&root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut all: Vec<Backup> = entries.flatten().filter_map(|entry| read_backup(&entry.path())).collect();
    all.sort_by(|a, b| b.id.cmp(&a.id));
    Ok(all)
}

fn read_backup(path: &Path) -> Option<Backup> {
    let id = path.file_name()?.to_str()?;
    let (stamp, kind) = id.split_once('-')?;
    // A number after the kind distinguishes backups of the same millisecond.
    let kind = kind.split('-').next().unwrap_or_default();
    let kind = BackupKind::ALL.into_iter().find(|known| known.key() == kind)?;
    let at = parse_stamp(stamp)?;
    let bytes = std::fs::metadata(path.join(FILE)).ok()?.len();
    let images = std::fs::read_dir(path.join(IMAGES_FOLDER)).map_or(0, Iterator::count);
    Some(Backup { id: id.to_owned(), kind, created_at: format!("{at:.3}"), bytes, images })
}

/// A timestamp as a folder name that sorts by time.
fn stamp(at: Timestamp) -> String {
    format!("{}.{:03}Z", at.strftime("%Y%m%dT%H%M%S"), at.subsec_millisecond())
}

fn parse_stamp(stamp: &str) -> Option<Timestamp> {
    let (seconds, millis) = stamp.strip_suffix('Z')?.split_once('.')?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", seconds).ok()?;
    let at = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(at + jiff::SignedDuration::from_millis(millis.parse().ok()?))
}

impl History {
    /// Creates a backup. Chats can be used meanwhile, because it uses a separate connection.
    pub fn backup(&self, kind: BackupKind) -> Result<Backup, HistoryError> {
        let opened = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        let connection = opened.map_err(|error| HistoryError::opening(&self.path, error))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        create(&connection, &self.path, kind)
    }
}

/// Creates a backup of the database of this connection, then removes the oldest backups over the limit of its
/// kind.
pub(crate) fn create(source: &Connection, history: &Path, kind: BackupKind) -> Result<Backup, HistoryError> {
    let root = folder(history);
    let _alone = lock(&root)?;
    let made = publish(&root, kind, |part| {
        let images = history.with_file_name(IMAGES_FOLDER);
        // Before the database copy, because an image may be deleted during it; and after it, for images added
        // since.
        link_images(&images, &part.join(IMAGES_FOLDER), |_| true)?;
        let target = part.join(FILE);
        private::create_new(&target).map_err(HistoryError::file("write the backup", &target))?;
        // VACUUM INTO includes the write-ahead log, which a copy of the file would miss.
        source
            .execute("VACUUM INTO ?1", [target.to_string_lossy()])
            .map_err(|error| HistoryError::opening(history, error))?;
        sync(&target)?;
        let shown = images_in(&target)?;
        link_images(&images, &part.join(IMAGES_FOLDER), |name| shown.contains(&name.to_owned()))?;
        remove_unused(&part.join(IMAGES_FOLDER), &shown);
        Ok(())
    })?;
    prune(history, &root, BackupKind::Daily, DAILY_KEPT)?;
    prune(history, &root, BackupKind::Update, UPDATES_KEPT)?;
    Ok(made)
}

/// Writes a backup under a hidden name, then renames it.
pub(crate) fn publish(
    root: &Path,
    kind: BackupKind,
    fill: impl FnOnce(&Path) -> Result<(), HistoryError>,
) -> Result<Backup, HistoryError> {
    // Leftovers of killed processes; the lock excludes other writers.
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PART) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let name = format!("{}-{}", stamp(Timestamp::now()), kind.key());
    let numbered = (2..1000u32).map(|number| format!("{name}-{number}"));
    let id = std::iter::once(name.clone()).chain(numbered).find(|id| !root.join(id).exists());
    let id = id.unwrap_or_else(|| name.clone());
    let (part, path) = (root.join(format!("{PART}{id}")), root.join(&id));
    let written = private::create_dir(&part)
        .map_err(HistoryError::file("write the backup", &part))
        .and_then(|()| fill(&part))
        .and_then(|()| store::sync_dir(&part).map_err(HistoryError::file("write the backup", &part)));
    if let Err(error) = written {
        // Frees the space of an incomplete backup.
        let _ = std::fs::remove_dir_all(&part);
        return Err(error);
    }
    store::rename(&part, &path).map_err(HistoryError::file("write the backup", &path))?;
    read_backup(&path).ok_or(HistoryError::BackupNotFound(id))
}

/// The lock of writers to the folder, in this process or another.
pub(crate) fn lock(root: &Path) -> Result<FileLock, HistoryError> {
    private::create_dir(root).map_err(HistoryError::file("create the folder of the backups", root))?;
    let path = root.join(".lock");
    FileLock::wait(&path, Access::Owner).map_err(HistoryError::file("write the backup", &path))
}

/// Removes the oldest of a kind. It hides a backup before the removal, so that no incomplete one is listed.
fn prune(history: &Path, root: &Path, kind: BackupKind, kept: usize) -> Result<(), HistoryError> {
    for old in list(history)?.into_iter().filter(|one| one.kind == kind).skip(kept) {
        let hidden = root.join(format!("{PART}{}", old.id));
        if std::fs::rename(root.join(&old.id), &hidden).is_ok() {
            // Leftovers are removed at the next backup.
            let _ = std::fs::remove_dir_all(&hidden);
        }
    }
    Ok(())
}

/// Verifies a copy without writing: pages, foreign keys, and a supported version. Returns the version.
///
/// # Errors
/// `BackupDamaged`, or `TooNew`.
pub(crate) fn verify(copy: &Path) -> Result<usize, HistoryError> {
    let damaged = |why: String| HistoryError::BackupDamaged { path: copy.to_owned(), why };
    let failed = |error: rusqlite::Error| damaged(error.to_string());
    let connection = open_immutable(copy).map_err(failed)?;
    let pages: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if pages != "ok" {
        return Err(damaged(pages));
    }
    let dangling = connection.prepare("PRAGMA foreign_key_check").and_then(|mut check| check.exists([]));
    if dangling.map_err(failed)? {
        return Err(damaged("rows refer to others that are missing".into()));
    }
    let (found, known) = (version(&connection).map_err(failed)?, MIGRATIONS.len());
    match found {
        0 => Err(damaged("it has no tables".into())),
        _ if found > known => Err(HistoryError::TooNew { path: copy.to_owned(), found, known }),
        _ => Ok(found),
    }
}

/// Opens a file that no process writes to: without locks and without log files.
pub(crate) fn open_immutable(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri(path, "immutable=1"), flags)
}

/// A path as a SQLite URI, percent-encoded.
pub(crate) fn uri(path: &Path, options: &str) -> String {
    use std::fmt::Write;
    let mut text = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b':' | b'\\' => {
                text.push(char::from(*byte));
            }
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text + "?" + options
}

pub(crate) fn backup_path(history: &Path, id: &str) -> Result<PathBuf, HistoryError> {
    let known = list(history)?.into_iter().any(|one| one.id == id);
    known.then(|| folder(history).join(id)).ok_or_else(|| HistoryError::BackupNotFound(id.to_owned()))
}

/// The database file of a backup.
pub(crate) fn database(backup: &Path) -> PathBuf {
    backup.join(FILE)
}

/// Links the images of `from` whose hash is selected into `to`, unless they exist there.
pub(crate) fn link_images(
    from: &Path,
    to: &Path,
    selected: impl Fn(&str) -> bool,
) -> Result<(), HistoryError> {
    let Ok(entries) = std::fs::read_dir(from) else { return Ok(()) };
    private::create_dir(to).map_err(HistoryError::file("store the images", to))?;
    for entry in entries.flatten() {
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        let hash = name.to_string_lossy();
        let whole = !hash.ends_with(".part");
        if whole && selected(hash.split('.').next().unwrap_or_default()) && !target.exists() {
            link(&entry.path(), &target)?;
        }
    }
    store::sync_dir(to).map_err(HistoryError::file("store the images", to))
}

/// Creates a hard link, or a copy if the file system has no hard links.
pub(crate) fn link(from: &Path, to: &Path) -> Result<(), HistoryError> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        // Deleted since it was listed, or created by another process.
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::AlreadyExists) =>
        {
            Ok(())
        }
        Err(_) => copy(from, to),
    }
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), HistoryError> {
    let part = beside(to, ".part");
    let copied = AtomicFile::at(&part, to, Access::Owner).and_then(|mut target| {
        std::io::copy(&mut File::open(from)?, target.as_file_mut())?;
        target.commit()
    });
    copied.map_err(HistoryError::file("copy a file", to))
}

fn sync(path: &Path) -> Result<(), HistoryError> {
    let synced = File::options().write(true).open(path).and_then(|file| file.sync_all());
    synced.map_err(HistoryError::file("write the backup", path))
}

/// Hashes of the images of a database; none for a version without images.
fn images_in(database: &Path) -> Result<Vec<String>, HistoryError> {
    let failed = |error| HistoryError::opening(database, error);
    let connection = open_immutable(database).map_err(failed)?;
    if !connection.table_exists(None, "pictures").map_err(failed)? {
        return Ok(Vec::new());
    }
    let mut query = connection.prepare("SELECT hash FROM pictures").map_err(failed)?;
    let hashes = query.query_map([], |row| row.get(0)).map_err(failed)?;
    hashes.collect::<Result<_, _>>().map_err(failed)
}

fn remove_unused(images: &Path, shown: &[String]) {
    for entry in std::fs::read_dir(images).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !shown.iter().any(|hash| name.starts_with(hash.as_str())) {
            // Only a hard link: the history keeps its file.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

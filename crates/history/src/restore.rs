//! Restores a backup, or replaces the history by an empty one. The backup is verified before anything is
//! replaced, and the earlier history is kept as a backup.
//!
//! An open history is overwritten in one transaction, which other processes see too. One that cannot be
//! opened is replaced by a rename.
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup as Pages, StepResult};

use crate::backup::{self, BackupKind, backup_path, copy, database, link, link_images, verify};
use crate::files::{IMAGES_FOLDER, beside};
use crate::migrate::migrate;
use crate::open::recover;
use crate::schema::MIGRATIONS;
use crate::{Backup, History, HistoryError};

impl History {
    /// Replaces the chats by those of a backup. Returns the backup of the earlier history.
    pub fn restore(&self, id: &str) -> Result<Backup, HistoryError> {
        let source = backup_path(&self.path, id)?;
        verify(&database(&source))?;
        let mut connection = self.lock();
        let kept = match backup::create(&connection, &self.path, BackupKind::Replaced) {
            // A damaged database cannot be vacuumed: its files are copied.
            Err(error) if error.is_damage() => keep_files(&self.path, copy)?,
            made => made?,
        };
        let to = self.path.with_file_name(IMAGES_FOLDER);
        link_images(&source.join(IMAGES_FOLDER), &to, |_| true)?;
        let from = backup::open_immutable(&database(&source))?;
        let pages = Pages::new(&from, &mut connection)?;
        // All pages in one step, and so in one transaction. It retries while other processes read.
        let mut tries = 0;
        loop {
            match pages.step(-1)? {
                StepResult::Done => break,
                _ if tries < 100 => std::thread::sleep(Duration::from_millis(50)),
                _ => return Err(HistoryError::Locked { path: self.path.clone() }),
            }
            tries += 1;
        }
        drop(pages);
        migrate(&mut connection, &self.path, MIGRATIONS)?;
        recover(&connection)?;
        Ok(kept)
    }

    /// Replaces a history that cannot be opened by a backup, and opens it.
    pub fn replace(path: &Path, id: &str) -> Result<Self, HistoryError> {
        let source = backup_path(path, id)?;
        verify(&database(&source))?;
        let coming = beside(path, ".restoring");
        let _ = std::fs::remove_file(&coming);
        copy(&database(&source), &coming)?;
        link_images(&source.join(IMAGES_FOLDER), &path.with_file_name(IMAGES_FOLDER), |_| true)?;
        keep_files(path, link)?;
        remove_log(path)?;
        store::rename(&coming, path).map_err(HistoryError::file("put the backup in place", path))?;
        Self::open(path)
    }

    /// Keeps a history that cannot be opened as a backup, and opens an empty history.
    pub fn start_empty(path: &Path) -> Result<Self, HistoryError> {
        keep_files(path, link)?;
        remove_log(path)?;
        // Replaced by a rename, so that the file always exists.
        let coming = beside(path, ".restoring");
        let _ = std::fs::remove_file(&coming);
        drop(Self::open(&coming)?);
        remove_log(&coming)?;
        store::rename(&coming, path).map_err(HistoryError::file("start with empty chats", path))?;
        Self::open(path)
    }
}

/// Keeps the files of the history unchanged as a backup, with all images, for later inspection.
fn keep_files(
    path: &Path,
    keep: fn(&Path, &Path) -> Result<(), HistoryError>,
) -> Result<Backup, HistoryError> {
    let root = backup::folder(path);
    let _alone = backup::lock(&root)?;
    backup::publish(&root, BackupKind::Replaced, |part| {
        let target = database(part);
        keep(path, &target)?;
        let log = beside(path, "-wal");
        if log.exists() {
            keep(&log, &beside(&target, "-wal"))?;
        }
        link_images(&path.with_file_name(IMAGES_FOLDER), &part.join(IMAGES_FOLDER), |_| true)
    })
}

/// Removes the log of the old file, so that it is not applied to the new one.
fn remove_log(path: &Path) -> Result<(), HistoryError> {
    for file in [beside(path, "-wal"), beside(path, "-shm")] {
        store::remove_if_exists(&file).map_err(HistoryError::file("put the log aside", &file))?;
    }
    Ok(())
}

//! A backup put back in place of the history, and a history put aside for an empty one. The copy is read whole before anything is
//! replaced, and what was there is kept as a backup of its own.
//!
//! An open history takes the backup over in one transaction, which other processes see too. One that cannot be opened is replaced
//! by a rename.
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup as Pages, StepResult};

use crate::backup::{self, BackupKind, copy, database, link, path_of, prove, share_pictures};
use crate::open::{PICTURES_FOLDER, beside, recover};
use crate::schema::{MIGRATIONS, migrate};
use crate::{Backup, History, HistoryError, private};

impl History {
    /// Takes the chats of a backup in place of those that are there. Returns what was there, as a backup.
    pub fn restore(&self, id: &str) -> Result<Backup, HistoryError> {
        let source = path_of(&self.path, id)?;
        prove(&database(&source))?;
        let mut connection = self.lock();
        let kept = match backup::create(&connection, &self.path, BackupKind::Replaced) {
            // Pages that cannot be read cannot be written out anew: the files are kept as they are.
            Err(error) if error.is_damage() => keep_files(&self.path, copy)?,
            made => made?,
        };
        let to = self.path.with_file_name(PICTURES_FOLDER);
        share_pictures(&source.join(PICTURES_FOLDER), &to, |_| true)?;
        let from = backup::open_unchanging(&database(&source))?;
        let pages = Pages::new(&from, &mut connection)?;
        // All pages in one step, and so in one transaction. Readers of other processes end soon.
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

    /// Puts a backup in place of a history that cannot be opened, and opens it.
    pub fn replace(path: &Path, id: &str) -> Result<Self, HistoryError> {
        let source = path_of(path, id)?;
        prove(&database(&source))?;
        let coming = beside(path, ".restoring");
        let _ = std::fs::remove_file(&coming);
        copy(&database(&source), &coming)?;
        share_pictures(&source.join(PICTURES_FOLDER), &path.with_file_name(PICTURES_FOLDER), |_| true)?;
        keep_files(path, link)?;
        remove_log(path)?;
        std::fs::rename(&coming, path).map_err(HistoryError::file("put the backup in place", path))?;
        sync_folder(path)?;
        Self::open(path)
    }

    /// Keeps a history that cannot be opened as a backup, and opens an empty one.
    pub fn start_empty(path: &Path) -> Result<Self, HistoryError> {
        keep_files(path, link)?;
        remove_log(path)?;
        // Emptied by a rename over it, so that the name is never without a file.
        let coming = beside(path, ".restoring");
        let _ = std::fs::remove_file(&coming);
        drop(Self::open(&coming)?);
        remove_log(&coming)?;
        std::fs::rename(&coming, path).map_err(HistoryError::file("start with empty chats", path))?;
        sync_folder(path)?;
        Self::open(path)
    }
}

/// The files of the history as they are, with all pictures: what is in them can be looked at later.
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
        share_pictures(&path.with_file_name(PICTURES_FOLDER), &part.join(PICTURES_FOLDER), |_| true)
    })
}

/// The log of a file that is kept elsewhere must not be taken for the log of the file that comes.
fn remove_log(path: &Path) -> Result<(), HistoryError> {
    for file in [beside(path, "-wal"), beside(path, "-shm")] {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(HistoryError::file("put the log aside", &file)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn sync_folder(path: &Path) -> Result<(), HistoryError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private::sync_dir(folder).map_err(HistoryError::file("flush the folder", folder))
}

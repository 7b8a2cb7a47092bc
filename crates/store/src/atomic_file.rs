//! Replaces a file atomically: the content is written under another name in the same folder and synced, the
//! file is renamed, and the folder is synced. After a kill, a loss of power or on a full disk the name has
//! the old content or the new, never a part. Knows no format.
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use tempfile::{NamedTempFile, TempPath};

use crate::private;

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner only, mode 600.
    Owner,
    /// As the umask says, for files that are not secret.
    Umask,
}

impl Access {
    /// Creates a file that must not exist yet.
    pub(crate) fn create_new(self, path: &Path) -> io::Result<File> {
        match self {
            Self::Owner => private::create_new(path),
            Self::Umask => File::options().write(true).create_new(true).open(path),
        }
    }
}

/// A file that is being written. It is removed on drop unless it was committed.
#[derive(Debug)]
pub struct AtomicFile<'a> {
    file: NamedTempFile,
    path: &'a Path,
}

impl<'a> AtomicFile<'a> {
    /// Writes under a random name, for a file that several processes may replace.
    pub fn new(path: &'a Path, access: Access) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        if access == Access::Umask {
            builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        #[cfg(not(unix))]
        let _ = access;
        Ok(Self { file: builder.tempfile_in(folder(path))?, path })
    }

    /// Writes to `temporary` in the same folder, for a file with one writer at a time. The leftover of a
    /// killed process is overwritten, so that large ones do not add up.
    pub fn at(temporary: &Path, path: &'a Path, access: Access) -> io::Result<Self> {
        remove_if_exists(temporary)?;
        let file = access.create_new(temporary)?;
        Ok(Self { file: NamedTempFile::from_parts(file, TempPath::try_from_path(temporary)?), path })
    }

    pub fn as_file_mut(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its name.
    pub fn commit(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(self.path)?;
        sync_dir(folder(self.path))
    }

    /// Writes these bytes and commits.
    pub fn commit_bytes(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.commit()
    }
}

impl Write for AtomicFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Replaces a file of the owner. Creates the folder.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_folder(path)?;
    AtomicFile::new(path, Access::Owner)?.commit_bytes(bytes)
}

/// Creates a file of the owner; one that has the name already stays as it is. Creates the folder.
pub fn create_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    create_folder(path)?;
    match create_new(path, Access::Owner, bytes) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Creates a file.
///
/// # Errors
/// `AlreadyExists` where the name is taken; the file that has it stays as it is.
pub fn create_new(path: &Path, access: Access, bytes: &[u8]) -> io::Result<()> {
    let mut new = AtomicFile::new(path, access)?;
    new.write_all(bytes)?;
    new.file.as_file().sync_all()?;
    new.file.persist_noclobber(path).map_err(|error| error.error)?;
    sync_dir(folder(path))
}

/// An existing folder may be the user's own and keeps its permissions.
fn create_folder(path: &Path) -> io::Result<()> {
    let folder = folder(path);
    if folder.is_dir() { Ok(()) } else { private::create_dir(folder) }
}

/// Renames a file or folder that is complete and synced, and syncs the folder of its new name.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)?;
    sync_dir(folder(to))
}

/// Removes a file; one that is already gone is no error.
pub fn remove_if_exists(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Syncs a folder, so that renames in it are durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    match File::open(path).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync a folder, and a folder may be written to but not read. The
        // rename itself was done.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) => {}
        synced => synced?,
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The folder of a file; the current one for a name without a folder.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("lists");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_the_old_content_until_the_new_is_complete() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, temporary) = (folder.path().join("a.json"), folder.path().join("a.json.part"));
        replace(&path, b"old").expect("is written");
        for named in [false, true] {
            let start = if named {
                std::fs::write(&temporary, "the rest of a killed process").expect("is written");
                AtomicFile::at(&temporary, &path, Access::Owner)
            } else {
                AtomicFile::new(&path, Access::Owner)
            };
            let mut file = start.expect("starts");
            file.write_all(b"a part").expect("is written");
            assert_eq!(std::fs::read(&path).expect("reads"), b"old");
            drop(file);
            assert_eq!(names(folder.path()), ["a.json"], "a write that fails leaves nothing");
        }
        AtomicFile::at(&temporary, &path, Access::Owner)
            .expect("starts")
            .commit_bytes(b"new")
            .expect("is written");
        assert_eq!(std::fs::read(&path).expect("reads"), b"new");
        create_once(&path, b"later").expect("stays");
        assert_eq!(std::fs::read(&path).expect("reads"), b"new");
        let taken = create_new(&path, Access::Umask, b"later").expect_err("the name is taken");
        assert_eq!((taken.kind(), names(folder.path())), (ErrorKind::AlreadyExists, vec!["a.json".into()]));
        assert_eq!(std::fs::read(&path).expect("reads"), b"new");
        remove_if_exists(&path).expect("is removed");
        remove_if_exists(&path).expect("is gone");
        create_once(&path, b"later").expect("is made");
        assert_eq!(
            (std::fs::read(&path).expect("reads"), names(folder.path())),
            (b"later".to_vec(), vec!["a.json".into()])
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_a_file_that_is_not_secret_follows_the_umask() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
        let plain = folder.path().join("plain");
        std::fs::write(&plain, "").expect("is written");
        let deep = folder.path().join("new/list.json");
        replace(&deep, b"").expect("is written");
        assert_eq!((mode(&deep), mode(deep.parent().expect("a folder"))), (0o600, 0o700));
        let path = folder.path().join("a");
        for (access, wanted) in [(Access::Owner, 0o600), (Access::Umask, mode(&plain))] {
            let temporary = folder.path().join("a.part");
            for file in [AtomicFile::new(&path, access), AtomicFile::at(&temporary, &path, access)] {
                file.expect("starts").commit().expect("gets its name");
                assert_eq!(mode(&path), wanted, "{access:?}");
            }
        }
    }
}

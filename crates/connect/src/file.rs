//! Reads and replaces the files of other programs: links are followed, the mode stays, and a file has the old
//! text or the new. Knows no format.

use std::fs::Metadata;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use store::{Access, AtomicFile};

use crate::ConnectError;

/// Settings that people write are a thousandth of it.
const LIMIT: u64 = 4 * 1024 * 1024;

/// How many links lead to one file at most. The system has a limit of its own for what it follows.
const LINKS: usize = 16;

/// The text of a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, ConnectError> {
    let found = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(|error| ConnectError::unreadable(path, error))?,
    };
    if !found.is_file() {
        return Err(ConnectError::unreadable(path, "it is not a file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| ConnectError::unreadable(path, error))?;
    let read = file.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| ConnectError::unreadable(path, error))?;
    if bytes.len() as u64 > LIMIT {
        let reason = "it has more than 4 MiB, which settings do not have".to_owned();
        return Err(ConnectError::TooLarge { path: path.to_owned(), reason });
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|sign| **sign == b'\n').count() + 1;
        ConnectError::Broken { path: path.to_owned(), line, reason: "this is not UTF-8".to_owned() }
    })
}

/// Replaces the text of a file, or makes the file for its owner only.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), ConnectError> {
    let failed = |error: std::io::Error| ConnectError::unwritable(path, error);
    let target = followed(path)?;
    let found = match std::fs::metadata(&target) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        found => Some(found.map_err(failed)?),
    };
    if found.as_ref().is_some_and(|found| found.permissions().readonly()) {
        return Err(ConnectError::unwritable(path, "it is read-only"));
    }
    if let Some(folder) = target.parent()
        && !folder.is_dir()
    {
        store::private::create_dir(folder).map_err(failed)?;
    }
    let mut file = AtomicFile::new(&target, Access::Owner).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    if let Some(found) = found {
        keep(&mut file, &found).map_err(failed)?;
    }
    file.commit().map_err(failed)
}

/// The mode stays. So does the owner where we may set it, as in a program that the administrator runs.
fn keep(file: &mut AtomicFile<'_>, found: &Metadata) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let made = file.as_file_mut().metadata()?;
        if (made.uid(), made.gid()) != (found.uid(), found.gid()) {
            std::os::unix::fs::fchown(file.as_file_mut(), Some(found.uid()), Some(found.gid()))?;
        }
    }
    file.as_file_mut().set_permissions(found.permissions())
}

/// Removes a file that was ours alone. A link to it stays, as it was before.
pub(crate) fn remove(path: &Path) -> Result<(), ConnectError> {
    let target = followed(path)?;
    store::remove_if_exists(&target).map_err(|error| ConnectError::unwritable(path, error))
}

/// The file behind a link, also when it does not exist yet.
fn followed(path: &Path) -> Result<PathBuf, ConnectError> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match std::fs::read_link(&target) {
            // A link may be relative to its folder, and an absolute one replaces it.
            Ok(next) => target = target.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(target),
        }
    }
    Err(ConnectError::unwritable(path, "it is a link that leads to no file"))
}

//! A folder with the headers of files that are not here: each file has its full length and, behind its
//! header, a hole that takes no room. It is deleted when it is dropped, and at a later use after a kill. NTFS
//! reserves the length instead, so that on Windows a verdict wants as much free disk as the download.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::ErrorView;
use store::private;

use crate::convert::storage_error;

/// Each reading has a folder of its own in the data folder: a shared one could not be removed while another
/// reading begins.
const PREFIX: &str = "headers-";
/// No reading of headers takes so long: what is older was left by a process that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

pub(super) struct HeadersFolder(PathBuf);

impl HeadersFolder {
    /// Creates an empty folder.
    pub(super) fn create(data_dir: &Path) -> Result<Self, ErrorView> {
        remove_old(data_dir);
        let own = data_dir.join(format!("{PREFIX}{}", uuid::Uuid::new_v4()));
        private::create_dir(&own).map_err(|error| storage_error("read the header", &own, &error))?;
        Ok(Self(own))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Adds a file of this length, of which only the first bytes are known. `path` is one of the repository.
    pub(super) fn add(&self, path: &str, first_bytes: &[u8], length: u64) -> Result<(), ErrorView> {
        let place = self.0.join(path);
        let write = || {
            private::create_dir(place.parent().unwrap_or(&self.0))?;
            let mut file = private::create_new(&place)?;
            file.write_all(first_bytes)?;
            file.set_len(length)
        };
        write().map_err(|error| storage_error("read the header", &place, &error))
    }
}

impl Drop for HeadersFolder {
    fn drop(&mut self) {
        // What stays is removed at a later use.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn remove_old(data_dir: &Path) {
    let is_own = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    for entry in std::fs::read_dir(data_dir).into_iter().flatten().flatten().filter(is_own) {
        let age = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > LEFT_BEHIND) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_length_and_takes_no_room_and_is_gone_after_use() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = HeadersFolder::create(data.path()).expect("is made");
        folder.add("a/m.gguf", b"GGUF", 1 << 40).expect("is added");
        let meta = std::fs::metadata(folder.path().join("a/m.gguf")).expect("is there");
        assert_eq!(meta.len(), 1 << 40);
        #[cfg(unix)]
        assert!(std::os::unix::fs::MetadataExt::blocks(&meta) < 100);
        drop(folder);
        assert_eq!(std::fs::read_dir(data.path()).expect("is read").count(), 0);
    }
}

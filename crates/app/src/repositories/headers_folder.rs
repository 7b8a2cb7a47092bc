//! A folder with the headers of files that are not here: each file has its full length and, behind its
//! header, a hole that takes no room. It is deleted when it is dropped, and at a later use after a kill. NTFS
//! reserves the length instead, so that on Windows a verdict wants as much free disk as the download.
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contract::ErrorView;
use store::private;

use crate::convert::storage_error;

const FOLDER: &str = "headers";
/// No reading of headers takes so long: what is older was left by a process that was killed.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

pub(super) struct HeadersFolder(PathBuf);

impl HeadersFolder {
    /// Creates an empty folder.
    pub(super) fn create(data_dir: &Path) -> Result<Self, ErrorView> {
        let all = data_dir.join(FOLDER);
        remove_old(&all);
        let own = all.join(uuid::Uuid::new_v4().to_string());
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
        if let Some(all) = self.0.parent() {
            // Only the last one leaves it empty.
            let _ = std::fs::remove_dir(all);
        }
    }
}

fn remove_old(all: &Path) {
    for entry in std::fs::read_dir(all).into_iter().flatten().flatten() {
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

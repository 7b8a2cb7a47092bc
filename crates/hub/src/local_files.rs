//! Files of other programs that may have the content of a file of a repository. Each is hashed, and one with
//! the announced hash is linked: by a hard link on the same file system, else by a symbolic link. None is
//! copied, changed or deleted. It does not know which programs there are.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::digest::{Hasher, hash_from_disk};
use crate::progress::ProgressAggregator;
use crate::{HubError, RemoteFile};

/// Files of one size may be many; the likeliest come first.
const MOST_HASHED: usize = 4;
/// Two models may have files of equal sizes and names. After so many wrong hashes of large files the rest of
/// their folder is not read.
const MOST_WRONG: usize = 2;
const LARGE: u64 = 16 << 20;

/// A file of another program. Only its hash decides whether it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalFile {
    pub path: PathBuf,
    /// The name of the program.
    pub program: String,
}

/// Returns for each file those that may have its content, the likeliest first.
pub type FindLocal = Arc<dyn Fn(&[RemoteFile]) -> Vec<Vec<LocalFile>> + Send + Sync>;

/// Where the content of a linked file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedFile {
    /// As it is displayed; the link itself leads there.
    pub path: String,
    /// The name of the program.
    pub program: String,
    /// When its content was changed last before its verification, in nanoseconds since 1970.
    pub modified: u64,
}

/// A file that has the content of the file `index` of the listing.
pub(crate) struct SameFile {
    pub index: usize,
    pub sha256: String,
    pub linked: LinkedFile,
    path: PathBuf,
}

impl SameFile {
    /// Links it in place of what has this name. Returns false where the file system allows no link, or the
    /// file was changed since it was hashed.
    pub fn link(&self, to: &Path) -> io::Result<bool> {
        std::fs::create_dir_all(to.parent().unwrap_or(to))?;
        store::remove_if_exists(to)?;
        if let Err(error) = link(&self.path, to) {
            tracing::info!(from = %self.path.display(), %error, "the file cannot be linked");
            return Ok(false);
        }
        if modified(to).ok() == Some(self.linked.modified) {
            return Ok(true);
        }
        store::remove_if_exists(to)?;
        Ok(false)
    }
}

/// When the content of a file was changed last, in nanoseconds since 1970. Follows a link.
pub(crate) fn modified(path: &Path) -> io::Result<u64> {
    let time = std::fs::metadata(path)?.modified()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Whether another name of the same file may exist, so that its bytes are not this folder's alone.
pub(crate) fn is_shared(path: &Path) -> bool {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return false };
    meta.file_type().is_symlink() || has_other_names(&meta)
}

#[cfg(unix)]
fn has_other_names(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(meta) > 1
}

/// Other systems do not tell it without opening the file.
#[cfg(not(unix))]
fn has_other_names(_: &std::fs::Metadata) -> bool {
    true
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    // Another disk, a file system without them, or a file of another user allows no hard link.
    std::fs::hard_link(from, to).or_else(|_| symlink(from, to))
}

#[cfg(unix)]
fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

/// Fails without the developer mode or the rights of an administrator.
#[cfg(windows)]
fn symlink(from: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(from, to)
}

/// The files among those of other programs that have the announced size and hash. Files below `own` are left
/// out, because they would be links to themselves.
pub(crate) async fn find_same(
    find: &FindLocal,
    files: &[RemoteFile],
    wanted: &[usize],
    own: &Path,
    tally: &Arc<ProgressAggregator>,
    cancel: &CancellationToken,
) -> Result<Vec<SameFile>, HubError> {
    // Without a hash nothing tells whether the content is the same.
    let wanted: Vec<usize> = wanted.iter().copied().filter(|index| files[*index].digest.is_some()).collect();
    let (find, own) = (find.clone(), own.to_owned());
    let asked: Vec<RemoteFile> = wanted.iter().map(|index| files[*index].clone()).collect();
    let found = tokio::task::spawn_blocking(move || {
        let own = own.canonicalize().unwrap_or(own);
        let real = |local: LocalFile| Some(LocalFile { path: local.path.canonicalize().ok()?, ..local });
        let of_others = |local: &LocalFile| !local.path.starts_with(&own);
        let each = |all: Vec<LocalFile>| all.into_iter().filter_map(real).filter(of_others).collect();
        find(&asked).into_iter().map(each).collect::<Vec<Vec<LocalFile>>>()
    });
    let found = found.await.map_err(io::Error::other)?;
    let mut same = Vec::new();
    let mut wrong: HashMap<PathBuf, usize> = HashMap::new();
    for (index, locals) in wanted.into_iter().zip(found) {
        for local in locals.into_iter().take(MOST_HASHED) {
            let folder = local.path.parent().unwrap_or(&local.path).to_owned();
            if wrong.get(&folder).is_some_and(|count| *count >= MOST_WRONG) {
                continue;
            }
            match hashed(&local, &files[index], index, tally, cancel).await? {
                Some(found) => {
                    // What was wrong before was another model in the same folder.
                    wrong.remove(&folder);
                    tally.found(index, &local.program);
                    same.push(found);
                    break;
                }
                None => *wrong.entry(folder).or_default() += usize::from(files[index].size >= LARGE),
            }
        }
    }
    Ok(same)
}

/// The file if it has the announced size and hash. One that cannot be read has not.
async fn hashed(
    local: &LocalFile,
    file: &RemoteFile,
    index: usize,
    tally: &Arc<ProgressAggregator>,
    cancel: &CancellationToken,
) -> Result<Option<SameFile>, HubError> {
    let is_it =
        |path: &Path| std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.len() == file.size);
    let (Ok(before), true) = (modified(&local.path), is_it(&local.path)) else { return Ok(None) };
    let (stop, told) = (cancel.clone(), tally.clone());
    let go_on = move |bytes| {
        told.hashed(index, bytes);
        !stop.is_cancelled()
    };
    let (nothing, digest) = (Hasher::new(file.size), file.digest.clone());
    let hashes = match hash_from_disk(local.path.clone(), nothing, file.size, digest, go_on).await {
        Ok(hashes) => hashes.finish(),
        Err(HubError::Io(error)) => {
            tracing::info!(path = %local.path.display(), %error, "a file of another program cannot be read");
            tally.hashed(index, 0);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if !hashes.is(file.digest.as_ref()) || modified(&local.path).ok() != Some(before) {
        tally.hashed(index, 0);
        return Ok(None);
    }
    let path = local.path.display().to_string();
    let linked = LinkedFile { path, program: local.program.clone(), modified: before };
    Ok(Some(SameFile { index, sha256: hashes.sha256, path: local.path.clone(), linked }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_name_of_the_same_file_and_its_removal_leaves_the_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("theirs"), folder.path().join("a/ours"));
        std::fs::write(&from, "abc").expect("is written");
        let linked = LinkedFile {
            path: from.display().to_string(),
            program: "Other".into(),
            modified: modified(&from).expect("is there"),
        };
        let same = SameFile { index: 0, sha256: "00".into(), path: from.clone(), linked };
        assert!(!is_shared(&from));
        assert!(same.link(&to).expect("is tried"));
        assert_eq!(std::fs::read(&to).expect("is read"), b"abc");
        assert!(is_shared(&to));
        store::remove_if_exists(&to).expect("is removed");
        assert_eq!(std::fs::read(&from).expect("stays"), b"abc");

        // Changed after it was hashed: nothing is linked.
        let later = SystemTime::now() + std::time::Duration::from_secs(9);
        let opened = std::fs::File::options().write(true).open(&from).expect("is there");
        opened.set_modified(later).expect("is set");
        assert!(!same.link(&to).expect("is tried"));
        assert!(!to.exists() && from.exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_cannot_have_a_second_name_gets_a_symbolic_link() {
        let folder = tempfile::tempdir().expect("a folder");
        // A folder has no hard link; only the error of the first attempt matters here.
        let (from, to) = (folder.path().join("theirs"), folder.path().join("ours"));
        std::fs::create_dir(&from).expect("is made");
        link(&from, &to).expect("is linked");
        assert_eq!(std::fs::read_link(&to).expect("is a link"), from);
        assert!(is_shared(&to));
        std::fs::remove_dir(&from).expect("is removed");
        assert!(is_shared(&to) && modified(&to).is_err(), "the link leads nowhere now");
    }
}

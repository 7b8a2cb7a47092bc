//! A folder as a repository: commits with their files and the hashes that hubs report.
//! Does not know how they are served.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// From this size in bytes a file is stored with git LFS, as on the real hubs.
const LARGE: usize = 1 << 20;

pub(crate) struct File {
    pub bytes: Vec<u8>,
    pub sha256: String,
    /// Git object id of the file, or of the LFS pointer of a large one.
    pub oid: String,
    /// Size of the LFS pointer in bytes; `None` for a small file.
    pub pointer: Option<usize>,
    /// The commit that added this version.
    pub commit: String,
}

pub(crate) type Files = BTreeMap<String, Arc<File>>;

pub(crate) struct Commit {
    pub id: String,
    pub files: Files,
}

pub(crate) struct Repository {
    /// Oldest first; never empty.
    pub commits: Vec<Commit>,
}

impl Repository {
    /// Every file below `folder` except hidden ones, as one commit.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let mut contents = BTreeMap::new();
        read_into(folder, "", &mut contents)?;
        Ok(Self::of(contents))
    }

    /// These files as one commit.
    pub fn of(contents: BTreeMap<String, Vec<u8>>) -> Self {
        let mut repository = Self { commits: Vec::new() };
        repository.commit(contents);
        repository
    }

    /// A new commit with these files changed or added.
    pub fn commit(&mut self, contents: BTreeMap<String, Vec<u8>>) {
        let mut files = self.commits.last().map(|commit| commit.files.clone()).unwrap_or_default();
        let mut id = Sha1::new_with_prefix(self.commits.len().to_string());
        for (path, bytes) in &contents {
            id.update(path);
            id.update(Sha256::digest(bytes));
        }
        let id = hex::encode(id.finalize());
        for (path, bytes) in contents {
            files.insert(path.clone(), Arc::new(File::new(&path, bytes, &id)));
        }
        self.commits.push(Commit { id, files });
    }

    /// A new commit in which a file has another name.
    pub fn rename(&mut self, from: &str, to: &str) {
        let last = self.commits.last().expect("there is a first commit");
        let bytes = last.files[from].bytes.clone();
        self.commit(BTreeMap::from([(to.to_owned(), bytes)]));
        self.commits.last_mut().expect("it was just made").files.remove(from);
    }

    /// The commit of a commit id, or the newest one for the name of the branch.
    pub fn find(&self, revision: &str, branch: &str) -> Option<&Commit> {
        match revision == branch {
            true => self.commits.last(),
            false => self.commits.iter().find(|commit| commit.id == revision),
        }
    }
}

impl File {
    fn new(path: &str, bytes: Vec<u8>, commit: &str) -> Self {
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let large = bytes.len() >= LARGE || path.ends_with(".safetensors") || path.ends_with(".gguf");
        let pointer = format!(
            "version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {}\n",
            bytes.len()
        );
        let (oid, pointer) = match large {
            true => (git_object_id(pointer.as_bytes()), Some(pointer.len())),
            false => (git_object_id(&bytes), None),
        };
        Self { bytes, sha256, oid, pointer, commit: commit.to_owned() }
    }

    /// Strong ETag of the content.
    pub fn etag(&self) -> String {
        format!("\"{}\"", if self.pointer.is_some() { &self.sha256 } else { &self.oid })
    }
}

fn read_into(folder: &Path, prefix: &str, contents: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| io::ErrorKind::InvalidFilename)?;
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        match entry.file_type()?.is_dir() {
            true => read_into(&entry.path(), &format!("{path}/"), contents)?,
            false => drop(contents.insert(path, std::fs::read(entry.path())?)),
        }
    }
    Ok(())
}

fn git_object_id(bytes: &[u8]) -> String {
    let mut hash = Sha1::new_with_prefix(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_commits_keep_their_files() {
        let mut repository = Repository { commits: Vec::new() };
        repository.commit(BTreeMap::from([("a".into(), b"abc".to_vec()), ("b".into(), Vec::new())]));
        repository.commit(BTreeMap::from([("a".into(), b"new".to_vec())]));
        let first = &repository.commits[0];
        // `printf abc | git hash-object --stdin`
        assert_eq!(first.files["a"].oid, "f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f");
        let newest = repository.find("main", "main").expect("there is a branch");
        assert_eq!(newest.files["a"].bytes, b"new");
        assert_eq!((&newest.files["b"].commit, &newest.files["a"].commit), (&first.id, &newest.id));
        assert_eq!(repository.find(&first.id, "main").expect("it is kept").files["a"].bytes, b"abc");
        assert!(repository.find("other", "main").is_none());
    }
}

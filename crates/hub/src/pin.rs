//! What is kept beside the parts of an unfinished download: the commit it began with, so that a resume goes on with
//! the same one; the files that passed their check, so that a resume need not read 700 GB again; and the files of
//! whatever lay here before, so that they go when the new model is whole.
//! It does not know whether the source still has that commit.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::glob::wanted;
use crate::names::part_path;
use crate::store::{drop_file, write_whole};
use crate::{Digest, Job, Listing, Manifest, RemoteFile, SourceKind};

pub(crate) const PIN: &str = "download.json";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pin {
    repo: String,
    source: SourceKind,
    /// `None` once the source said that it has that commit no more.
    revision: Option<String>,
    checked: BTreeMap<String, Checked>,
    replaces: BTreeSet<String>,
    /// What was wanted, by name: a later listing may have the same content under another one. Older versions kept none.
    #[serde(default)]
    listed: BTreeMap<String, Content>,
}

/// What tells that two files are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Content {
    size: u64,
    /// With its kind, as `sha256:` or `git:`.
    digest: String,
}

impl Content {
    fn of(file: &RemoteFile) -> Option<Self> {
        let digest = match file.digest.as_ref()? {
            Digest::Sha256(sha256) => format!("sha256:{}", sha256.to_ascii_lowercase()),
            Digest::GitBlob(sha1) => format!("git:{}", sha1.to_ascii_lowercase()),
        };
        Some(Self { size: file.size, digest })
    }
}

/// A file as it was when it passed.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Checked {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    sha256: String,
}

impl Pin {
    /// One that cannot be read is none: every part is checked against its hash anyway.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join(PIN)).ok()?).ok()
    }

    /// For `job`, whose `listing` it is, after what was left here by an unfinished download and by a whole one.
    pub fn new(job: &Job, listing: &Listing, left: Option<Self>, installed: Option<Manifest>) -> Self {
        let mut known = left.as_ref().map(|left| left.listed.clone()).unwrap_or_default();
        let mut replaces: BTreeSet<_> = left.iter().flat_map(|left| left.replaces.iter().cloned()).collect();
        for file in installed.into_iter().flat_map(|manifest| manifest.files) {
            replaces.insert(file.path.clone());
            known.insert(file.path, Content { size: file.size, digest: format!("sha256:{}", file.sha256) });
        }
        replaces.extend(known.keys().cloned());
        // Files of another choice from the same repository are not this download's to remove.
        replaces.retain(|path| wanted(&job.globs, path));
        let same = left.filter(|left| left.revision_for(job) == Some(listing.revision.as_str()));
        let checked = same.map(|left| left.checked).unwrap_or_default();
        known.extend(listing.files.iter().filter_map(|file| Some((file.path.clone(), Content::of(file)?))));
        let (repo, source) = (job.repo.clone(), job.source.kind);
        Self { repo, source, revision: Some(listing.revision.clone()), checked, replaces, listed: known }
    }

    /// What is here under an old name, whole or in part, and the name that the same content has now.
    pub fn renamed(&self, dir: &Path, files: &[RemoteFile]) -> Vec<(PathBuf, PathBuf)> {
        let mut renamed = Vec::new();
        for file in files {
            let now = [dir.join(&file.path), part_path(dir, &file.path)];
            let Some(content) = Content::of(file).filter(|_| now.iter().all(|path| !path.exists())) else {
                continue;
            };
            let gone =
                |old: &str| files.iter().all(|file| file.path != old) && crate::check_path(old).is_ok();
            let same = self.listed.iter().filter(|(old, known)| **known == content && gone(old));
            let here =
                same.flat_map(|(old, _)| [dir.join(old), part_path(dir, old)].into_iter().zip(now.clone()));
            renamed.extend({ here }.find(|(from, _)| from.is_file()));
        }
        renamed
    }

    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// The commit to go on with, if this is of the same job.
    pub fn revision_for(&self, job: &Job) -> Option<&str> {
        self.revision.as_deref().filter(|_| self.repo == job.repo && self.source == job.source.kind)
    }

    /// Whoever resumes after this gets the newest commit, and what of the parts still fits it.
    pub fn forget_revision(&mut self, dir: &Path) -> io::Result<()> {
        self.revision = None;
        self.write(dir)
    }

    pub fn write(&self, dir: &Path) -> io::Result<()> {
        write_whole(&dir.join(PIN), &serde_json::to_vec_pretty(self)?)
    }

    /// Remembers that a file at its final name passed.
    pub fn passed(&mut self, dir: &Path, path: &str, sha256: &str) -> io::Result<()> {
        let checked = Checked::now(&dir.join(path), sha256)?;
        self.checked.insert(path.to_owned(), checked);
        Ok(())
    }

    /// The SHA-256 of a file that passed and was not written to since.
    pub fn has_passed(&self, dir: &Path, file: &RemoteFile) -> Option<String> {
        let checked = self.checked.get(&file.path)?;
        let announced = match &file.digest {
            Some(Digest::Sha256(sha256)) => sha256.eq_ignore_ascii_case(&checked.sha256),
            // Of the same commit, as the whole pin is.
            Some(Digest::GitBlob(_)) | None => true,
        };
        let now = Checked::now(&dir.join(&file.path), &checked.sha256).ok()?;
        (announced && now == *checked && now.size == file.size).then_some(now.sha256)
    }

    /// Removes what lay here before and is no part of the new model.
    pub fn remove_replaced(&self, dir: &Path, files: &[RemoteFile]) -> io::Result<()> {
        let kept: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
        for path in
            self.replaces.iter().filter(|path| crate::check_path(path).is_ok() && !kept.contains(path))
        {
            drop_file(&dir.join(path))?;
            drop_file(&part_path(dir, path))?;
        }
        Ok(())
    }
}

impl Checked {
    fn now(path: &Path, sha256: &str) -> io::Result<Self> {
        let meta = std::fs::metadata(path)?;
        let modified = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let modified = u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX);
        Ok(Self { size: meta.len(), modified, sha256: sha256.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn job() -> Job {
        let source = Source::hugging_face("https://huggingface.co");
        Job { id: "m".into(), source, repo: "o/n".into(), globs: Vec::new() }
    }

    #[test]
    fn a_file_is_trusted_as_long_as_nothing_about_it_changed() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("a"), "abc").expect("written");
        let listing = |revision: &str| Listing { revision: revision.into(), files: Vec::new() };
        let mut pin = Pin::new(&job(), &listing("c1"), None, None);
        pin.passed(dir.path(), "a", "00ff").expect("it is there");
        pin.write(dir.path()).expect("it is kept");
        let file = |size, digest: Option<&str>| RemoteFile {
            path: "a".into(),
            size,
            digest: digest.map(|sha256| Digest::Sha256(sha256.into())),
        };
        let check = |revision: &str, file: &RemoteFile, expected: bool| {
            let pin = Pin::new(&job(), &listing(revision), Pin::read(dir.path()), None);
            assert_eq!(pin.has_passed(dir.path(), file).is_some(), expected, "{revision} {file:?}");
        };
        check("c1", &file(3, None), true);
        check("c1", &file(3, Some("00FF")), true);
        check("c1", &file(3, Some("beef")), false);
        check("c1", &file(4, None), false);
        check("c2", &file(3, None), false);
        let later = SystemTime::now() + std::time::Duration::from_secs(1);
        let opened = std::fs::File::options().write(true).open(dir.path().join("a")).expect("it is there");
        opened.set_modified(later).expect("set");
        check("c1", &file(3, None), false);
    }
}

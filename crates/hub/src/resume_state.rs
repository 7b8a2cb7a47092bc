//! The resume state of an unfinished download: its commit, so that a resume uses the same one; the verified
//! files, so that a resume need not hash 700 GB again; and the files of an earlier version, which are removed
//! when the new model is complete. It does not know whether the source still has that commit.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::glob::matches_globs;
use crate::local_files::{LinkedFile, is_shared, modified};
use crate::manifest;
use crate::names::part_path;
use crate::{Digest, Job, Listing, Manifest, RemoteFile, SourceKind};

pub(crate) const RESUME_FILE: &str = "download.json";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ResumeState {
    repo: String,
    source: SourceKind,
    /// `None` after the source no longer has the commit.
    revision: Option<String>,
    checked: BTreeMap<String, VerifiedFile>,
    replaces: BTreeSet<String>,
    /// The selected files: a later listing may have the same content under another name. Older versions did
    /// not write it.
    #[serde(default)]
    listed: BTreeMap<String, Content>,
    /// Files that are links to those of other programs.
    #[serde(default)]
    linked: BTreeMap<String, LinkedFile>,
}

/// Size and digest: equal for files with equal content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Content {
    size: u64,
    /// With the prefix `sha256:` or `git:`.
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

/// The state of a file when it was verified.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct VerifiedFile {
    size: u64,
    /// Nanoseconds since 1970.
    modified: u64,
    sha256: String,
}

impl ResumeState {
    /// `None` if it is missing or unreadable; every file is then verified by its hash.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(dir.join(RESUME_FILE)).ok()?).ok()
    }

    /// The state for `job` and its `listing`, with the state of an unfinished download and the manifest of an
    /// installed model, if any.
    pub fn new(job: &Job, listing: &Listing, left: Option<Self>, installed: Option<Manifest>) -> Self {
        let mut known = left.as_ref().map(|left| left.listed.clone()).unwrap_or_default();
        let mut replaces: BTreeSet<_> = left.iter().flat_map(|left| left.replaces.iter().cloned()).collect();
        let mut linked = left.as_ref().map(|left| left.linked.clone()).unwrap_or_default();
        for file in installed.into_iter().flat_map(|manifest| manifest.files) {
            replaces.insert(file.path.clone());
            linked.extend(file.linked.map(|linked| (file.path.clone(), linked)));
            known.insert(file.path, Content { size: file.size, digest: format!("sha256:{}", file.sha256) });
        }
        replaces.extend(known.keys().cloned());
        // Files of another selection from the same repository are kept.
        replaces.retain(|path| matches_globs(&job.globs, path));
        let same = left.filter(|left| left.revision_for(job) == Some(listing.revision.as_str()));
        let checked = same.map(|left| left.checked).unwrap_or_default();
        known.extend(listing.files.iter().filter_map(|file| Some((file.path.clone(), Content::of(file)?))));
        let (repo, source) = (job.repo.clone(), job.source.kind);
        let revision = Some(listing.revision.clone());
        Self { repo, source, revision, checked, replaces, listed: known, linked }
    }

    /// Files and part files with an old name, and the new name of the same content.
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

    /// The commit to resume, if the state belongs to this job.
    pub fn revision_for(&self, job: &Job) -> Option<&str> {
        self.revision.as_deref().filter(|_| self.repo == job.repo && self.source == job.source.kind)
    }

    /// A resume after this uses the newest commit and the parts that still match it.
    pub fn forget_revision(&mut self, dir: &Path) -> io::Result<()> {
        self.revision = None;
        self.write(dir)
    }

    pub fn write(&self, dir: &Path) -> io::Result<()> {
        manifest::write(&dir.join(RESUME_FILE), &serde_json::to_vec_pretty(self)?)
    }

    /// Records that a file at its final name is verified.
    pub fn mark_verified(&mut self, dir: &Path, path: &str, sha256: &str) -> io::Result<()> {
        let checked = VerifiedFile::now(&dir.join(path), sha256)?;
        self.checked.insert(path.to_owned(), checked);
        Ok(())
    }

    /// Records that a file is a link, or is none any more.
    pub fn set_linked(&mut self, path: &str, linked: Option<LinkedFile>) {
        match linked {
            Some(linked) => drop(self.linked.insert(path.to_owned(), linked)),
            None => drop(self.linked.remove(path)),
        }
    }

    /// A link got another name.
    pub fn rename_linked(&mut self, dir: &Path, from: &Path, to: &Path) {
        let name = |path: &Path| path.strip_prefix(dir).ok()?.to_str().map(|name| name.replace('\\', "/"));
        if let (Some(from), Some(to)) = (name(from), name(to)) {
            let linked = self.linked.remove(&from);
            self.set_linked(&to, linked);
        }
    }

    /// Where the content of a verified file is, if it is a link.
    pub fn linked(&self, dir: &Path, path: &str) -> Option<LinkedFile> {
        let (known, place) = (self.linked.get(path)?, dir.join(path));
        let now = modified(&place).ok().filter(|_| is_shared(&place))?;
        Some(LinkedFile { modified: now, ..known.clone() })
    }

    /// The SHA-256 of a verified file that has not been modified since.
    pub fn verified_sha256(&self, dir: &Path, file: &RemoteFile) -> Option<String> {
        let checked = self.checked.get(&file.path)?;
        let announced = match &file.digest {
            Some(Digest::Sha256(sha256)) => sha256.eq_ignore_ascii_case(&checked.sha256),
            // The state belongs to the same commit, so the content is the same.
            Some(Digest::GitBlob(_)) | None => true,
        };
        let now = VerifiedFile::now(&dir.join(&file.path), &checked.sha256).ok()?;
        (announced && now == *checked && now.size == file.size).then_some(now.sha256)
    }

    /// Removes the files of an earlier version that are not part of the new model.
    pub fn remove_replaced(&self, dir: &Path, files: &[RemoteFile]) -> io::Result<()> {
        let kept: BTreeSet<_> = files.iter().map(|file| &file.path).collect();
        for path in
            self.replaces.iter().filter(|path| crate::check_path(path).is_ok() && !kept.contains(path))
        {
            store::remove_if_exists(&dir.join(path))?;
            store::remove_if_exists(&part_path(dir, path))?;
        }
        Ok(())
    }
}

impl VerifiedFile {
    fn now(path: &Path, sha256: &str) -> io::Result<Self> {
        let size = std::fs::metadata(path)?.len();
        Ok(Self { size, modified: modified(path)?, sha256: sha256.to_owned() })
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
        let mut resume_state = ResumeState::new(&job(), &listing("c1"), None, None);
        resume_state.mark_verified(dir.path(), "a", "00ff").expect("it is there");
        resume_state.write(dir.path()).expect("it is kept");
        let file = |size, digest: Option<&str>| RemoteFile {
            path: "a".into(),
            size,
            digest: digest.map(|sha256| Digest::Sha256(sha256.into())),
        };
        let check = |revision: &str, file: &RemoteFile, expected: bool| {
            let resume_state =
                ResumeState::new(&job(), &listing(revision), ResumeState::read(dir.path()), None);
            assert_eq!(
                resume_state.verified_sha256(dir.path(), file).is_some(),
                expected,
                "{revision} {file:?}"
            );
        };
        check("c1", &file(3, None), true);
        check("c1", &file(3, Some("00FF")), true);
        check("c1", &file(3, Some("beef")), false);
        check("c1", &file(4, None), false);
        check("c2", &file(3, None), false);
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        let opened = std::fs::File::options().write(true).open(dir.path().join("a")).expect("it is there");
        opened.set_modified(later).expect("set");
        check("c1", &file(3, None), false);
    }
}

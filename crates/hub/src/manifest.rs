//! The manifest of a downloaded model: its files with their verified sizes and digests. A folder with a
//! manifest whose files are all there is an installed model. It does not know where files come from.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use store::{Access, AtomicFile};

use crate::SourceKind;
use crate::local_files::{LinkedFile, modified};
use crate::names::check_path;

pub(crate) const MANIFEST: &str = "model.json";
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub repo: String,
    pub source: SourceKind,
    /// The commit of all files; `None` in manifests of older versions.
    pub revision: Option<String>,
    pub files: Vec<ManifestFile>,
    /// Time of the last verification in seconds since 1970.
    pub verified_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub path: String,
    pub size: u64,
    pub sha256: String,
    /// Set for a file of another program that was linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linked: Option<LinkedFile>,
}

/// A file of a complete model that is not as it was when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Its path in the repository.
    pub path: String,
    pub linked: Option<LinkedFile>,
    /// It is there and was changed; otherwise it is missing.
    pub changed: bool,
}

impl Manifest {
    pub(crate) fn new(
        repo: String,
        source: SourceKind,
        revision: String,
        mut files: Vec<ManifestFile>,
    ) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let verified_at = now.map_or(0, |d| d.as_secs());
        Self { version: VERSION, repo, source, revision: Some(revision), files, verified_at }
    }

    /// `None` if it is missing or unreadable.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read(dir.join(MANIFEST)).ok()?;
        let manifest = serde_json::from_slice::<Self>(&text).ok().filter(|read| read.version == VERSION);
        if manifest.is_none() {
            tracing::warn!(dir = %dir.display(), "unreadable model manifest");
        }
        manifest
    }

    /// The first file that is not as it was. Only linked files are compared by their time, because nobody
    /// else has a name of the others.
    pub(crate) fn problem(&self, dir: &Path) -> Option<FileProblem> {
        self.files.iter().find_map(|file| {
            let path = dir.join(&file.path);
            let safe = check_path(&file.path).is_ok();
            let there = std::fs::metadata(&path).ok().filter(|meta| safe && meta.is_file());
            let same_time = |linked: &LinkedFile| modified(&path).ok() == Some(linked.modified);
            let same = there.as_ref().is_some_and(|meta| meta.len() == file.size)
                && file.linked.as_ref().is_none_or(same_time);
            let changed = there.is_some();
            (!same).then(|| FileProblem { path: file.path.clone(), linked: file.linked.clone(), changed })
        })
    }

    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        write(&dir.join(MANIFEST), &serde_json::to_vec_pretty(self)?)
    }
}

/// Replaces a JSON file of a model's folder, whose lock the caller has.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    AtomicFile::at(&path.with_extension("json.tmp"), path, Access::Umask)?.commit_bytes(bytes)
}

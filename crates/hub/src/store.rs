//! The folder of downloaded models and the manifest that makes a folder count as installed.
//! It does not know where files come from: it sees only what was already checked.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::lock::Lock;
use crate::names::{check_path, model_dir};
use crate::pin::{PIN, Pin};
use crate::{HubError, SourceKind};

pub(crate) const MANIFEST: &str = "model.json";
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub repo: String,
    pub source: SourceKind,
    /// The commit that every file is of; models downloaded before this was kept have none.
    pub revision: Option<String>,
    pub files: Vec<ManifestFile>,
    /// Seconds since 1970, when the last file passed its check.
    pub verified_at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    pub path: String,
    pub size: u64,
    pub sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub id: String,
    pub dir: PathBuf,
    pub bytes: u64,
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

    /// `None` where there is none, or none that can be read.
    pub(crate) fn read(dir: &Path) -> Option<Self> {
        let text = std::fs::read(dir.join(MANIFEST)).ok()?;
        let manifest = serde_json::from_slice::<Self>(&text).ok().filter(|read| read.version == VERSION);
        if manifest.is_none() {
            tracing::warn!(dir = %dir.display(), "unreadable model manifest");
        }
        manifest
    }

    fn is_whole(&self, dir: &Path) -> bool {
        self.files.iter().all(|file| {
            let there = std::fs::metadata(dir.join(&file.path));
            check_path(&file.path).is_ok()
                && there.is_ok_and(|meta| meta.is_file() && meta.len() == file.size)
        })
    }

    pub(crate) fn write(&self, dir: &Path) -> io::Result<()> {
        write_whole(&dir.join(MANIFEST), &serde_json::to_vec_pretty(self)?)
    }
}

/// What lies in a model's folder, whole or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Empty where nothing says it.
    pub repo: String,
    /// Seconds since 1970, when the last file passed its check; `None` for a model that is not whole.
    pub verified_at: Option<u64>,
    /// Under the names that they have in the repository.
    pub files: Vec<String>,
    /// On the disk, of files and of parts of files.
    pub bytes: u64,
}

/// What lies in the folder of a model; `None` when there is none.
pub fn contents(models_dir: &Path, id: &str) -> Option<Contents> {
    let dir = model_dir(models_dir, id).ok().filter(|dir| dir.is_dir())?;
    let manifest = Manifest::read(&dir);
    let (mut files, mut bytes) = (Vec::new(), 0);
    walk(&dir, "", &mut |path, size| {
        bytes += size;
        let name = path.strip_suffix(".part").unwrap_or(path);
        if ![MANIFEST, PIN].contains(&path) && !path.ends_with(".part.sums") {
            files.push(name.to_owned());
        }
    });
    files.sort();
    files.dedup();
    let of_manifest = manifest.as_ref().map(|manifest| manifest.repo.clone());
    let repo = of_manifest.or_else(|| Some(Pin::read(&dir)?.repo().to_owned())).unwrap_or_default();
    let verified_at =
        manifest.filter(|manifest| manifest.is_whole(&dir)).map(|manifest| manifest.verified_at);
    Some(Contents { repo, verified_at, files, bytes })
}

/// Every file below a folder with its size; what cannot be read is passed over.
fn walk(dir: &Path, prefix: &str, found: &mut dyn FnMut(&str, u64)) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => walk(&entry.path(), &format!("{path}/"), found),
            _ => found(&path, entry.metadata().map_or(0, |meta| meta.len())),
        }
    }
}

/// Models with a manifest whose files are all there at their sizes, by id.
pub fn installed(models_dir: &Path) -> io::Result<Vec<Installed>> {
    let entries = match std::fs::read_dir(models_dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in entries {
        let dir = entry?.path();
        let Some(id) = dir.file_name().and_then(|n| n.to_str()).map(str::to_owned) else { continue };
        let Some(manifest) = Manifest::read(&dir) else { continue };
        if manifest.is_whole(&dir) {
            found.push(Installed { id, bytes: manifest.files.iter().map(|f| f.size).sum(), dir });
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Deletes a model and whatever of it was half downloaded; the manifest goes first. `Busy` while a transfer runs.
pub fn remove(models_dir: &Path, id: &str) -> Result<(), HubError> {
    let dir = model_dir(models_dir, id)?;
    if !dir.exists() {
        return Ok(());
    }
    let _lock = Lock::take(models_dir, id)?;
    drop_file(&dir.join(MANIFEST))?;
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

/// Written beside its final name, synced, then renamed: it is there whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("json.tmp");
    let mut file = std::fs::File::create(&temp)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(temp, path)
}

pub(crate) fn drop_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

//! The folder of downloaded models: what is in it, complete or not, and its removal.
//! It does not know where files come from; their content is already verified.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::HubError;
use crate::local_files::is_shared;
use crate::lock::lock_model;
use crate::manifest::{FileProblem, MANIFEST, Manifest, ManifestFile};
use crate::names::model_dir;
use crate::resume_state::{RESUME_FILE, ResumeState};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledModel {
    pub id: String,
    pub dir: PathBuf,
    pub bytes: u64,
}

/// The content of a model's folder, complete or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Empty if unknown.
    pub repo: String,
    /// Time of the last verification in seconds since 1970; `None` for an incomplete model.
    pub verified_at: Option<u64>,
    /// Paths in the repository.
    pub files: Vec<String>,
    /// Bytes on the disk, including part files. Those of linked files are not counted.
    pub bytes: u64,
    /// Bytes of linked files by the program that has them.
    pub linked: BTreeMap<String, u64>,
    /// Why a model that was complete is not any more.
    pub problem: Option<FileProblem>,
}

/// The content of the folder of a model; `None` if there is no folder.
pub fn contents(models_dir: &Path, id: &str) -> Option<Contents> {
    let dir = model_dir(models_dir, id).ok().filter(|dir| dir.is_dir())?;
    let manifest = Manifest::read(&dir);
    let of_program = |file: &ManifestFile| {
        let linked = file.linked.as_ref().filter(|_| is_shared(&dir.join(&file.path)));
        Some((file.path.clone(), linked?.program.clone()))
    };
    let links: BTreeMap<String, String> =
        manifest.iter().flat_map(|manifest| &manifest.files).filter_map(of_program).collect();
    let (mut files, mut bytes, mut linked) = (Vec::new(), 0, BTreeMap::new());
    walk(&dir, "", &mut |path, size| {
        match links.get(path) {
            // The size of the content and not of a symbolic link.
            Some(program) => {
                let size = std::fs::metadata(dir.join(path)).map_or(0, |meta| meta.len());
                *linked.entry(program.clone()).or_default() += size;
            }
            None => bytes += size,
        }
        let name = path.strip_suffix(".part").unwrap_or(path);
        if ![MANIFEST, RESUME_FILE].contains(&path) && !path.ends_with(".part.sums") {
            files.push(name.to_owned());
        }
    });
    files.sort();
    files.dedup();
    let of_manifest = manifest.as_ref().map(|manifest| manifest.repo.clone());
    let repo = of_manifest.or_else(|| Some(ResumeState::read(&dir)?.repo().to_owned())).unwrap_or_default();
    let problem = manifest.as_ref().and_then(|manifest| manifest.problem(&dir));
    let verified_at = manifest.filter(|_| problem.is_none()).map(|manifest| manifest.verified_at);
    Some(Contents { repo, verified_at, files, bytes, linked, problem })
}

/// Why a model that was complete is not any more; `None` also where it never was.
pub fn problem(models_dir: &Path, id: &str) -> Option<FileProblem> {
    let dir = model_dir(models_dir, id).ok().filter(|dir| dir.join(MANIFEST).is_file())?;
    Manifest::read(&dir)?.problem(&dir)
}

/// All files under a folder with their sizes; unreadable entries are skipped.
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

/// Models with a manifest whose files all exist with the right size, sorted by id.
pub fn installed(models_dir: &Path) -> io::Result<Vec<InstalledModel>> {
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
        if manifest.problem(&dir).is_none() {
            found.push(InstalledModel { id, bytes: manifest.files.iter().map(|f| f.size).sum(), dir });
        }
    }
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

/// Deletes a model and its part files, the manifest first. `Busy` during a transfer.
pub fn remove(models_dir: &Path, id: &str) -> Result<(), HubError> {
    let dir = model_dir(models_dir, id)?;
    if !dir.exists() {
        return Ok(());
    }
    let _lock = lock_model(models_dir, id)?;
    store::remove_if_exists(&dir.join(MANIFEST))?;
    match std::fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e.into()),
        _ => Ok(()),
    }
}

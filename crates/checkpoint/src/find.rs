//! Locates the model at a path: a file by its first bytes; in a folder the only model at the top level, or
//! else in a subfolder, because hubs store the shards of each quantisation in a separate folder; or every
//! model below a folder. It does not open the model and does not know whether it is supported.
use std::collections::HashSet;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use crate::WeightError;
use crate::file_kind::{FileKind, is_named_like_weights};
use crate::gguf::{Peek, shard_number};
use crate::safetensors::INDEX;

/// Depth of the search: the Hugging Face cache has the shards three levels down.
const MAX_DEPTH: usize = 3;
/// Limit of files examined; a model folder never has so many.
const MAX_FILES: usize = 20_000;
/// Depth of the search for every model: some programs nest maker, repository and precision.
const MAX_DEPTH_OF_ALL: usize = 4;
/// Limit of folders that this search reads.
const MAX_FOLDERS: usize = 5_000;
/// Limit of a file that names a commit.
const MAX_REF: u64 = 256;

/// The path of the model: a folder with safetensors, or a GGUF file (the first one of a set of shards).
///
/// # Errors
/// No model, several models, or a file of another kind.
pub fn find(path: &Path) -> Result<PathBuf, WeightError> {
    let open = |source| WeightError::Open { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(open)?.is_file() {
        return of_file(path);
    }
    let mut search = Search::default();
    let mut level = vec![path.to_owned()];
    for depth in 0..=MAX_DEPTH {
        let (mut found, mut subfolders) = (Vec::new(), Vec::new());
        for dir in &level {
            match search.folder(dir, &mut found, &mut subfolders) {
                // An unreadable subfolder is skipped; only the folder itself must be readable.
                Err(source) if depth == 0 => return Err(open(source)),
                _ => {}
            }
        }
        found.sort();
        match found.len() {
            0 => level = subfolders,
            1 => return Ok(found.remove(0)),
            _ => {
                let name = |found: &PathBuf| found.strip_prefix(path).unwrap_or(found).display().to_string();
                let names = found.iter().map(name).collect();
                return Err(WeightError::MultipleModels { path: path.to_owned(), names });
            }
        }
    }
    Err(search.other.unwrap_or_else(|| WeightError::NoFiles(path.to_owned())))
}

/// Every model below a folder, sorted, each once even if links lead to it twice: folders with safetensors and
/// `config.json`, and GGUF files, of a set of shards the first one. Vision projectors are no models, and the
/// parts of a diffusers pipeline neither. Folders that cannot be read are skipped.
pub fn find_all(path: &Path) -> Vec<PathBuf> {
    let mut search = Search { by_name: true, ..Search::default() };
    let (mut found, mut read) = (Vec::new(), HashSet::new());
    let mut level = vec![path.to_owned()];
    for _ in 0..=MAX_DEPTH_OF_ALL {
        let mut next = Vec::new();
        level.sort();
        for dir in &level {
            // A link that leads back to a folder ends here.
            let first = read.len() < MAX_FOLDERS && dir.canonicalize().is_ok_and(|real| read.insert(real));
            if !first || dir.join("model_index.json").is_file() {
                continue;
            }
            let (mut here, mut subfolders) = (Vec::new(), Vec::new());
            if search.folder(dir, &mut here, &mut subfolders).is_err() {
                continue;
            }
            let whole = here.contains(dir);
            here.retain(|model| model != dir || dir.join("config.json").is_file());
            found.append(&mut here);
            // What is below a folder of safetensors belongs to the same model.
            if !whole {
                next.append(&mut subfolders);
            }
        }
        level = next;
    }
    found.sort();
    let mut real = HashSet::new();
    found.retain(|model| model.canonicalize().is_ok_and(|path| real.insert(path)));
    found
}

fn of_file(path: &Path) -> Result<PathBuf, WeightError> {
    let open = |source| WeightError::Open { path: path.to_owned(), source };
    let folder = || path.parent().unwrap_or(Path::new(".")).to_owned();
    match FileKind::of(path).map_err(open)? {
        FileKind::Gguf if Peek::of(path).is_projector() => Err(WeightError::Projector(path.to_owned())),
        FileKind::Gguf => Ok(path.to_owned()),
        FileKind::Safetensors => Ok(folder()),
        // config.json stands for the model in its folder.
        FileKind::Json => find(&folder()),
        kind => Err(WeightError::WrongKind { path: path.to_owned(), kind }),
    }
}

#[derive(Default)]
struct Search {
    files: usize,
    /// Only files that are named like weights are opened.
    by_name: bool,
    /// The error for the first file that is named like weights and has another kind.
    other: Option<WeightError>,
}

impl Search {
    /// Adds the models of one folder to `found`, and its subfolders to `subfolders`.
    fn folder(
        &mut self,
        dir: &Path,
        found: &mut Vec<PathBuf>,
        subfolders: &mut Vec<PathBuf>,
    ) -> std::io::Result<()> {
        let (mut ggufs, mut safetensors) = (Vec::new(), dir.join(INDEX).is_file());
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || self.files >= MAX_FILES {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            self.files += 1;
            // Opening a pipe would wait for its other end.
            if !path.is_file() || self.by_name && !is_named_like_weights(&path) {
                continue;
            }
            match FileKind::of(&path) {
                Ok(FileKind::Gguf) => self.gguf(path, &mut ggufs),
                Ok(FileKind::Safetensors) => safetensors = true,
                Ok(kind) if is_named_like_weights(&path) => {
                    self.other.get_or_insert(WeightError::WrongKind { path, kind });
                }
                // A dangling link or an unrelated file.
                _ => {}
            }
        }
        // With config.json the safetensors take precedence over a GGUF in the same folder.
        match safetensors && (ggufs.is_empty() || dir.join("config.json").is_file()) {
            true => found.push(dir.to_owned()),
            false => found.append(&mut ggufs),
        }
        subfolders.extend(cache_snapshot(dir).map_or(folders, |snapshot| vec![snapshot]));
        Ok(())
    }

    fn gguf(&mut self, path: PathBuf, ggufs: &mut Vec<PathBuf>) {
        if shard_number(&path).is_some_and(|(_, number, _)| number != 1) {
            return;
        }
        let peek = Peek::of(&path);
        if peek.is_projector() {
            self.other.get_or_insert(WeightError::Projector(path));
        } else if !peek.is_later_shard() {
            ggufs.push(path);
        }
    }
}

/// The current snapshot of a Hugging Face cache folder: the one that `refs/main` names, or else the newest.
/// Its `blobs` contain the same files named by hash.
fn cache_snapshot(dir: &Path) -> Option<PathBuf> {
    let snapshots = dir.join("snapshots");
    if let Some(commit) = main_commit(dir) {
        let snapshot = snapshots.join(commit);
        if snapshot.is_dir() {
            return Some(snapshot);
        }
    }
    if !dir.join("blobs").is_dir() {
        return None;
    }
    let folders = std::fs::read_dir(snapshots).ok()?.flatten().map(|entry| entry.path());
    let time = |path: &PathBuf| path.metadata().and_then(|meta| meta.modified());
    folders
        .filter(|path| path.is_dir())
        .max_by_key(|path| (time(path).unwrap_or(SystemTime::UNIX_EPOCH), path.clone()))
}

/// The commit in `refs/main`, unless it is anything but the name of a folder.
fn main_commit(dir: &Path) -> Option<String> {
    let file = dir.join("refs/main");
    if !file.is_file() {
        return None;
    }
    let mut text = String::new();
    std::fs::File::open(file).ok()?.take(MAX_REF).read_to_string(&mut text).ok()?;
    let commit = text.trim();
    let mut parts = Path::new(commit).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    plain.then(|| commit.to_owned())
}

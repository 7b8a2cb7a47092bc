//! Which model a path means: a file by its first bytes, and in a folder the one model at its top, or else below it, as
//! hubs keep the shards of each precision in a folder of their own.
//! It does not open the model, and does not know whether this version runs it.
use std::path::{Path, PathBuf};

use crate::WeightError;
use crate::file_kind::{FileKind, is_named_like_weights};
use crate::gguf::{Peek, shard_number};
use crate::safetensors::INDEX;

/// Folders below the chosen one: a cache of Hugging Face has the shards three levels down.
const DEEPEST: usize = 3;
/// A folder with more files than this is no folder of a model.
const MOST_FILES: usize = 20_000;

/// The model of a path: a folder with safetensors, or a GGUF file, the first one of a set of shards.
///
/// # Errors
/// Nothing that is a model, several to choose from, or a file that is something else, by its kind.
pub fn find(path: &Path) -> Result<PathBuf, WeightError> {
    let open = |source| WeightError::Open { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(open)?.is_file() {
        return of_file(path);
    }
    let mut search = Search { files: 0, other: None };
    let mut level = vec![path.to_owned()];
    for depth in 0..=DEEPEST {
        let (mut found, mut below) = (Vec::new(), Vec::new());
        for dir in &level {
            match search.folder(dir, &mut found, &mut below) {
                // What cannot be read further down is not what was meant.
                Err(source) if depth == 0 => return Err(open(source)),
                _ => {}
            }
        }
        found.sort();
        match found.len() {
            0 => level = below,
            1 => return Ok(found.remove(0)),
            _ => {
                let name = |found: &PathBuf| found.strip_prefix(path).unwrap_or(found).display().to_string();
                let names = found.iter().map(name).collect();
                return Err(WeightError::Several { path: path.to_owned(), names });
            }
        }
    }
    Err(search.other.unwrap_or_else(|| WeightError::NoFiles(path.to_owned())))
}

fn of_file(path: &Path) -> Result<PathBuf, WeightError> {
    let open = |source| WeightError::Open { path: path.to_owned(), source };
    let folder = || path.parent().unwrap_or(Path::new(".")).to_owned();
    match FileKind::of(path).map_err(open)? {
        FileKind::Gguf if Peek::of(path).is_projector() => Err(WeightError::Projector(path.to_owned())),
        FileKind::Gguf => Ok(path.to_owned()),
        FileKind::Safetensors => Ok(folder()),
        // Somebody who chooses config.json means the model that it describes.
        FileKind::Json => find(&folder()),
        kind => Err(WeightError::Foreign { path: path.to_owned(), kind }),
    }
}

struct Search {
    files: usize,
    /// The first file that is named like weights and is something else.
    other: Option<WeightError>,
}

impl Search {
    /// Adds the models of one folder to `found`, and the folders in it to `below`.
    fn folder(
        &mut self,
        dir: &Path,
        found: &mut Vec<PathBuf>,
        below: &mut Vec<PathBuf>,
    ) -> std::io::Result<()> {
        let (mut ggufs, mut safetensors) = (Vec::new(), dir.join(INDEX).is_file());
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || self.files >= MOST_FILES {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            self.files += 1;
            match FileKind::of(&path) {
                Ok(FileKind::Gguf) => self.gguf(path, &mut ggufs),
                Ok(FileKind::Safetensors) => safetensors = true,
                Ok(kind) if is_named_like_weights(&path) => {
                    self.other.get_or_insert(WeightError::Foreign { path, kind });
                }
                // A link to nothing, or a file of somebody else.
                _ => {}
            }
        }
        // A folder of safetensors is read as such, even with a GGUF beside them.
        match safetensors && (ggufs.is_empty() || dir.join("config.json").is_file()) {
            true => found.push(dir.to_owned()),
            false => found.append(&mut ggufs),
        }
        below.extend(of_cache(dir).map_or(folders, |snapshot| vec![snapshot]));
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

/// The newest snapshot in a cache of Hugging Face, whose other folders hold the same files under names of hashes.
fn of_cache(dir: &Path) -> Option<PathBuf> {
    let commit = std::fs::read_to_string(dir.join("refs/main")).ok()?;
    let snapshot = dir.join("snapshots").join(commit.trim());
    snapshot.is_dir().then_some(snapshot)
}

//! The files in the folders of other programs by their sizes, for a download that looks for its files here
//! first. Some are named by a hash, which is a hint only: `hub` hashes a file before it is linked. Opens no
//! file.
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use hub::{Digest, LocalFile, RemoteFile};

use super::folders::{Environment, Layout, ProgramFolder, program_folders};

/// Limit of files; a folder of models never has so many.
const MAX_FILES: usize = 100_000;
/// `models--owner--name/snapshots/<commit>/<folder>/<folder>` is the deepest.
const MAX_DEPTH: usize = 7;
/// The endings that programs give to a file that is still received.
const UNFINISHED: [&str; 7] =
    [".incomplete", ".part", ".partial", ".tmp", ".download", ".crdownload", ".aria2"];

#[derive(Default)]
pub(crate) struct LocalFiles {
    by_size: HashMap<u64, Vec<KnownFile>>,
    count: usize,
}

struct KnownFile {
    path: PathBuf,
    program: &'static str,
}

impl LocalFiles {
    /// Reads the folders of every program; without a home folder, of none.
    pub(crate) fn scan(home: Option<PathBuf>) -> Self {
        home.map(|home| Self::of_environment(&Environment::of_this_process(home))).unwrap_or_default()
    }

    pub(super) fn of_environment(environment: &Environment) -> Self {
        let (mut files, mut read) = (Self::default(), HashSet::new());
        for folder in program_folders(environment) {
            files.add_folder(&folder, &folder.path, 0, &mut read);
        }
        files
    }

    /// Adds the files below a folder, unless it was read. Links are not followed: what they lead to is below
    /// a folder too, or not the program's.
    fn add_folder(
        &mut self,
        program: &ProgramFolder,
        folder: &Path,
        depth: usize,
        read: &mut HashSet<PathBuf>,
    ) {
        if !read.insert(folder.to_owned()) {
            return;
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || self.count >= MAX_FILES {
                continue;
            }
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_dir() && depth < MAX_DEPTH && is_of_models(program.layout, depth, &name) {
                self.add_folder(program, &path, depth + 1, read);
            } else if meta.is_file() && !UNFINISHED.iter().any(|ending| name.ends_with(ending)) {
                self.count += 1;
                self.by_size
                    .entry(meta.len())
                    .or_default()
                    .push(KnownFile { path, program: program.program });
            }
        }
    }

    /// Those that may have the content of a file, the likeliest first.
    pub(crate) fn of(&self, file: &RemoteFile) -> Vec<LocalFile> {
        self.rated(file).into_iter().map(|(_, known)| known.local()).collect()
    }

    /// One that is named as the source names the file, by its hash or by its path.
    pub(crate) fn named_alike(&self, file: &RemoteFile) -> Option<PathBuf> {
        let rated = self.rated(file);
        rated.first().filter(|(rank, _)| *rank < OTHER_NAME).map(|(_, known)| known.path.clone())
    }

    fn rated(&self, file: &RemoteFile) -> Vec<(u8, &KnownFile)> {
        let known = self.by_size.get(&file.size).into_iter().flatten();
        let mut rated: Vec<_> = known.filter_map(|known| Some((known.rank(file)?, known))).collect();
        rated.sort_by_key(|(rank, _)| *rank);
        rated
    }
}

/// The rank of a file whose name says nothing.
const OTHER_NAME: u8 = 2;

impl KnownFile {
    /// The lowest is the likeliest; `None` for a name that is another hash of the same kind.
    fn rank(&self, file: &RemoteFile) -> Option<u8> {
        let announced = match file.digest.as_ref()? {
            Digest::Sha256(hash) | Digest::GitBlob(hash) => hash,
        };
        let name = self.path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let hash = name.strip_prefix("sha256-").unwrap_or(name);
        let is_hash = hash.len() == announced.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match is_hash {
            true => hash.eq_ignore_ascii_case(announced).then_some(0),
            false if file.path.rsplit('/').next() == Some(name) => Some(1),
            false => Some(OTHER_NAME),
        }
    }

    fn local(&self) -> LocalFile {
        LocalFile { path: self.path.clone(), program: self.program.to_owned() }
    }
}

/// Whether a folder may hold files of models. The others of a cache have as many files.
fn is_of_models(layout: Layout, depth: usize, name: &str) -> bool {
    match layout {
        Layout::HuggingFaceCache if depth == 0 => name.starts_with("models--"),
        Layout::Ollama if depth == 0 => name == "blobs",
        _ => true,
    }
}

//! Finds the models in the folders of other programs, each once under the first program that has it, with
//! its name there and its size. Says nothing about folders that are missing or cannot be read. Whether a
//! model runs is not decided here.
use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::folders::{Environment, Layout, ProgramFolder, program_folders};
use super::ollama;

/// Limit of models, and of repositories in a cache.
const MAX_MODELS: usize = 500;

/// A model that another program has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProgramModel {
    pub program: &'static str,
    /// Such as `owner/name`, or Ollama's `name:tag`.
    pub label: String,
    /// What an import takes: a folder of safetensors or a GGUF file.
    pub path: PathBuf,
    /// Bytes of its weight files.
    pub bytes: u64,
}

pub(super) fn search(environment: &Environment) -> Vec<ProgramModel> {
    let (mut models, mut real) = (Vec::new(), HashSet::new());
    for folder in program_folders(environment) {
        for (label, path) in models_of(&folder) {
            let first = path.canonicalize().is_ok_and(|path| real.insert(path));
            if first && models.len() < MAX_MODELS {
                let bytes = weight_bytes(&path);
                models.push(ProgramModel { program: folder.program, label, path, bytes });
            }
        }
    }
    models
}

/// Labels and paths.
fn models_of(folder: &ProgramFolder) -> Vec<(String, PathBuf)> {
    let root = &folder.path;
    match folder.layout {
        Layout::Ollama => {
            ollama::models_in(root).into_iter().map(|model| (model.label, model.blob)).collect()
        }
        Layout::HuggingFaceCache => repositories(root).iter().flat_map(|path| cached(path)).collect(),
        Layout::Tree => tree(root).collect(),
        Layout::ModelScopeCache => {
            tree(root).map(|(label, path)| (label.replace("___", "."), path)).collect()
        }
    }
}

fn tree(root: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    checkpoint::find_all(root).into_iter().map(move |path| {
        let below = path.strip_prefix(root).unwrap_or(&path);
        let folder = if path.is_dir() { below } else { below.parent().unwrap_or(below) };
        let names = folder.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        (label(names.collect(), &path), path)
    })
}

/// The folders `models--owner--name` of a Hugging Face cache.
fn repositories(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else { return Vec::new() };
    let is_model = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("models--")) && path.is_dir()
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_model).collect();
    paths.sort();
    paths.truncate(MAX_MODELS);
    paths
}

fn cached(repository: &Path) -> Vec<(String, PathBuf)> {
    let name = repository.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name.trim_start_matches("models--").replacen("--", "/", 1);
    let found = checkpoint::find_all(repository).into_iter();
    found.map(|path| (label(vec![name.clone()], &path), path)).collect()
}

/// The folders that lead to a model, and the name of a GGUF file, because a folder may have several. A
/// `model.gguf` has the name of its folder.
fn label(mut parts: Vec<String>, path: &Path) -> String {
    if !path.is_dir() {
        let stem = checkpoint::gguf::stem(path);
        if stem != "model" || parts.is_empty() {
            parts.push(stem);
        }
    } else if parts.is_empty() {
        parts.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    }
    parts.join("/")
}

/// The size of a file, of the shards beside it, or of the weights in a folder.
fn weight_bytes(path: &Path) -> u64 {
    let length = |path: &Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let set_of = |file: &Path| checkpoint::gguf::shard_number(file).map(|(stem, _, count)| (stem, count));
    let (is_dir, set) = (path.is_dir(), set_of(path));
    if !is_dir && set.is_none() {
        return length(path);
    }
    let folder = if is_dir { path } else { path.parent().unwrap_or(path) };
    let belongs = |file: &PathBuf| match is_dir {
        true => file.extension().is_some_and(|ending| ending == "safetensors"),
        false => set_of(file) == set,
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| entry.path()).filter(belongs).map(|file| length(&file)).sum()
}

//! Reads which models Ollama has: a manifest per tag, which names the GGUF file among the blobs by its
//! digest. A manifest that is anything else is skipped. Opens no model file.
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// `manifests/<registry>/<namespace>/<model>/<tag>`.
const LEVELS: usize = 4;
/// Limit of manifests, and of entries of a folder of them.
const MAX_ENTRIES: usize = 1000;
/// Limit of the size of a manifest; a usual one has less than a thousand bytes.
const MAX_MANIFEST: u64 = 1 << 20;
const MODEL: &str = "application/vnd.ollama.image.model";

/// A model under the name that Ollama shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OllamaModel {
    pub label: String,
    pub blob: PathBuf,
}

#[derive(Deserialize)]
struct Manifest {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(rename = "mediaType")]
    media_type: String,
    digest: String,
}

/// The models of a folder, sorted by their places. Of a folder that cannot be read, none.
pub(crate) fn models_in(root: &Path) -> Vec<OllamaModel> {
    let mut level = vec![(root.join("manifests"), Vec::new())];
    for _ in 0..LEVELS {
        let mut next = Vec::new();
        for (folder, names) in &level {
            let room = MAX_ENTRIES.saturating_sub(next.len());
            next.extend(entry_names(folder).into_iter().take(room).map(|name| {
                let path = folder.join(&name);
                (path, [names.as_slice(), &[name]].concat())
            }));
        }
        level = next;
    }
    let model = |(manifest, names): &(PathBuf, Vec<String>)| {
        Some(OllamaModel { label: label(names)?, blob: blob_of(root, manifest)? })
    };
    level.iter().filter_map(model).collect()
}

/// The name of the model whose weights are this blob of Ollama's folder.
pub(crate) fn label_of_blob(path: &Path) -> Option<String> {
    let blobs = path.parent().filter(|folder| folder.ends_with("blobs"))?;
    digest(&path.file_name()?.to_str()?.replacen('-', ":", 1))?;
    models_in(blobs.parent()?).into_iter().find(|model| model.blob == path).map(|model| model.label)
}

fn entry_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(MAX_ENTRIES).flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    names.sort();
    names
}

/// As `ollama list` has it: the default registry and its namespace are left out.
fn label(names: &[String]) -> Option<String> {
    let [registry, namespace, model, tag] = names else { return None };
    Some(match (registry.as_str(), namespace.as_str()) {
        ("registry.ollama.ai", "library") => format!("{model}:{tag}"),
        ("registry.ollama.ai", _) => format!("{namespace}/{model}:{tag}"),
        _ => format!("{registry}/{namespace}/{model}:{tag}"),
    })
}

fn blob_of(root: &Path, manifest: &Path) -> Option<PathBuf> {
    // Opening a pipe would wait for its other end.
    if !manifest.is_file() {
        return None;
    }
    let mut text = Vec::new();
    std::fs::File::open(manifest).ok()?.take(MAX_MANIFEST + 1).read_to_end(&mut text).ok()?;
    if text.len() as u64 > MAX_MANIFEST {
        return None;
    }
    let manifest: Manifest = serde_json::from_slice(&text).ok()?;
    let layer = manifest.layers.iter().find(|layer| layer.media_type == MODEL)?;
    let blob = root.join("blobs").join(format!("sha256-{}", digest(&layer.digest)?));
    blob.is_file().then_some(blob)
}

/// The digits of a SHA-256 digest, which are a plain name of a file.
fn digest(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("sha256:")?;
    (digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(digits)
}

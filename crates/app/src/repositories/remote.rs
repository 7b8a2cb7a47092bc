//! The facts of model files on a source, from their headers: these are fetched by ranges, and read by the
//! same code as the files of an import. No weights are fetched.
use std::path::PathBuf;

use checkpoint::gguf::Header;
use checkpoint::safetensors::header_length;
use contract::{ErrorCode, ErrorView};
use futures_util::{StreamExt, TryStreamExt};
use hub::{FileGroup, Hub, RemoteFile, Source};

use super::headers_folder::HeadersFolder;
use crate::blocking::blocking;
use crate::downloads::hub_error;
use crate::imports::{ModelFileFacts, inspect, locate};

/// The first request. A later shard has a short header, the first of a model that of its vocabulary.
const FIRST: u64 = 64 << 10;
/// How much longer each further request is.
const GROWTH: u64 = 8;
/// Far above the header or the configuration of any published model.
const LONGEST: u64 = 64 << 20;
/// R1 has 163.
const MOST_FILES: usize = 1000;
const AT_ONCE: usize = 8;

/// A repository at one commit.
pub(super) struct Remote {
    pub hub: Hub,
    pub source: Source,
    pub repo: String,
    pub revision: String,
    pub data_dir: PathBuf,
}

/// What of a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    GgufHeader,
    SafetensorsHeader,
    Whole,
    /// Only that it is there.
    Nothing,
}

impl Part {
    /// `None` for a file that the facts do not depend on.
    fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        match &*name {
            "tokenizer.json" | "tokenizer_config.json" => Some(Self::Nothing),
            "config.json" | "processor_config.json" | "generation_config.json" => Some(Self::Whole),
            name if name.ends_with(".safetensors.index.json") => Some(Self::Whole),
            name if name.ends_with(".gguf") => Some(Self::GgufHeader),
            name if name.ends_with(".safetensors") => Some(Self::SafetensorsHeader),
            _ => None,
        }
    }

    /// Bytes that are wanted, as far as the first ones tell; `None` if these are too few to tell.
    fn length(self, first_bytes: &[u8], file: u64) -> Option<u64> {
        match self {
            Self::Nothing => Some(0),
            Self::Whole => Some(file),
            // A header that is wrong is read again with the others, and refused by its reason there.
            Self::GgufHeader => Header::length(first_bytes).unwrap_or(Some(first_bytes.len() as u64)),
            Self::SafetensorsHeader => header_length(first_bytes).unwrap_or(Some(first_bytes.len() as u64)),
        }
    }
}

impl Remote {
    /// # Errors
    /// As an import of the files would have them, with their names in the repository.
    pub(super) async fn facts(&self, group: &FileGroup) -> Result<ModelFileFacts, ErrorView> {
        let parts = group.files.iter().filter_map(|file| Some((file, Part::of(&file.path)?)));
        let parts: Vec<(&RemoteFile, Part)> = parts.collect();
        if parts.len() > MOST_FILES {
            return Err(self.too_long(&format!("{} files", parts.len())));
        }
        let reads: Vec<_> = parts.into_iter().map(|(file, part)| self.first_bytes(file, part)).collect();
        let read: Vec<(String, Vec<u8>, u64)> =
            futures_util::stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        let (data_dir, repo) = (self.data_dir.clone(), self.repo.clone());
        let facts = blocking("read the header", move || {
            let folder = HeadersFolder::create(&data_dir)?;
            for (path, bytes, length) in &read {
                folder.add(path, bytes, *length)?;
            }
            let facts = locate(folder.path()).and_then(|path| inspect(&path));
            facts.map_err(|error| in_repository(error, &folder.path().display().to_string(), &repo))
        });
        Ok(ModelFileFacts { bytes: group.size, ..facts.await? })
    }

    /// The path of a file, the part of it that is read, and its length.
    async fn first_bytes(&self, file: &RemoteFile, part: Part) -> Result<(String, Vec<u8>, u64), ErrorView> {
        let mut bytes = Vec::new();
        let mut until = FIRST;
        loop {
            let wanted = part.length(&bytes, file.size).map(|wanted| wanted.min(file.size));
            let here = bytes.len() as u64;
            match wanted {
                Some(wanted) if wanted > LONGEST => return Err(self.too_long(&file.path)),
                Some(wanted) if wanted <= here => {
                    bytes.truncate(wanted as usize);
                    break;
                }
                None if here == file.size => break,
                None if here >= LONGEST => return Err(self.too_long(&file.path)),
                _ => {}
            }
            let to = wanted.unwrap_or(until).min(file.size);
            let more = self.hub.bytes_of(&self.source, &self.repo, &self.revision, file, (here, to));
            bytes.extend(more.await.map_err(|error| hub_error(&error))?);
            until = until.saturating_mul(GROWTH).min(LONGEST);
        }
        Ok((file.path.clone(), bytes, file.size))
    }

    fn too_long(&self, what: &str) -> ErrorView {
        let message = format!("read the header: {what} is longer than that of any published model");
        ErrorView::new(ErrorCode::ModelFileInvalid, message).with("path", format!("{}/{what}", self.repo))
    }
}

/// An error with the names of the repository in place of those of the folder.
fn in_repository(mut error: ErrorView, folder: &str, repo: &str) -> ErrorView {
    error.message = error.message.replace(folder, repo);
    error.detail.values_mut().for_each(|value| *value = value.replace(folder, repo));
    error
}

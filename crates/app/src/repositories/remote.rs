//! The facts of model files on a source, from their headers: these are fetched by ranges, and read by the
//! same code as the files of an import. No weights are fetched, and nothing of a file that another program
//! has.
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use checkpoint::gguf::Header;
use checkpoint::safetensors::header_length;
use contract::{ErrorCode, ErrorView};
use futures_util::{StreamExt, TryStreamExt};
use hub::{FileGroup, Hub, RemoteFile, Source};
use parking_lot::Mutex;

use super::headers_folder::HeadersFolder;
use crate::blocking::blocking;
use crate::convert::storage_error;
use crate::downloads::hub_error;
use crate::imports::{ModelFileFacts, inspect, locate};
use crate::other_programs::LocalFiles;

/// The first request. A later shard has a short header, the first of a model that of its vocabulary.
const FIRST: u64 = 64 << 10;
/// How much longer each further request is.
const GROWTH: u64 = 4;
/// The headers of two precisions of a model differ by their names and by some keys.
const LONGER: u64 = 64 << 10;
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
    pub local: Arc<LocalFiles>,
    /// By model: the length of the header of one of its precisions, which the others have nearly.
    pub header_lengths: Mutex<BTreeMap<String, u64>>,
}

/// The first bytes of a file.
struct FirstBytes {
    path: String,
    bytes: Vec<u8>,
    /// Of the whole file.
    length: u64,
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
        if group.files.iter().any(|file| self.local.named_alike(file).is_some()) {
            // A name promises no content: what is refused by it is read from the source.
            if let Ok(facts) = self.facts_of(group, true).await {
                return Ok(facts);
            }
        }
        self.facts_of(group, false).await
    }

    async fn facts_of(&self, group: &FileGroup, local: bool) -> Result<ModelFileFacts, ErrorView> {
        let parts = group.files.iter().filter_map(|file| Some((file, Part::of(&file.path)?)));
        let parts: Vec<(&RemoteFile, Part)> = parts.collect();
        if parts.len() > MOST_FILES {
            return Err(self.too_long(&format!("{} files", parts.len())));
        }
        let first = group.files.first().map(|file| &file.path);
        let known = self.header_lengths.lock().get(&group.model).map(|length| length + LONGER);
        let reads: Vec<_> = parts
            .into_iter()
            .map(|(file, part)| {
                let until = known.filter(|_| part == Part::GgufHeader && first == Some(&file.path));
                let local = self.local.named_alike(file).filter(|_| local);
                self.first_bytes(file, part, until.unwrap_or(FIRST), local)
            })
            .collect();
        let read: Vec<FirstBytes> =
            futures_util::stream::iter(reads).buffer_unordered(AT_ONCE).try_collect().await?;
        if let Some(header) = read.iter().find(|read| Some(&read.path) == first) {
            self.header_lengths.lock().insert(group.model.clone(), header.bytes.len() as u64);
        }
        let (data_dir, repo) = (self.data_dir.clone(), self.repo.clone());
        let facts = blocking("read the header", move || {
            let folder = HeadersFolder::create(&data_dir)?;
            for FirstBytes { path, bytes, length } in &read {
                folder.add(path, bytes, *length)?;
            }
            let facts = locate(folder.path()).and_then(|path| inspect(&path));
            facts.map_err(|error| in_repository(error, &folder.path().display().to_string(), &repo))
        });
        Ok(ModelFileFacts { bytes: group.size, ..facts.await? })
    }

    /// The part of a file that is read, from the source or from a file of another program. `until` is the end
    /// of the first request.
    async fn first_bytes(
        &self,
        file: &RemoteFile,
        part: Part,
        mut until: u64,
        local: Option<PathBuf>,
    ) -> Result<FirstBytes, ErrorView> {
        let mut bytes = Vec::new();
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
            bytes.extend(match local.clone() {
                Some(path) => blocking("read the header", move || local_bytes(&path, here, to)).await?,
                None => {
                    let more = self.hub.bytes_of(&self.source, &self.repo, &self.revision, file, (here, to));
                    more.await.map_err(|error| hub_error(&error))?
                }
            });
            until = until.saturating_mul(GROWTH).min(LONGEST);
        }
        Ok(FirstBytes { path: file.path.clone(), bytes, length: file.size })
    }

    fn too_long(&self, what: &str) -> ErrorView {
        let message = format!("read the header: {what} is longer than that of any published model");
        ErrorView::new(ErrorCode::ModelFileInvalid, message).with("path", format!("{}/{what}", self.repo))
    }
}

/// The bytes `from..to` of a file on this computer.
fn local_bytes(path: &Path, from: u64, to: u64) -> Result<Vec<u8>, ErrorView> {
    let read = || {
        let mut file = std::fs::File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(to - from).read_to_end(&mut bytes)?;
        // One that is shorter by now would be asked for the same bytes without an end.
        if bytes.len() as u64 == to - from {
            Ok(bytes)
        } else {
            Err(std::io::ErrorKind::UnexpectedEof.into())
        }
    };
    read().map_err(|error| storage_error("read the header", path, &error))
}

/// An error with the names of the repository in place of those of the folder.
fn in_repository(mut error: ErrorView, folder: &str, repo: &str) -> ErrorView {
    error.message = error.message.replace(folder, repo);
    error.detail.values_mut().for_each(|value| *value = value.replace(folder, repo));
    error
}

//! What one GGUF file is, from the first keys of its metadata: cheap enough to ask of every file in a folder.
use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::Value;
use super::header::Front;
use super::reader::Reader;
use super::value::Values;

/// What the first keys say. Of a file that cannot be read nothing is known: whoever opens it says why.
#[derive(Debug, Default)]
pub struct Peek {
    architecture: Option<String>,
    kind: Option<String>,
    /// Number, from 0, and count.
    split: (Option<i128>, Option<i128>),
}

impl Peek {
    pub fn of(path: &Path) -> Self {
        let mut peek = Self::default();
        let Ok(file) = File::open(path) else { return peek };
        // SAFETY: as of every map of a model file: read only, and the store's files are not rewritten in place.
        let Ok(map) = (unsafe { Mmap::map(&file) }) else { return peek };
        // What was read before a fault counts.
        let _ = peek.read(&map);
        peek
    }

    fn read(&mut self, file: &[u8]) -> Result<(), super::HeaderError> {
        let mut reader = Reader::new(file);
        let keys = Front::counts(&mut reader)?.keys;
        let mut values = Values::new();
        for _ in 0..keys {
            let key = reader.name()?;
            match (key, values.read(&mut reader)?) {
                ("general.architecture", Value::Text(name)) => self.architecture = Some(name),
                ("general.type", Value::Text(kind)) => self.kind = Some(kind),
                ("split.no", Value::Integer(number)) => self.split.0 = Some(number),
                ("split.count", Value::Integer(count)) => self.split.1 = Some(count),
                // Behind the general keys come vocabularies; shards but the first have neither.
                _ if self.architecture.is_some() && !key.starts_with("general.") => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The part of a model that turns pictures into what its text part reads; nothing by itself.
    pub fn is_projector(&self) -> bool {
        self.architecture.as_deref() == Some("clip") || self.kind.as_deref() == Some("mmproj")
    }

    /// One of several files, and not the one that has the metadata.
    pub fn is_later_shard(&self) -> bool {
        self.architecture.is_none() && self.split.0.is_some_and(|number| number > 0)
    }

    /// Number, from 0, and count of a later shard.
    pub fn split(&self) -> Option<(i128, i128)> {
        Some((self.split.0?, self.split.1?))
    }
}

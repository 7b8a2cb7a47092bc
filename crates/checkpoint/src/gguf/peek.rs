//! Reads only the first metadata keys of a GGUF file: cheap enough for every file in a folder.
//! It tells vision projectors and later shards from models. It does not validate the file; `Gguf::open` does.
use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::about::About;
use super::header::Preamble;
use super::reader::Reader;
use super::value::{Metadata, Value, Values};

/// The first metadata keys. Empty for an unreadable file; opening it reports the error.
#[derive(Debug, Default)]
pub struct Peek {
    general: Metadata,
    /// Number, from 0, and count.
    split: (Option<i128>, Option<i128>),
}

impl Peek {
    pub fn of(path: &Path) -> Self {
        let mut peek = Self::default();
        let Ok(file) = File::open(path) else { return peek };
        // SAFETY: as for every map of a model file: read-only, and the files of the store are not rewritten
        // in place.
        let Ok(map) = (unsafe { Mmap::map(&file) }) else { return peek };
        // Keys read before an error are kept.
        let _ = peek.read(&map);
        peek
    }

    fn read(&mut self, file: &[u8]) -> Result<(), super::HeaderError> {
        let mut reader = Reader::new(file);
        let keys = Preamble::counts(&mut reader)?.keys;
        let mut values = Values::new();
        for _ in 0..keys {
            let key = reader.name()?;
            match (key, values.read(&mut reader)?) {
                (key, value) if key.starts_with("general.") => {
                    self.general.insert(key.to_owned(), value);
                }
                ("split.no", Value::Integer(number)) => self.split.0 = Some(number),
                ("split.count", Value::Integer(count)) => self.split.1 = Some(count),
                // The vocabulary follows the general keys. Later shards have neither.
                _ if self.architecture().is_some() => return Ok(()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The vision projector (mmproj) of a model, which cannot run alone.
    pub fn is_projector(&self) -> bool {
        self.architecture() == Some("clip") || self.text("general.type") == Some("mmproj")
    }

    /// A shard other than the first, which has the metadata.
    pub fn is_later_shard(&self) -> bool {
        self.architecture().is_none() && self.split.0.is_some_and(|number| number > 0)
    }

    /// What the file says of itself.
    pub fn about(&self) -> About {
        About::read(&self.general)
    }

    fn architecture(&self) -> Option<&str> {
        self.text("general.architecture")
    }

    fn text(&self, key: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.general.get(key) { Some(text) } else { None }
    }

    /// Number, from 0, and count of a later shard.
    pub fn split(&self) -> Option<(i128, i128)> {
        Some((self.split.0?, self.split.1?))
    }
}

//! Parses the header of a GGUF file, version 2 or 3: metadata and tensor infos. Every count and offset is
//! checked against the length of the file before use.
use std::collections::BTreeSet;
use std::ops::Range;

use formats::Dtype;

use super::HeaderError;
use super::reader::Reader;
use super::types::{dtype, other_name};
use super::value::{Metadata, Value, Values};

const MAGIC: [u8; 4] = *b"GGUF";
/// R1 has 1,200 tensors and fifty keys; the limits leave room for unusual converters.
const MAX_TENSORS: u64 = 1 << 17;
const MAX_KEYS: u64 = 1 << 16;
const MAX_DIMENSIONS: u32 = 4;
const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: i128 = 1 << 20;

/// The header of one file.
#[derive(Debug)]
pub struct Header {
    pub metadata: Metadata,
    pub tensors: Vec<TensorInfo>,
}

/// A tensor info with its GGUF name.
#[derive(Debug)]
pub struct TensorInfo {
    pub name: String,
    pub dtype: Dtype,
    /// Row-major: the reverse of the order in the file.
    pub shape: Vec<usize>,
    /// Byte offsets in the file.
    pub range: Range<usize>,
}

type Result<T> = std::result::Result<T, HeaderError>;

impl Header {
    /// Parses the header of a complete file.
    ///
    /// # Errors
    /// Truncated, invalid, unknown or overlapping entries.
    pub fn parse(file: &[u8]) -> Result<Self> {
        Preamble::read(file)?.tensors()
    }

    /// The length of the header of a file of which only the first bytes are here; `None` if it is longer than
    /// these.
    ///
    /// # Errors
    /// Invalid or unsupported entries among these bytes.
    pub fn length(first_bytes: &[u8]) -> Result<Option<u64>> {
        match Preamble::read(first_bytes).and_then(Preamble::data_start) {
            Ok(start) => Ok(Some(start)),
            Err(HeaderError::Truncated { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The header up to the end of its metadata.
pub struct Preamble<'a> {
    pub metadata: Metadata,
    tensors: u64,
    reader: Reader<'a>,
    file: u64,
}

/// The counts at the start of the header.
pub struct Counts {
    pub tensors: u64,
    pub keys: u64,
}

impl<'a> Preamble<'a> {
    /// # Errors
    /// As [`Header::parse`].
    pub fn read(file: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(file);
        let Counts { tensors, keys } = Self::counts(&mut reader)?;
        let metadata = read_metadata(&mut reader, keys)?;
        Ok(Self { metadata, tensors, reader, file: file.len() as u64 })
    }

    /// Reads magic, version and counts.
    pub fn counts(reader: &mut Reader) -> Result<Counts> {
        if reader.array()? != MAGIC {
            return Err(HeaderError::invalid("it does not begin with GGUF"));
        }
        check_version(reader.u32()?)?;
        let (tensors, keys) = (reader.u64()?, reader.u64()?);
        if tensors > MAX_TENSORS || keys > MAX_KEYS {
            return Err(HeaderError::invalid(format!(
                "it claims {tensors} tensors and {keys} metadata keys"
            )));
        }
        Ok(Counts { tensors, keys })
    }

    /// Where the data of the tensors begins.
    fn data_start(mut self) -> Result<u64> {
        Ok(self.infos()?.0)
    }

    /// Where the data begins, and the tensor infos before it.
    fn infos(&mut self) -> Result<(u64, Vec<RawInfo>)> {
        let alignment = alignment(&self.metadata)?;
        let raw = (0..self.tensors).map(|_| RawInfo::read(&mut self.reader, alignment));
        let raw = raw.collect::<Result<Vec<_>>>()?;
        Ok(((self.reader.position() as u64).next_multiple_of(alignment), raw))
    }

    /// # Errors
    /// As [`Header::parse`].
    pub fn tensors(mut self) -> Result<Header> {
        let (start, raw) = self.infos()?;
        let tensors = raw.into_iter().map(|raw| raw.resolve(start));
        let tensors = tensors.collect::<Result<Vec<_>>>()?;
        // The end of the last tensor: what a whole file has, not where the first weights are missing.
        let expected = tensors.iter().map(|tensor| tensor.range.end as u64).max().unwrap_or(0);
        if expected > self.file {
            return Err(HeaderError::Truncated { expected });
        }
        check_overlap(&tensors)?;
        Ok(Header { metadata: self.metadata, tensors })
    }
}

fn check_version(version: u32) -> Result<()> {
    match version {
        2 | 3 => Ok(()),
        1 => Err(HeaderError::invalid("it is GGUF version 1, which no tool has written since 2023")),
        other if matches!(other.swap_bytes(), 1..=9) => Err(HeaderError::invalid("it is big-endian")),
        other => {
            Err(HeaderError::invalid(format!("it is GGUF version {other}; versions 2 and 3 are supported")))
        }
    }
}

fn read_metadata(reader: &mut Reader, keys: u64) -> Result<Metadata> {
    let mut metadata = Metadata::new();
    let mut values = Values::new();
    for _ in 0..keys {
        let key = reader.name()?;
        let value = values.read(reader)?;
        if metadata.insert(key.to_owned(), value).is_some() {
            return Err(HeaderError::invalid(format!("its metadata has {key} twice")));
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &Metadata) -> Result<u64> {
    match metadata.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(&Value::Integer(number @ 8..=MAX_ALIGNMENT)) if number & (number - 1) == 0 => Ok(number as u64),
        Some(value) => {
            Err(HeaderError::invalid(format!("general.alignment is {value:?}, not a power of two")))
        }
    }
}

/// A tensor info before the start of the data section is known.
struct RawInfo {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: u64,
    offset: u64,
}

impl RawInfo {
    fn read(reader: &mut Reader, alignment: u64) -> Result<Self> {
        let name = reader.name()?.to_owned();
        let dimensions = reader.u32()?;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(HeaderError::invalid(format!("tensor {name} has {dimensions} dimensions")));
        }
        let sizes = (0..dimensions).map(|_| reader.u64()).collect::<Result<Vec<_>>>()?;
        let kind = reader.u32()?;
        let dtype = dtype(kind).ok_or_else(|| HeaderError::Format {
            tensor: name.clone(),
            format: other_name(kind).map_or_else(|| format!("type {kind}"), str::to_owned),
        })?;
        let bytes = bytes_of(dtype, &sizes).ok_or_else(|| {
            HeaderError::invalid(format!(
                "tensor {name} has sizes {sizes:?}, impossible for {}",
                dtype.name()
            ))
        })?;
        let offset = reader.u64()?;
        if !offset.is_multiple_of(alignment) {
            return Err(HeaderError::invalid(format!(
                "tensor {name} starts at {offset}, not a multiple of the file's alignment {alignment}"
            )));
        }
        let shape = sizes.iter().rev().map(|&size| size as usize).collect();
        Ok(Self { name, dtype, shape, bytes, offset })
    }

    fn resolve(self, start: u64) -> Result<TensorInfo> {
        let begin = start.checked_add(self.offset);
        let end = begin.and_then(|begin| begin.checked_add(self.bytes));
        let (Some(begin), Some(end)) = (begin, end) else {
            return Err(HeaderError::invalid(format!("tensor {} starts at {}", self.name, self.offset)));
        };
        let range = begin as usize..end as usize;
        Ok(TensorInfo { name: self.name, dtype: self.dtype, shape: self.shape, range })
    }
}

/// Bytes of a tensor; `None` if a size is zero, a row is not a multiple of the block size, or the product
/// overflows.
fn bytes_of(dtype: Dtype, sizes: &[u64]) -> Option<u64> {
    let sizes: Vec<usize> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect::<Option<_>>()?;
    let count = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size))?;
    if count == 0 || !sizes[0].is_multiple_of(dtype.block_len()) {
        return None;
    }
    Some(dtype.bytes_of(count)? as u64)
}

fn check_overlap(tensors: &[TensorInfo]) -> Result<()> {
    let mut names = BTreeSet::new();
    if let Some(tensor) = tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
        return Err(HeaderError::invalid(format!("it has tensor {} twice", tensor.name)));
    }
    let mut by_offset: Vec<&TensorInfo> = tensors.iter().collect();
    by_offset.sort_unstable_by_key(|tensor| tensor.range.start);
    match by_offset.windows(2).find(|pair| pair[0].range.end > pair[1].range.start) {
        Some(pair) => {
            Err(HeaderError::invalid(format!("tensors {} and {} overlap", pair[0].name, pair[1].name)))
        }
        None => Ok(()),
    }
}

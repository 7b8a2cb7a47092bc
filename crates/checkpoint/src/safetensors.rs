//! Safetensors: one file, or shards with an index, memory-mapped. Every offset is checked before use, because
//! the files are untrusted.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use formats::Dtype;
use memmap2::Mmap;
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};

use crate::view::advise_huge_pages;
use crate::{FileKind, TensorView, WeightError, WeightSource, fused_experts};

/// Maps tensors to shards.
pub(crate) const INDEX: &str = "model.safetensors.index.json";
/// Far above every published header.
const HEADER_LIMIT: u64 = 100 << 20;
/// R1 has 91,000 tensors including scales.
const MAX_TENSORS: usize = 1 << 20;
/// Far above every published index.
const INDEX_LIMIT: u64 = 256 << 20;

/// The tensors of one folder.
#[derive(Debug)]
pub struct Safetensors {
    tensors: BTreeMap<String, StoredTensor>,
}

#[derive(Debug, Clone)]
enum StoredTensor {
    View(TensorView),
    /// Scales in e8m0 (exponents only), decoded to f32.
    Exponents {
        shape: Vec<usize>,
        bytes: TensorView,
    },
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

#[derive(Deserialize)]
struct Index {
    weight_map: UniqueKeys<String>,
}

/// A JSON object that rejects duplicate keys; serde_json would silently keep the last one.
struct UniqueKeys<V>(BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for UniqueKeys<V> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Keys<V> {
            type Value = UniqueKeys<V>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = BTreeMap::new();
                while let Some((key, value)) = map.next_entry::<String, V>()? {
                    if found.contains_key(&key) {
                        return Err(A::Error::custom(format!("{key} is there twice")));
                    }
                    if found.len() == MAX_TENSORS {
                        return Err(A::Error::custom(format!("more than {MAX_TENSORS} tensors")));
                    }
                    found.insert(key, value);
                }
                Ok(UniqueKeys(found))
            }
        }
        deserializer.deserialize_map(Keys(std::marker::PhantomData))
    }
}

impl Safetensors {
    /// Opens the shards named by the index, or the only file, or the only set of numbered files.
    ///
    /// # Errors
    /// A missing, truncated or inconsistent file, with its path.
    pub fn open(dir: &Path) -> Result<Self, WeightError> {
        let index = dir.join(INDEX);
        if !index.is_file() {
            return Self::without_index(dir);
        }
        let weight_map = read_index(&index)?;
        let mut tensors = BTreeMap::new();
        let shards: BTreeSet<&String> = weight_map.values().collect();
        for shard in shards.iter().copied() {
            let path = dir.join(shard);
            if path.symlink_metadata().is_err() {
                return Err(missing(path, &shards));
            }
            let invalid = |reason: String| WeightError::Invalid { path: path.clone(), reason };
            for (name, stored) in read_file(&path)? {
                if tensors.insert(name.clone(), stored).is_some() {
                    return Err(invalid(format!("tensor {name} is in two files")));
                }
                // A tensor missing from the index is harmless. One listed in another shard means mixed
                // models.
                if let Some(other) = weight_map.get(&name).filter(|other| *other != shard) {
                    return Err(invalid(format!("tensor {name} is here, and the index says {other}")));
                }
            }
        }
        match weight_map.into_iter().find(|(name, _)| !tensors.contains_key(name)) {
            Some((name, shard)) => {
                let reason = format!("it says that tensor {name} is in {shard}, which does not have it");
                Err(WeightError::Invalid { path: index, reason })
            }
            None => Self::of(dir, tensors),
        }
    }
}

impl Safetensors {
    fn without_index(dir: &Path) -> Result<Self, WeightError> {
        let single = dir.join("model.safetensors");
        let files = if single.is_file() { vec![single] } else { numbered_shards(dir)? };
        let mut tensors = BTreeMap::new();
        for path in files {
            for (name, stored) in read_file(&path)? {
                if tensors.insert(name.clone(), stored).is_some() {
                    let reason = format!("tensor {name} is in two files");
                    return Err(WeightError::Invalid { path, reason });
                }
            }
        }
        Self::of(dir, tensors)
    }

    /// With the parts of fused experts under their own names.
    fn of(dir: &Path, stored: BTreeMap<String, StoredTensor>) -> Result<Self, WeightError> {
        let mut tensors = BTreeMap::new();
        for (name, stored) in stored {
            let parts = match stored {
                StoredTensor::View(view) => {
                    let parts = fused_experts::parts(name, view).into_iter();
                    parts.map(|(name, view)| (name, StoredTensor::View(view))).collect()
                }
                exponents => vec![(name, exponents)],
            };
            for (name, part) in parts {
                if tensors.insert(name.clone(), part).is_some() {
                    let reason = format!("tensor {name} is there alone and in a fused one");
                    return Err(WeightError::Invalid { path: dir.to_owned(), reason });
                }
            }
        }
        Ok(Self { tensors })
    }
}

/// The safetensors of a folder without an index, by content: one, or `name-00001-of-00003` and its siblings.
fn numbered_shards(dir: &Path) -> Result<Vec<PathBuf>, WeightError> {
    let open = |source| WeightError::Open { path: dir.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(open)? {
        let path = entry.map_err(open)?.path();
        if path.is_file() && matches!(FileKind::of(&path), Ok(FileKind::Safetensors)) {
            files.push(path);
        }
    }
    files.sort();
    match &files[..] {
        [] => return Err(WeightError::NoFiles(dir.to_owned())),
        [_] => return Ok(files),
        _ => {}
    }
    let numbered = |path: &PathBuf| {
        let name = path.file_stem()?.to_str()?;
        let (rest, count) = name.rsplit_once("-of-")?;
        let (stem, number) = rest.rsplit_once('-')?;
        Some((stem.to_owned(), number.parse::<u32>().ok()?, count.parse::<u32>().ok()?))
    };
    let sets: Vec<_> = files.iter().map(numbered).collect();
    let one = sets.first().cloned().flatten().filter(|(stem, _, count)| {
        let same = |set: &Option<(String, u32, u32)>| {
            set.as_ref().is_some_and(|(other, _, of)| other == stem && of == count)
        };
        sets.iter().all(same)
    });
    let Some((stem, _, count)) = one else {
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Err(WeightError::MultipleModels {
            path: dir.to_owned(),
            names: files.iter().map(name).collect(),
        });
    };
    let there: BTreeSet<u32> = sets.iter().flatten().map(|(_, number, _)| *number).collect();
    match (1..=count).find(|number| !there.contains(number)) {
        None => Ok(files),
        Some(number) => {
            let path = dir.join(format!("{stem}-{number:05}-of-{count:05}.safetensors"));
            Err(WeightError::MissingShard { path, number, count })
        }
    }
}

/// The error for a shard of the index that is missing.
fn missing(path: PathBuf, shards: &BTreeSet<&String>) -> WeightError {
    let at = shards.iter().position(|shard| path.ends_with(shard.as_str())).unwrap_or_default();
    WeightError::MissingShard { path, number: at as u32 + 1, count: shards.len() as u32 }
}

impl WeightSource for Safetensors {
    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }

    fn tensor(&self, name: &str) -> Result<TensorView, WeightError> {
        match self.tensors.get(name) {
            None => Err(WeightError::Missing(name.to_owned())),
            Some(StoredTensor::View(view)) => Ok(view.clone()),
            Some(StoredTensor::Exponents { shape, bytes }) => {
                let scales = bytes.bytes().iter().flat_map(|&byte| e8m0_to_f32(byte).to_le_bytes()).collect();
                Ok(TensorView::owned(Dtype::F32, shape.clone(), scales))
            }
        }
    }

    fn layout(&self, name: &str) -> Result<(Dtype, Vec<usize>), WeightError> {
        match self.tensors.get(name) {
            None => Err(WeightError::Missing(name.to_owned())),
            Some(StoredTensor::View(view)) => Ok((view.dtype, view.shape.clone())),
            Some(StoredTensor::Exponents { shape, .. }) => Ok((Dtype::F32, shape.clone())),
        }
    }

    fn total_bytes(&self) -> u64 {
        let bytes = |stored: &StoredTensor| match stored {
            StoredTensor::View(view) => view.bytes().len() as u64,
            StoredTensor::Exponents { bytes, .. } => 4 * bytes.bytes().len() as u64,
        };
        self.tensors.values().map(bytes).sum()
    }
}

/// Decodes e8m0: 2^(byte - 127); 255 is NaN.
fn e8m0_to_f32(byte: u8) -> f32 {
    match byte {
        0 => f32::from_bits(0x0040_0000),
        255 => f32::NAN,
        _ => f32::from_bits(u32::from(byte) << 23),
    }
}

/// Tensor name to shard.
fn read_index(index: &Path) -> Result<BTreeMap<String, String>, WeightError> {
    let invalid = |reason: String| WeightError::Invalid { path: index.to_owned(), reason };
    let open_error = |source| WeightError::Open { path: index.to_owned(), source };
    let size = std::fs::metadata(index).map_err(open_error)?.len();
    if size > INDEX_LIMIT {
        return Err(invalid(format!("it has {size} bytes")));
    }
    let text = std::fs::read(index).map_err(open_error)?;
    let Index { weight_map: UniqueKeys(weight_map) } =
        serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
    // A shard must be a plain .safetensors file name: no path, no index.
    let foreign = |name: &&String| {
        Path::new(name).components().count() != 1 || name.starts_with('.') || !name.ends_with(".safetensors")
    };
    match weight_map.values().find(foreign) {
        Some(name) => Err(invalid(format!("the shard {name} is no .safetensors file of this folder"))),
        None => Ok(weight_map),
    }
}

fn read_file(path: &Path) -> Result<Vec<(String, StoredTensor)>, WeightError> {
    let open_error = |source| WeightError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(open_error)?;
    // SAFETY: the map is read-only. Truncation by another program while mapped would crash this process,
    // which is the worker and never the window; the files of the store are not rewritten in info.
    let map = Arc::new(unsafe { Mmap::map(&file) }.map_err(open_error)?);
    let kind = FileKind::of_bytes(&map[..map.len().min(512)]);
    if !matches!(kind, FileKind::Safetensors | FileKind::Unknown) {
        return Err(WeightError::WrongKind { path: path.to_owned(), kind });
    }
    advise_huge_pages(&map);
    let actual = map.len() as u64;
    let parse_header = parse_header(&map).map_err(|error| match error {
        HeaderError::Truncated(expected) => {
            WeightError::Truncated { path: path.to_owned(), expected, actual }
        }
        HeaderError::Invalid(reason) => WeightError::Invalid { path: path.to_owned(), reason },
        HeaderError::Format { tensor, format } => {
            WeightError::Format { path: path.to_owned(), tensor, format }
        }
    })?;
    let stored = |info: TensorInfo| {
        let TensorInfo { name, dtype, shape, begin, end } = info;
        let map = map.clone();
        match dtype {
            Some(dtype) => (name, StoredTensor::View(TensorView::mapped(dtype, shape, map, begin..end))),
            None => {
                // F8E4M3 is a placeholder: the only type of one byte. The bytes are not decoded as such.
                let bytes = TensorView::mapped(Dtype::F8E4M3, vec![end - begin], map, begin..end);
                (name, StoredTensor::Exponents { shape, bytes })
            }
        }
    };
    Ok(parse_header.into_iter().map(stored).collect())
}

/// A header entry. `begin..end` are byte offsets in the file; `dtype` is `None` for e8m0.
#[derive(Debug)]
pub struct TensorInfo {
    pub name: String,
    pub dtype: Option<Dtype>,
    pub shape: Vec<usize>,
    pub begin: usize,
    pub end: usize,
}

/// An invalid header. The caller adds the path.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("the file ends before byte {0}")]
    Truncated(u64),
    #[error("{0}")]
    Invalid(String),
    /// The file is valid, with an unsupported tensor type.
    #[error("tensor {tensor} has type {format}")]
    Format { tensor: String, format: String },
}

/// The length of the header of a file of which only the first bytes are here; `None` if these are too few.
///
/// # Errors
/// A header that is longer than any published one.
pub fn header_length(first_bytes: &[u8]) -> Result<Option<u64>, HeaderError> {
    let Some(prefix) = first_bytes.first_chunk::<8>() else { return Ok(None) };
    match u64::from_le_bytes(*prefix) {
        long if long > HEADER_LIMIT => Err(HeaderError::Invalid(format!("its header claims {long} bytes"))),
        length => Ok(Some(8 + length)),
    }
}

/// Parses the header of a complete file and checks every entry against the file's length.
///
/// # Errors
/// Truncated, invalid, unknown, duplicate or overlapping entries.
pub fn parse_header(file: &[u8]) -> Result<Vec<TensorInfo>, HeaderError> {
    let invalid = HeaderError::Invalid;
    let prefix = file.first_chunk::<8>().ok_or(HeaderError::Truncated(8))?;
    let header_len = u64::from_le_bytes(*prefix);
    if header_len > HEADER_LIMIT {
        return Err(invalid(format!("its header claims {header_len} bytes")));
    }
    let start = 8 + header_len;
    let header = file.get(8..start as usize).ok_or(HeaderError::Truncated(start))?;
    let UniqueKeys(entries): UniqueKeys<serde_json::Value> = serde_json::from_slice(header)
        .map_err(|error| invalid(format!("its header is not JSON: {error}")))?;

    let mut found = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        if name == "__metadata__" {
            continue;
        }
        let entry: Entry =
            serde_json::from_value(value).map_err(|error| invalid(format!("tensor {name}: {error}")))?;
        let dtype = dtype(&entry.dtype)
            .ok_or_else(|| HeaderError::Format { tensor: name.clone(), format: entry.dtype })?;
        let (begin, end) = entry.data_offsets;
        let shape: Option<Vec<usize>> = entry.shape.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let bytes = shape.as_deref().and_then(|shape| bytes_of(dtype, shape));
        let (Some(shape), true) = (shape, end.checked_sub(begin) == bytes && bytes.is_some()) else {
            return Err(invalid(format!(
                "tensor {name} has shape {:?} in bytes {begin}..{end}",
                entry.shape
            )));
        };
        let file_end =
            start.checked_add(end).ok_or_else(|| invalid(format!("tensor {name} ends at {end}")))?;
        if file_end > file.len() as u64 {
            return Err(HeaderError::Truncated(file_end));
        }
        found.push(TensorInfo {
            name,
            dtype,
            shape,
            begin: (start + begin) as usize,
            end: file_end as usize,
        });
    }
    let mut spans: Vec<(usize, usize)> = found.iter().map(|info| (info.begin, info.end)).collect();
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(invalid("two of its tensors overlap".to_owned()));
    }
    Ok(found)
}

fn bytes_of(dtype: Option<Dtype>, shape: &[usize]) -> Option<u64> {
    let count = shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim))?;
    Some(dtype.map_or(Some(count), |dtype| dtype.bytes_of(count))? as u64)
}

/// `Some(None)` for e8m0.
fn dtype(name: &str) -> Option<Option<Dtype>> {
    Some(match name {
        "F32" => Some(Dtype::F32),
        "F16" => Some(Dtype::F16),
        "BF16" => Some(Dtype::BF16),
        "F8_E4M3" => Some(Dtype::F8E4M3),
        "F8_E8M0" => None,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(header: &str, data: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        std::fs::write(dir.path().join("model.safetensors"), bytes).expect("written");
        dir
    }

    #[test]
    fn reads_what_was_written() {
        let header =
            r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        let dir = write(header, &data);
        let source = Safetensors::open(dir.path()).expect("it opens");
        assert_eq!(source.tensor("a").expect("it is there").to_f32(), [1.5, -2.0]);
        assert_eq!(source.total_bytes(), 8);
        assert!(matches!(source.tensor("b"), Err(WeightError::Missing(_))));
    }

    fn with_index(index: &str, shards: &[(&str, &str, usize)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("model.safetensors.index.json"), index).expect("written");
        for (name, header, data) in shards {
            let bytes =
                [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; *data]].concat();
            std::fs::write(dir.path().join(name), bytes).expect("written");
        }
        dir
    }

    const A: &str = r#"{"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#;
    const B: &str = r#"{"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;

    #[test]
    fn shards_are_read_and_hostile_indexes_refused() {
        let sound = r#"{"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}"#;
        let dir = with_index(sound, &[("1.safetensors", A, 4), ("2.safetensors", B, 4)]);
        assert_eq!(Safetensors::open(dir.path()).expect("it opens").names(), ["a", "b"]);

        let check = |map: &str, shards: &[(&str, &str, usize)], expect: &str| {
            let dir = with_index(&format!("{{\"weight_map\":{{{map}}}}}"), shards);
            let error = Safetensors::open(dir.path()).expect_err(expect).to_string();
            assert!(error.contains(expect), "{map}: {error}");
        };
        let (one, two) = (("1.safetensors", A, 4), ("2.safetensors", A, 4));
        check(r#""a":"model.safetensors.index.json""#, &[], "no .safetensors file");
        check(r#""a":"../1.safetensors""#, &[one], "no .safetensors file");
        check(r#""a":"1.safetensors","a":"2.safetensors""#, &[one, two], "a is there twice");
        check(r#""a":"1.safetensors","b":"2.safetensors""#, &[one, two], "in two files");
        check(r#""a":"1.safetensors","b":"1.safetensors""#, &[one], "does not have it");
        check(
            r#""b":"1.safetensors","a":"2.safetensors""#,
            &[one, ("2.safetensors", B, 4)],
            "the index says",
        );
        check(r#""a":"3.safetensors""#, &[], "part 1 of 1");
    }

    #[cfg(unix)]
    #[test]
    fn a_shard_that_points_to_itself_is_refused() {
        let dir = with_index(r#"{"weight_map":{"a":"1.safetensors"}}"#, &[]);
        let shard = dir.path().join("1.safetensors");
        std::os::unix::fs::symlink(&shard, &shard).expect("a link");
        let error = Safetensors::open(dir.path()).expect_err("a circle").to_string();
        assert!(error.starts_with("open"), "{error}");
    }

    #[test]
    fn scales_that_are_bare_exponents_come_as_f32() {
        let header = r#"{"s":{"dtype":"F8_E8M0","shape":[2,2],"data_offsets":[0,4]}}"#;
        let dir = write(header, &[0, 126, 127, 130]);
        let source = Safetensors::open(dir.path()).expect("it opens");
        let view = source.tensor("s").expect("it is there");
        assert_eq!((view.dtype, view.to_f32()), (Dtype::F32, vec![2f32.powi(-127), 0.5, 1.0, 8.0]));
        assert_eq!(source.total_bytes(), 16);
    }

    #[test]
    fn hostile_files_are_refused_with_the_reason() {
        let check = |header: &str, data: &[u8], expect: &str| {
            let dir = write(header, data);
            let error = Safetensors::open(dir.path()).expect_err(header).to_string();
            assert!(error.contains(expect), "{header}: {error}");
        };
        check(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, &[0; 4], "ends at");
        check(r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, &[0; 8], "has shape");
        check(
            r#"{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}"#,
            &[0; 16],
            "has shape",
        );
        check(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, &[0; 8], "has shape");
        check(r#"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, &[0; 8], "stored as I64");
        check("nonsense", &[], "not JSON");
        check(
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            &[0; 8],
            "a is there twice",
        );
        let two = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#;
        check(two, &[0; 12], "overlap");
    }
}

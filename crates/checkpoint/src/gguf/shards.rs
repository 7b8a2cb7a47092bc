//! Finds the shards of a model: `name-00001-of-00003.gguf` and its siblings, or renamed files by their
//! metadata.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::peek::Peek;
use crate::WeightError;
use crate::file_kind::FileKind;

/// Name, number and count of `name-00001-of-00003.gguf`; the extension is case-insensitive.
pub fn shard_number(path: &Path) -> Option<(String, u32, u32)> {
    let (stem, number, count, _) = parts(path)?;
    Some((stem, number, count))
}

/// The file name without extension and shard number.
pub fn stem(path: &Path) -> String {
    let plain = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    shard_number(path).map_or_else(plain, |(stem, ..)| stem)
}

fn parts(path: &Path) -> Option<(String, u32, u32, String)> {
    let ending = path.extension()?.to_str()?;
    if !ending.eq_ignore_ascii_case("gguf") {
        return None;
    }
    let (rest, count) = path.file_stem()?.to_str()?.rsplit_once("-of-")?;
    let (stem, number) = rest.rsplit_once('-')?;
    let digits = |text: &str| -> Option<u32> {
        let plain = text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse().ok() } else { None }
    };
    let (number, count) = (digits(number)?, digits(count)?);
    (1..=count).contains(&number).then(|| (stem.to_owned(), number, count, ending.to_owned()))
}

/// All shards of the set that a file belongs to by its name; `None` for a single file.
///
/// # Errors
/// `MissingShard` if one of the files does not exist.
pub fn by_name(path: &Path) -> Result<Option<Vec<PathBuf>>, WeightError> {
    let Some((stem, _, count, ending)) = parts(path) else { return Ok(None) };
    let named = |number| path.with_file_name(format!("{stem}-{number:05}-of-{count:05}.{ending}"));
    let paths: Vec<PathBuf> = (1..=count).map(named).collect();
    match paths.iter().position(|path| path.symlink_metadata().is_err()) {
        None => Ok(Some(paths)),
        Some(at) => Err(WeightError::MissingShard { path: paths[at].clone(), number: at as u32 + 1, count }),
    }
}

/// The shards of a renamed first shard: files in its folder with `split.no` 1, 2, ... and the same
/// `split.count`.
///
/// # Errors
/// `MissingShard` if a number is missing, `MultipleModels` if one is duplicated.
pub fn by_metadata(first: &Path, count: u32) -> Result<Vec<PathBuf>, WeightError> {
    let folder = first.parent().unwrap_or(Path::new("."));
    let open = |source| WeightError::Open { path: folder.to_owned(), source };
    let mut found = BTreeMap::from([(0, first.to_owned())]);
    for entry in std::fs::read_dir(folder).map_err(open)? {
        let path = entry.map_err(open)?.path();
        if !path.is_file() || !matches!(FileKind::of(&path), Ok(FileKind::Gguf)) {
            continue;
        }
        let peek = Peek::of(&path);
        let (true, Some((number, of))) = (peek.is_later_shard(), peek.split()) else { continue };
        if of != i128::from(count) {
            continue;
        }
        if let Some(other) = found.insert(number, path.clone()) {
            let names = vec![other.display().to_string(), path.display().to_string()];
            return Err(WeightError::MultipleModels { path: folder.to_owned(), names });
        }
    }
    let shard = |number: u32| {
        let missing = || WeightError::MissingShard { path: first.to_owned(), number: number + 1, count };
        found.remove(&i128::from(number)).ok_or_else(missing)
    };
    (0..count).map(shard).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_known_by_its_name() {
        let check = |name: &str, expect: Option<(&str, u32, u32)>| {
            let got = shard_number(Path::new(name));
            assert_eq!(
                got.as_ref().map(|(stem, number, count)| (&**stem, *number, *count)),
                expect,
                "{name}"
            );
        };
        check("a/R1-Q4_K_M-00002-of-00009.gguf", Some(("R1-Q4_K_M", 2, 9)));
        check("R1-00001-OF-00002.gguf", None);
        check("R1-00001-of-00002.GGUF", Some(("R1", 1, 2)));
        check("R1-00003-of-00002.gguf", None);
        check("R1-1-of-2.gguf", None);
        check("R1.gguf", None);
        assert_eq!(stem(Path::new("R1-00001-of-00002.gguf")), "R1");
        assert_eq!(stem(Path::new("R1.v2.gguf")), "R1.v2");
    }
}

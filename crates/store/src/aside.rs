//! Keeps a file that cannot be parsed under a name of its own, so that a user's data is never overwritten.
//! Knows no format.
use std::path::{Path, PathBuf};

/// Renames to `<name>.unreadable-<n>.<extension>` and returns the new name.
pub fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let aside = aside(path);
    crate::rename(path, &aside)?;
    Ok(aside)
}

/// As [`set_aside`], but the file also stays in its place until it is replaced.
pub fn keep_copy(path: &Path) -> std::io::Result<PathBuf> {
    let aside = aside(path);
    // A hard link needs no space on a full disk. File systems without hard links get a copy.
    if std::fs::hard_link(path, &aside).is_err() {
        crate::replace(&aside, &std::fs::read(path)?)?;
    }
    Ok(aside)
}

fn aside(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let name = |number: u32| path.with_extension(format!("unreadable-{number}.{extension}"));
    (1..u32::MAX).map(name).find(|candidate| !candidate.exists()).unwrap_or_else(|| name(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_kept_under_a_name_of_its_own() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/list.json");
        for (text, name) in [("one", "list.unreadable-1.json"), ("two", "list.unreadable-2.json")] {
            crate::replace(&path, text.as_bytes()).expect("is written");
            let aside = set_aside(&path).expect("is moved");
            assert_eq!(aside.file_name().expect("a name"), name);
            assert_eq!(std::fs::read_to_string(&aside).expect("is kept"), text);
            assert!(!path.exists());
        }
    }
}

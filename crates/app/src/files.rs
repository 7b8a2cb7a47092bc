//! Small files of the data folder: replaced atomically, and moved aside when they cannot be parsed, so that a
//! user's data is never overwritten. Knows no format.
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes a temporary file and renames it, so that a full disk or a crash leaves the old file intact. Creates
/// the folder.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // An existing folder may be the user's own and keeps its permissions.
    if !folder.is_dir() {
        history::private::create_dir(folder)?;
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Renames to `<name>.unreadable-<n>.<extension>` and returns the new name.
pub(crate) fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let aside = aside(path);
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// As [`set_aside`], but the file also stays in its place until it is replaced.
pub(crate) fn keep_copy(path: &Path) -> std::io::Result<PathBuf> {
    let aside = aside(path);
    // A hard link needs no space on a full disk. File systems without hard links get a copy.
    if std::fs::hard_link(path, &aside).is_err() {
        replace(&aside, &std::fs::read(path)?)?;
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
            replace(&path, text.as_bytes()).expect("is written");
            let aside = set_aside(&path).expect("is moved");
            assert_eq!(aside.file_name().expect("a name"), name);
            assert_eq!(std::fs::read_to_string(&aside).expect("is kept"), text);
            assert!(!path.exists());
        }
    }
}

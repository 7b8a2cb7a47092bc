//! Rights of what this crate writes: folders for their owner alone (700), files too (600), whatever the umask says. What an
//! earlier version left open to others is closed at the next start. Knows no tables.
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the folder and those above it. Rights of a folder that exists are reduced to its owner's.
pub fn create_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        restrict(path);
        return Ok(());
    }
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    set(path, 0o700)
}

/// Creates a file that must not exist yet.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    set(path, 0o600)?;
    Ok(file)
}

/// A strict umask takes the owner's own rights, too.
#[cfg(unix)]
fn set(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Takes the rights of group and others from a file or a folder. A file system without such rights, or an owner that is somebody
/// else, is left as it is.
#[cfg(unix)]
pub fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    // The target of a link belongs to whoever made the link.
    let mode = found.permissions().mode();
    if !found.file_type().is_symlink() && mode & 0o077 != 0 {
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700));
    }
}

/// Elsewhere a person's folder is theirs by its inherited rights.
#[cfg(not(unix))]
pub fn restrict(_: &Path) {}

/// As [`restrict`], with everything inside. Links are not followed.
pub fn restrict_all(path: &Path) {
    restrict(path);
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        restrict_all(&entry.path());
    }
}

/// Makes names in a folder durable.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

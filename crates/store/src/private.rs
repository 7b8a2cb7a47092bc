//! File permissions: folders get mode 700 and files mode 600, independent of the umask. Files of earlier
//! versions are restricted at the next start. Knows no content.
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates the folder and its parents. An existing folder is restricted to its owner.
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

/// Sets the mode after creation, because a strict umask may remove the owner's permissions.
#[cfg(unix)]
fn set(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set(_: &Path, _: u32) -> io::Result<()> {
    Ok(())
}

/// Removes the permissions of group and others. Errors are ignored: the file system may have no permissions,
/// or another user may own the file.
#[cfg(unix)]
pub fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = std::fs::symlink_metadata(path) else { return };
    // Symbolic links are not followed: their target may not belong to the app.
    let mode = found.permissions().mode();
    if !found.file_type().is_symlink() && mode & 0o077 != 0 {
        let _ = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & 0o700));
    }
}

/// On other systems the user's folder has suitable inherited permissions.
#[cfg(not(unix))]
pub fn restrict(_: &Path) {}

/// As [`restrict`], recursively. Symbolic links are not followed.
pub fn restrict_all(path: &Path) {
    restrict(path);
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        restrict_all(&entry.path());
    }
}

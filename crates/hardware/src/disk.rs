//! Space on the disk of the model folder, in bytes, from `statvfs` or the list of mounted disks.
//! It neither creates the folder nor looks at what is in it.
use std::path::{Path, PathBuf};

use crate::Disk;

/// The folder itself, or its nearest existing parent, because the model folder may not exist yet.
pub fn nearest_existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    absolute.ancestors().find(|p| p.exists()).unwrap_or(&absolute).to_path_buf()
}

/// Total bytes, and bytes free for unprivileged users; zero if unknown.
pub fn read(models_dir: &Path) -> Disk {
    let (total, free) = space(&nearest_existing(models_dir)).unwrap_or((0, 0));
    Disk { models_dir: models_dir.to_path_buf(), total, free }
}

#[cfg(unix)]
fn space(dir: &Path) -> Option<(u64, u64)> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).ok()?;
    let mut stat = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `path` is NUL-terminated and `stat` is writable for the call.
    let code = unsafe { libc::statvfs(path.as_ptr(), stat.as_mut_ptr()) };
    // SAFETY: all-zero bytes are a valid statvfs, and on success the call filled it.
    let stat = unsafe { stat.assume_init() };
    // The field widths differ between Unix systems.
    #[allow(clippy::unnecessary_cast)]
    let of = |blocks| blocks as u64 * stat.f_frsize as u64;
    (code == 0).then(|| (of(stat.f_blocks), of(stat.f_bavail)))
}

#[cfg(not(unix))]
fn space(dir: &Path) -> Option<(u64, u64)> {
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    let disk = disks
        .iter()
        .filter(|disk| dir.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len())?;
    Some((disk.total_space(), disk.available_space()))
}

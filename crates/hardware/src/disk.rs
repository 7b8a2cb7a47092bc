//! Space on the disk of the model folder, in bytes, as the operating system tells it.
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
    let space = fs4::statvfs(nearest_existing(models_dir)).ok();
    let (total, free) = space.map_or((0, 0), |space| (space.total_space(), space.available_space()));
    Disk { models_dir: models_dir.to_path_buf(), total, free }
}

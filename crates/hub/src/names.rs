//! Which names from outside may become names on this disk.
//! It does not know what the names are of: files, repositories, revisions and model folders all pass through here.

use std::path::{Component, Path, PathBuf};

use crate::HubError;

/// Refuses every name that could leave the model's own folder, on any system.
pub fn check_path(path: &str) -> Result<(), HubError> {
    let plain = !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && ![".part", ".part.sums"].iter().any(|own| path.ends_with(own))
        && path.split('/').all(|p| !p.is_empty() && p != "." && p != "..")
        && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    if plain { Ok(()) } else { Err(HubError::unusable("", format!("unsafe name {path:?}"))) }
}

/// The folder of model `id`; an id is one plain folder name, and not a hidden one.
pub(crate) fn model_dir(models_dir: &Path, id: &str) -> Result<PathBuf, HubError> {
    check_path(id)?;
    if id.contains('/') || id.starts_with('.') {
        return Err(HubError::unusable("", format!("unsafe model id {id:?}")));
    }
    Ok(models_dir.join(id))
}

/// Where a file grows until it was checked.
pub(crate) fn part_path(dir: &Path, path: &str) -> PathBuf {
    dir.join(format!("{path}.part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_names_are_refused() {
        for bad in ["", "..", "a/../b", "/etc/passwd", "a\\b", "C:/x", "a//b", "./a", "x.part", "x.part.sums"]
        {
            assert!(check_path(bad).is_err(), "{bad}");
        }
        assert!(check_path("sub/model-00001-of-00002.safetensors").is_ok());
        for bad in ["a/b", ".locks"] {
            assert!(model_dir(Path::new("/m"), bad).is_err(), "{bad}");
        }
    }
}

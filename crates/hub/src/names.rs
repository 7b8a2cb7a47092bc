//! Validates untrusted names before they are used as paths: files, repositories, revisions and model folders.
//! The rules are those of all operating systems together, so that a model folder can be moved between them.

use std::path::{Component, Path, PathBuf};

use crate::HubError;

/// Rejects names that could escape the model's folder on any operating system.
pub fn check_path(path: &str) -> Result<(), HubError> {
    let plain = !path.is_empty()
        && !path.contains(['\\', ':', '\0'])
        && ![".part", ".part.sums"].iter().any(|own| path.ends_with(own))
        && path.split('/').all(|p| !p.is_empty() && p != "." && p != "..")
        && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
    if plain { Ok(()) } else { Err(HubError::unusable("", format!("unsafe name {path:?}"))) }
}

/// The folder of model `id`. An id is a single folder name that is not hidden.
pub(crate) fn model_dir(models_dir: &Path, id: &str) -> Result<PathBuf, HubError> {
    check_path(id)?;
    if id.contains('/') || id.starts_with('.') {
        return Err(HubError::unusable("", format!("unsafe model id {id:?}")));
    }
    Ok(models_dir.join(id))
}

/// The path of an unfinished file.
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

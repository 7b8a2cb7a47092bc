//! Where things lie on this machine. Looks only at names and at what exists; creates nothing.
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Chats and settings.
    pub data_dir: PathBuf,
    /// Where models go unless the settings name another folder.
    pub models_dir: PathBuf,
    /// The program that runs models; it need not exist yet.
    pub engine_binary: PathBuf,
    /// The built-in model.
    pub guide_dir: PathBuf,
    /// The built-in model that sees.
    pub guide_vision_dir: PathBuf,
}

/// The usual places. `WHALEDECK_DATA`, `WHALEDECK_ENGINE`, `WHALEDECK_GUIDE` and `WHALEDECK_GUIDE_VISION` come first;
/// `resources` is the folder of bundled files, when the host has one.
pub fn find_paths(resources: Option<&Path>) -> Paths {
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let data_dir = named("WHALEDECK_DATA").unwrap_or_else(usual_data_dir);
    Paths {
        models_dir: data_dir.join("models"),
        data_dir,
        engine_binary: named("WHALEDECK_ENGINE").unwrap_or_else(|| engine_beside(beside.as_deref())),
        guide_dir: built_in("WHALEDECK_GUIDE", "guide-model", resources, beside.as_deref()),
        guide_vision_dir: built_in("WHALEDECK_GUIDE_VISION", "guide-vision", resources, beside.as_deref()),
    }
}

impl Paths {
    /// Where the files of a built-in model lie.
    pub fn built_in(&self, model_id: &str) -> &Path {
        if model_id == "guide-vision" { &self.guide_vision_dir } else { &self.guide_dir }
    }
}

fn built_in(variable: &str, name: &str, resources: Option<&Path>, beside: Option<&Path>) -> PathBuf {
    named(variable).unwrap_or_else(|| model_among(&model_places(name, resources, beside)))
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn usual_data_dir() -> PathBuf {
    // Without a home folder there is still the current one.
    directories::ProjectDirs::from("", "", "whaledeck")
        .map_or_else(|| PathBuf::from("whaledeck-data"), |dirs| dirs.data_dir().to_owned())
}

fn engine_beside(beside: Option<&Path>) -> PathBuf {
    beside.unwrap_or(Path::new(".")).join(format!("whaledeck-engine{}", std::env::consts::EXE_SUFFIX))
}

/// Installed beside the program, in a share folder, in the bundle, or in the checkout that built this.
fn model_places(name: &str, resources: Option<&Path>, beside: Option<&Path>) -> Vec<PathBuf> {
    let name = Path::new("assets").join(name);
    let mut places = Vec::new();
    places.extend(resources.map(|folder| folder.join(&name)));
    if let Some(beside) = beside {
        places.push(beside.join(&name));
        places.push(beside.join("../share/whaledeck").join(&name));
        // target/debug or target/release in a checkout.
        places.push(beside.join("../..").join(&name));
    }
    places.push(name);
    places
}

fn model_among(places: &[PathBuf]) -> PathBuf {
    let found = places.iter().find(|place| place.join("config.json").is_file());
    found.or(places.first()).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_is_taken_from_the_first_place_that_has_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (empty, full) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::create_dir_all(&full).expect("is made");
        std::fs::write(full.join("config.json"), "{}").expect("is written");
        assert_eq!(model_among(&[empty.clone(), full.clone()]), full);
        assert_eq!(model_among(std::slice::from_ref(&empty)), empty, "a name to show when nothing is there");
    }
}

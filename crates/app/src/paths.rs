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
    /// The Guide. The other built-in models lie beside it.
    pub guide_dir: PathBuf,
}

/// The usual places. `WHALEDECK_DATA`, `WHALEDECK_ENGINE` and `WHALEDECK_GUIDE` come first; `resources` is the folder
/// of bundled files, when the host has one.
pub fn find_paths(resources: Option<&Path>) -> Paths {
    let beside = std::env::current_exe().ok().and_then(|exe| exe.parent().map(Path::to_owned));
    let data_dir = named("WHALEDECK_DATA").unwrap_or_else(usual_data_dir);
    Paths {
        models_dir: data_dir.join("models"),
        data_dir,
        engine_binary: named("WHALEDECK_ENGINE").unwrap_or_else(|| engine_beside(beside.as_deref())),
        guide_dir: named("WHALEDECK_GUIDE")
            .unwrap_or_else(|| guide_among(&guide_places(resources, beside.as_deref()))),
    }
}

impl Paths {
    /// Where the files of a built-in model lie.
    pub fn built_in(&self, model_id: &str) -> PathBuf {
        if model_id == "guide" { self.guide_dir.clone() } else { self.guide_dir.with_file_name(model_id) }
    }
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
fn guide_places(resources: Option<&Path>, beside: Option<&Path>) -> Vec<PathBuf> {
    const GUIDE: &str = "assets/guide-model";
    let mut places = Vec::new();
    places.extend(resources.map(|folder| folder.join(GUIDE)));
    if let Some(beside) = beside {
        places.push(beside.join(GUIDE));
        places.push(beside.join("../share/whaledeck").join(GUIDE));
        // target/debug or target/release in a checkout.
        places.push(beside.join("../..").join(GUIDE));
    }
    places.push(PathBuf::from(GUIDE));
    places
}

fn guide_among(places: &[PathBuf]) -> PathBuf {
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
        assert_eq!(guide_among(&[empty.clone(), full.clone()]), full);
        assert_eq!(guide_among(std::slice::from_ref(&empty)), empty, "a name to show when nothing is there");
    }
}

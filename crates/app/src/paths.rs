//! The paths of the data folder, the models, the engine and the built-in models. Creates nothing.
//! The folder of models of the settings takes precedence over the one here.
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Chats and settings.
    pub data_dir: PathBuf,
    /// The folder of models, unless the settings have another.
    pub models_dir: PathBuf,
    /// The program that runs models; it need not exist yet.
    pub engine_binary: PathBuf,
    /// The folder of the Guide. The other built-in models are beside it.
    pub guide_dir: PathBuf,
    /// The home folder, in which other programs keep their models. `None` looks for no other programs.
    pub home_dir: Option<PathBuf>,
}

/// The default paths. `WHALEDECK_DATA`, `WHALEDECK_ENGINE` and `WHALEDECK_GUIDE` override them.
pub fn find_paths() -> Paths {
    let program = std::env::current_exe().and_then(|program| program.canonicalize());
    let folder = program.ok().and_then(|program| program.parent().map(Path::to_owned)).unwrap_or_default();
    let data_dir = env_path("WHALEDECK_DATA").unwrap_or_else(default_data_dir);
    Paths {
        models_dir: data_dir.join("models"),
        data_dir,
        engine_binary: env_path("WHALEDECK_ENGINE").unwrap_or_else(|| engine_beside(&folder)),
        guide_dir: env_path("WHALEDECK_GUIDE").unwrap_or_else(|| guide_of(&folder)),
        home_dir: directories::BaseDirs::new().map(|directories| directories.home_dir().to_owned()),
    }
}

impl Paths {
    /// The folder of a built-in model.
    pub fn built_in(&self, model_id: &str) -> PathBuf {
        if model_id == "guide" { self.guide_dir.clone() } else { self.guide_dir.with_file_name(model_id) }
    }

    /// The folder in which a worker keeps the KV of a model's prompts while it is not loaded.
    pub fn prefix_cache(&self, model_id: &str) -> PathBuf {
        self.data_dir.join("prefix-cache").join(model_id)
    }
}

fn env_path(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn default_data_dir() -> PathBuf {
    // Without a home folder the current folder is used.
    directories::ProjectDirs::from("", "", "whaledeck")
        .map_or_else(|| PathBuf::from("whaledeck-data"), |dirs| dirs.data_dir().to_owned())
}

/// All programs of a package are in one folder.
fn engine_beside(programs: &Path) -> PathBuf {
    programs.join(format!("whaledeck-engine{}", std::env::consts::EXE_SUFFIX))
}

/// The bundled files of a package, relative to the folder of its programs. A Linux package and an AppImage
/// have them in a folder with the product's name (`productName` of tauri.conf.json), a macOS application in
/// Resources, Windows beside the programs; the last is a checkout, relative to target/debug or
/// target/release.
const BUNDLES: [&str; 5] = ["../lib/Whaledeck", "../Resources", ".", "../share/whaledeck", "../.."];

/// The folder of the Guide, or its expected folder when there is none.
fn guide_of(programs: &Path) -> PathBuf {
    let places = BUNDLES.map(|bundle| programs.join(bundle).join("assets/guide-model"));
    places.iter().find(|place| place.join("config.json").is_file()).unwrap_or(&places[0]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundled_files_are_found_from_the_folder_of_the_programs_in_every_kind_of_package() {
        for (programs, guide) in [
            ("usr/bin", "usr/lib/Whaledeck/assets/guide-model"),
            ("Whaledeck.app/Contents/MacOS", "Whaledeck.app/Contents/Resources/assets/guide-model"),
            ("portable", "portable/assets/guide-model"),
            ("usr/local/bin", "usr/local/share/whaledeck/assets/guide-model"),
            ("checkout/target/debug", "checkout/assets/guide-model"),
        ] {
            let root = tempfile::tempdir().expect("a folder");
            let (programs, guide) = (root.path().join(programs), root.path().join(guide));
            std::fs::create_dir_all(&programs).expect("is made");
            std::fs::create_dir_all(&guide).expect("is made");
            std::fs::write(guide.join("config.json"), "{}").expect("is written");
            let found = guide_of(&programs).canonicalize().expect("is there");
            assert_eq!(found, guide.canonicalize().expect("is there"));
        }
        let nowhere = guide_of(Path::new("/no/bin"));
        assert_eq!(nowhere, Path::new("/no/bin/../lib/Whaledeck/assets/guide-model"), "a name to show");
    }
}

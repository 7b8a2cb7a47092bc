//! Permissions of the data folder: only its owner may read it, also where an earlier version of the app left
//! files readable by others. Other files are not changed, because the user may have chosen a folder that has
//! some.
use std::path::Path;

use store::private;

/// The prefixes of this app's file names in the data folder.
const PREFIXES: [&str; 9] = [
    "history.",
    "settings.",
    "own-models.",
    "endpoints.",
    "deployments.",
    "downloads.",
    "sharing",
    "keys.",
    "requests.",
];
const FOLDERS: [&str; 3] = ["pictures", "backups", "deployments"];

pub(crate) fn restrict(data_dir: &Path) {
    private::restrict(data_dir);
    for entry in std::fs::read_dir(data_dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if FOLDERS.contains(&name.as_str()) {
            private::restrict_all(&entry.path());
        } else if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
            private::restrict(&entry.path());
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn our_files_become_the_owners_alone_and_others_are_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("deployments/a")).expect("is made");
        std::fs::create_dir_all(data.join("photos")).expect("is made");
        let names = [
            ("settings.toml", 0o600),
            ("settings.unreadable-1.toml", 0o600),
            ("sharing-keys.json", 0o600),
            ("deployments/a/log", 0o600),
            ("photos/mine.jpg", 0o644),
            ("letter.txt", 0o644),
        ];
        for (name, _) in names {
            std::fs::write(data.join(name), "x").expect("is written");
            std::fs::set_permissions(data.join(name), std::fs::Permissions::from_mode(0o644))
                .expect("is set");
        }
        for name in ["", "deployments", "deployments/a", "photos"] {
            let path = if name.is_empty() { data.clone() } else { data.join(name) };
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("is set");
        }
        let mode = |name: &str| {
            let path = if name.is_empty() { data.clone() } else { data.join(name) };
            std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
        };
        restrict(&data);
        for (name, wanted) in names {
            assert_eq!(mode(name), wanted, "{name}");
        }
        assert_eq!(["", "deployments", "deployments/a", "photos"].map(mode), [0o700, 0o700, 0o700, 0o755]);
    }
}

//! Finds the programs that check files which others read. The tests of `deploy` use it for the scripts that
//! hosts run.
use std::path::{Path, PathBuf};

/// Path of a checker: beside the Python of the tests, where set-up installs it, or on PATH. After set-up it
/// must exist.
pub fn checker(name: &str) -> Option<PathBuf> {
    let own = std::env::var_os("WHALEDECK_PYTHON").map(|python| Path::new(&python).with_file_name(name));
    if own.as_ref().is_some_and(|it| it.is_file()) {
        return own;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file());
    assert!(found.is_some() || own.is_none(), "set-up installs {name}");
    if found.is_none() {
        println!("not run: no {name} here");
    }
    found
}

//! The variables that a server's program gets beside those of its settings: what a program needs to run, and
//! no key that happens to be in our environment.

const NAMES: &[&str] = &[
    "HOME",
    "LANG",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    // Windows. Not run.
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMFILES",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "USERNAME",
    "USERPROFILE",
];
/// Of the language, of the folders of the user, and of the proxy, which a package runner needs.
const PREFIXES: &[&str] = &["LC_", "XDG_"];
const PROXY: &[&str] = &["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

pub(super) fn inherited() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| {
            let upper = name.to_ascii_uppercase();
            NAMES.contains(&upper.as_str())
                || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || PROXY.contains(&upper.as_str())
        })
        .collect()
}

//! The folders in which programs keep their settings. Linux is what we run; the paths of macOS and Windows
//! are from the programs' documentation and were not run. Knows no files in them.

use std::path::{Path, PathBuf};

/// Where the settings of each program are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `~/.claude`
    pub claude: PathBuf,
    /// `~/.codex`
    pub codex: PathBuf,
    /// `~/.config/opencode`
    pub opencode: PathBuf,
    /// `~/.continue`
    pub continues: PathBuf,
    /// `~/.config/zed`
    pub zed: PathBuf,
    /// `~/.config/Code/User`
    pub code: PathBuf,
    /// The vault of Obsidian that the user chose.
    pub vault: Option<PathBuf>,
}

impl Places {
    /// From the environment, as the programs look for them.
    #[must_use]
    pub fn find() -> Self {
        Self::with(std::env::home_dir().unwrap_or_default(), |name| std::env::var_os(name).map(PathBuf::from))
    }

    /// Below a home folder, without any variable, for tests.
    #[must_use]
    pub fn under(home: &Path) -> Self {
        Self::with(home.to_owned(), |_| None)
    }

    /// The same, with a vault of Obsidian.
    #[must_use]
    pub fn in_vault(mut self, vault: PathBuf) -> Self {
        self.vault = Some(vault);
        self
    }

    fn with(home: PathBuf, variable: impl Fn(&str) -> Option<PathBuf>) -> Self {
        let folder = |name: &str| variable(name).filter(|path| path.is_absolute());
        let config = folder("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
        let (zed, code) = editors(&home, &config, folder("APPDATA"));
        Self {
            claude: folder("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.join(".claude")),
            codex: folder("CODEX_HOME").unwrap_or_else(|| home.join(".codex")),
            opencode: config.join("opencode"),
            continues: folder("CONTINUE_GLOBAL_DIR").unwrap_or_else(|| home.join(".continue")),
            zed,
            code,
            vault: None,
        }
    }
}

#[cfg(not(any(target_os = "macos", windows)))]
fn editors(_: &Path, config: &Path, _: Option<PathBuf>) -> (PathBuf, PathBuf) {
    (config.join("zed"), config.join("Code/User"))
}

#[cfg(target_os = "macos")]
fn editors(home: &Path, _: &Path, _: Option<PathBuf>) -> (PathBuf, PathBuf) {
    (home.join(".config/zed"), home.join("Library/Application Support/Code/User"))
}

#[cfg(windows)]
fn editors(home: &Path, _: &Path, roaming: Option<PathBuf>) -> (PathBuf, PathBuf) {
    let roaming = roaming.unwrap_or_else(|| home.join("AppData").join("Roaming"));
    (roaming.join("Zed"), roaming.join("Code").join("User"))
}

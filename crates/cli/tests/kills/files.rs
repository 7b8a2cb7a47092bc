//! Targets that write other files: a download and the settings. The source of the download is the test hub;
//! the settings file must hold one of the two values that were set.
use std::path::{Path, PathBuf};
use std::process::Child;

use tempfile::TempDir;
use testkit::TestHub;

use crate::Target;
use crate::fixture::cli;
use crate::hub::{self, MODEL, WEIGHTS};

/// Enough that a transfer takes long enough to be killed.
const BYTES: usize = 6_000_000;
/// Number of kills of one download before it may finish.
const KILLS_PER_DOWNLOAD: usize = 8;

/// A download that is resumed after each kill.
pub struct Pull {
    _hub: TestHub,
    data: TempDir,
    bytes: Vec<u8>,
    runs: usize,
}

fn expected() -> Vec<u8> {
    (0..BYTES).map(|at| (at * 31 + at / 4096) as u8).collect()
}

impl Pull {
    pub async fn new() -> Self {
        let bytes = expected();
        let (hub, data) = hub::serve(&bytes).await;
        Self { _hub: hub, data, bytes, runs: 0 }
    }

    fn command(&self) -> std::process::Command {
        let source = ["pull", MODEL, "--variant", "bf16", "--source", "hugging-face", "--json"];
        let mut command = cli(self.data.path(), &source);
        command.env("NO_PROXY", "*").stdout(std::process::Stdio::null());
        command
    }

    /// Every weight file under the models folder, whatever its path.
    fn weight_files(&self) -> Vec<PathBuf> {
        fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, found);
                } else if path.file_name().is_some_and(|name| name == WEIGHTS) {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.data.path().join("models"), &mut found);
        found
    }
}

impl Target for Pull {
    fn name(&self) -> &'static str {
        "pull"
    }

    fn percent(&self) -> usize {
        8
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        self.command().spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("pull {}", self.runs);
        for path in self.weight_files() {
            assert!(std::fs::read(&path).expect("reads") == self.bytes, "{when}: {}", path.display());
        }
        if killed && !self.runs.is_multiple_of(KILLS_PER_DOWNLOAD) {
            return;
        }
        assert!(self.command().status().expect("it runs").success(), "{when}: it does not go on");
        let found = self.weight_files();
        assert_eq!(found.len(), 1, "{when}: {found:?}");
        assert!(std::fs::read(&found[0]).expect("reads") == self.bytes, "{when}: other bytes");
        std::fs::remove_dir_all(self.data.path().join("models")).expect("is removed");
    }
}

/// Settings that are saved repeatedly.
pub struct Settings {
    data: TempDir,
    runs: usize,
    before: String,
}

impl Settings {
    pub fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let set = cli(data.path(), &["connections", "proxy", "http://proxy-0.example:1"]).status();
        assert!(set.expect("it runs").success());
        let before = "http://proxy-0.example:1".to_owned();
        Self { data, runs: 0, before }
    }

    fn address(&self) -> String {
        format!("http://proxy-{}.example:1", self.runs)
    }
}

impl Target for Settings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn percent(&self) -> usize {
        8
    }

    fn start(&mut self) -> Child {
        self.runs += 1;
        cli(self.data.path(), &["connections", "proxy", &self.address()]).spawn().expect("it starts")
    }

    fn check(&mut self, _: Child, killed: bool) {
        let when = format!("settings {}", self.runs);
        let text = std::fs::read_to_string(self.data.path().join("settings.toml")).expect("are there");
        let has = |address: &str| text.contains(&format!("proxy_address = \"{address}\""));
        let (old, new) = (has(&self.before), has(&self.address()));
        assert!(new || (old && killed), "{when}: {text}");
        assert!(text.lines().count() > 8, "{when}: only half: {text}");
        if new {
            self.before = self.address();
        }
    }
}

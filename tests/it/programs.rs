//! The real programs as a user starts them: which, on what data, in which language, and their output.
//! They must be built before; a test never builds one and never uses the data folder of the user.
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::host::{engine_binary, root};

/// Both languages, as values of `LANG`.
pub const LANGS: [&str; 2] = ["en_US.UTF-8", "zh_CN.UTF-8"];

/// The output and the exit code of a program.
#[derive(Debug)]
pub struct ProgramOutput {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl ProgramOutput {
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts that the program failed with this code, a message and a next step in this language.
    pub fn refused(&self, lang: &str, code: &str, english: &str, chinese: &str) {
        let title = if lang.starts_with("zh") { chinese } else { english };
        let next =
            self.err.lines().any(|line| line.trim_start().starts_with('→') && line.chars().count() > 8);
        assert_ne!(self.code, Some(0), "{self:?}");
        assert!(self.err.contains(title), "no `{title}` in {self:?}");
        assert!(next, "no next step in {self:?}");
        assert!(self.err.contains(&format!("[{code}]")), "no `{code}` in {self:?}");
    }
}

/// A program of the same build.
pub fn beside(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let program = test.ancestors().nth(2).expect("tests are in target/debug/deps").join(name);
    assert!(program.is_file(), "build it first: cargo build --workspace ({})", program.display());
    program
}

/// `whaledeck-cli` with its own data folder, the real worker and the real Guide model.
pub fn cli(data: &Path, lang: &str) -> Command {
    let mut command = Command::new(beside("whaledeck-cli"));
    command
        .env("WHALEDECK_DATA", data)
        .env("WHALEDECK_ENGINE", engine_binary())
        .env("WHALEDECK_GUIDE", root().join("assets/guide-model"))
        .env("LANG", lang)
        .env_remove("LC_ALL")
        .env_remove("LC_MESSAGES")
        .stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> ProgramOutput {
    ProgramOutput::of(command.output().expect("the program starts"))
}

/// A copy of the Guide's files, to be damaged.
pub fn guide_copy(folder: &Path) -> PathBuf {
    let copy = folder.join("broken");
    std::fs::create_dir_all(&copy).expect("is made");
    for entry in std::fs::read_dir(root().join("assets/guide-model")).expect("the Guide is there") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("is copied");
    }
    copy
}

/// Parses one JSON value per line.
pub fn lines<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

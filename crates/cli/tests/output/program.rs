//! The program on an empty data folder, and its output without what differs between computers.
//! The engine and the Guide are missing on purpose: no command of these tests starts a model.
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The values of `--lang`.
pub const LANGS: [&str; 2] = ["en", "zh"];

/// A data folder of its own.
pub struct Program {
    data: TempDir,
}

impl Program {
    pub fn new() -> Self {
        Self { data: tempfile::tempdir().expect("a folder") }
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Exit code, standard output and standard error as one text.
    pub fn transcript(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        let text = |bytes: &[u8]| self.stable(&String::from_utf8_lossy(bytes));
        let code = output.status.code().map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!(
            "$ whaledeck-cli {}\n{}{}[exit code {code}]\n",
            self.stable(&args.join(" ")),
            text(&output.stdout),
            text(&output.stderr)
        )
    }

    /// The standard output of a run that succeeds.
    pub fn stdout(&self, args: &[&str]) -> String {
        self.stdout_with(args, "")
    }

    /// As `stdout`, with this text on the standard input.
    pub fn stdout_with(&self, args: &[&str], input: &str) -> String {
        let output = self.run(args, input);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        self.stable(&String::from_utf8_lossy(&output.stdout))
    }

    fn run(&self, args: &[&str], input: &str) -> Output {
        let missing = self.data().join("missing");
        let mut child = Command::new(env!("CARGO_BIN_EXE_whaledeck-cli"))
            .args(args)
            .current_dir(self.data())
            .env("WHALEDECK_DATA", self.data())
            .env("WHALEDECK_ENGINE", missing.join("engine"))
            .env("WHALEDECK_GUIDE", missing.join("guide"))
            .env("WHALEDECK_KEYS", "file")
            .env_remove("HF_TOKEN")
            .env_remove("MODELSCOPE_API_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        // A program that does not read its standard input may end before this.
        let _ = child.stdin.take().expect("is piped").write_all(input.as_bytes());
        child.wait_with_output().expect("the program ends")
    }

    /// Replaces the data folder, the error texts of the operating system, and the extension of programs on
    /// Windows.
    fn stable(&self, text: &str) -> String {
        let mut text = text.replace("\r\n", "\n").replace("whaledeck-cli.exe", "whaledeck-cli");
        let canonical = std::fs::canonicalize(self.data()).expect("the folder is there");
        for folder in [canonical.as_path(), self.data()] {
            text = text.replace(&*folder.to_string_lossy(), "[data]");
        }
        text.replace("[data]\\", "[data]/").split_inclusive('\n').map(without_os_error).collect()
    }
}

/// `…: No such file or directory (os error 2) …` as `…: [os error] …`.
fn without_os_error(line: &str) -> String {
    let Some((before, after)) = line.split_once(" (os error ") else { return line.to_owned() };
    let (start, _) = before.rsplit_once(": ").unwrap_or((before, ""));
    let (_, rest) = after.split_once(')').unwrap_or(("", after));
    format!("{start}: [os error]{rest}")
}

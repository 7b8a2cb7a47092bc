//! The scripts that hosts run, in shellcheck: they are read by any POSIX shell.
//! It is skipped where shellcheck is not installed.
#[path = "../../plan/tests/checkers/program.rs"]
mod program;

use std::path::Path;
use std::process::Command;

use program::checker;

#[test]
fn the_scripts_of_hosts_pass_shellcheck() {
    let Some(program) = checker("shellcheck") else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/remote/scripts");
    let scripts = std::fs::read_dir(folder).expect("is there").map(|one| one.expect("is read").path());
    // SC2154: the variables that are set before a script are not in its file.
    let output = Command::new(program).args(["-s", "sh", "-e", "SC2154"]).args(scripts).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

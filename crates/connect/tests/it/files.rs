//! Links, modes and line ends of the files.
//! Symbolic links stay links, and line ends those of the file.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use connect::{ConnectError, Program};

use crate::{Home, existing, server, with_files};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("is set");
}

#[test]
fn a_new_file_is_the_owners_and_an_old_one_keeps_its_mode() {
    for program in with_files() {
        let home = Home::empty();
        home.connect(program, &server());
        assert_eq!(mode(&home.file(program)), 0o600, "{program:?}");
        home.undo(program).expect("is undone");
        home.write(program, existing(program));
        for wanted in [0o644, 0o640, 0o600, 0o755] {
            set_mode(&home.file(program), wanted);
            home.connect(program, &server());
            assert_eq!(mode(&home.file(program)), wanted, "{program:?}");
            home.undo(program).expect("is undone");
            assert_eq!(mode(&home.file(program)), wanted, "{program:?}");
        }
        home.connect(program, &server());
        let record = home.backups().join(format!("{}.json", program.id()));
        assert_eq!((mode(&record), mode(&home.backups())), (0o600, 0o700), "it has the key");
    }
}

#[test]
fn a_file_that_may_not_be_written_is_refused() {
    let home = Home::empty();
    home.write(Program::Codex, existing(Program::Codex));
    set_mode(&home.file(Program::Codex), 0o444);
    let change = home.plan(Program::Codex, &server()).expect("is planned");
    let error = change.apply(&home.backups()).expect_err("read-only");
    assert!(error.to_string().ends_with("could not be written: it is read-only."), "{error}");
    assert_eq!(home.read(Program::Codex), existing(Program::Codex));
    assert!(
        matches!(home.undo(Program::Codex), Err(ConnectError::NothingToUndo { .. })),
        "the record is gone too"
    );
}

#[test]
fn a_link_is_followed_and_stays() {
    for program in with_files() {
        let home = Home::empty();
        let (link, real) = (home.file(program), home.backups().with_file_name("dotfiles"));
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("is made");
        std::fs::create_dir(&real).expect("is made");
        // By way of a second link, which is relative to its folder.
        symlink("real", real.join("second")).expect("is linked");
        symlink(real.join("second"), &link).expect("is linked");
        for text in [Some(existing(program)), None] {
            match text {
                Some(text) => std::fs::write(real.join("real"), text).expect("is written"),
                None => std::fs::remove_file(real.join("real")).expect("is removed"),
            }
            home.connect(program, &server());
            assert!(link.is_symlink() && real.join("second").is_symlink(), "{program:?}");
            assert!(
                std::fs::read_to_string(real.join("real")).expect("reads").contains("8080"),
                "{program:?}"
            );
            home.undo(program).expect("is undone");
            assert!(link.is_symlink(), "{program:?}");
            assert_eq!(std::fs::read_to_string(real.join("real")).ok().as_deref(), text, "{program:?}");
        }
    }
    let home = Home::empty();
    let link = home.file(Program::Codex);
    std::fs::create_dir_all(link.parent().expect("a folder")).expect("is made");
    symlink(&link, &link).expect("is linked");
    assert!(home.plan(Program::Codex, &server()).is_err(), "a link to itself");
}

#[test]
fn marks_and_line_ends_stay() {
    for program in with_files() {
        let home = Home::empty();
        let text = format!("\u{feff}{}", existing(program).replace('\n', "\r\n"));
        home.write(program, &text);
        let after = home.connect(program, &server()).after;
        assert!(after.starts_with('\u{feff}'), "{program:?}");
        assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{program:?}");
        home.undo(program).expect("is undone");
        assert_eq!(home.read(program), text, "{program:?}");
    }
}

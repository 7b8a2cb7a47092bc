//! The style that no formatter holds: width of comments, headers of files, one layout of modules and tests,
//! no dependency that is not used, sentences in the catalogue only, and subjects of commits that a log can
//! show. It reads the sources and takes a second.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The width of a line of code (rustfmt.toml) and of a comment.
const WIDTH: usize = 110;
/// The last commit before subjects were held to a length.
const FIRST_COMMIT: &str = "5620196";
const SUBJECT_WIDTH: usize = 72;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = ["crates", "src-tauri", "tests/it", "fuzz"].map(|folder| root().join(folder)).to_vec();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources").flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 400, "only {} sources were found", files.len());
    files
}

/// Fails with every offender at once.
fn none(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n{}", offenders.join("\n"));
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn comments_fit_the_width_of_code() {
    let mut wide = Vec::new();
    for path in sources() {
        for (at, line) in read(&path).lines().enumerate() {
            if line.trim_start().starts_with("//") && line.chars().count() > WIDTH {
                wide.push(format!("{}:{}", name(&path), at + 1));
            }
        }
    }
    none(&format!("a comment has at most {WIDTH} columns"), &wide);
}

#[test]
fn a_file_begins_with_what_it_does() {
    let mut bare = Vec::new();
    for path in sources() {
        let lines = read(&path).lines().take_while(|line| line.starts_with("//!")).count();
        // The header of unit tests is that of the module they test.
        if lines < 2 && path.file_name().is_some_and(|file| file != "tests.rs") {
            bare.push(format!("{}: {lines} lines", name(&path)));
        }
    }
    none("a file begins with two to six lines of `//!`", &bare);
}

#[test]
fn a_module_with_a_folder_is_mod_rs() {
    let beside = |path: &PathBuf| path.with_extension("").is_dir();
    let offenders: Vec<String> =
        sources().iter().filter(|path| beside(path)).map(|path| name(path)).collect();
    none("a module with a folder is `mod.rs` in it", &offenders);
}

#[test]
fn unit_tests_are_inline_or_in_tests_rs() {
    let mut offenders = Vec::new();
    for path in sources() {
        let text = read(&path);
        // Test programs share files by their path; a library does not.
        let library = path.components().any(|part| part.as_os_str() == "src");
        if library && text.contains("#[path") {
            offenders.push(format!("{}: #[path]", name(&path)));
        }
        if path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("_tests")) {
            offenders.push(format!("{}: name", name(&path)));
        }
    }
    none("unit tests are `mod tests` in the file or in `tests.rs` of its folder", &offenders);
}

#[test]
fn every_dependency_is_used() {
    let mut unused = Vec::new();
    let mut named = BTreeSet::new();
    let crates =
        std::fs::read_dir(root().join("crates")).expect("crates").flatten().map(|entry| entry.path());
    for folder in crates.chain([root().to_owned()]) {
        let manifest: toml::Table = read(&folder.join("Cargo.toml")).parse().expect("a manifest");
        let desktop = folder == root();
        let text: String = sources()
            .iter()
            .filter(|path| match desktop {
                true => path.starts_with(root().join("src-tauri")) || path.starts_with(root().join("tests")),
                false => path.starts_with(&folder),
            })
            .map(|path| read(path))
            .collect();
        for dependency in dependencies(&toml::Value::Table(manifest)) {
            let symbol = dependency.replace('-', "_");
            if !text.contains(&symbol) {
                unused.push(format!("{}: {dependency}", name(&folder.join("Cargo.toml"))));
            }
            named.insert(dependency);
        }
    }
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().expect("a manifest");
    let offered = workspace["workspace"]["dependencies"].as_table().expect("dependencies");
    unused.extend(offered.keys().filter(|key| !named.contains(*key)).map(|key| format!("workspace: {key}")));
    none("a dependency is named in the sources", &unused);
}

/// The dependencies of a manifest, for tests, builds and single platforms too, except those of the
/// workspace's list.
fn dependencies(manifest: &toml::Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in manifest.as_table().into_iter().flatten() {
        match key.as_str() {
            "dependencies" | "dev-dependencies" | "build-dependencies" => {
                found.extend(value.as_table().into_iter().flatten().map(|(name, _)| name.clone()));
            }
            "target" => {
                found.extend(value.as_table().into_iter().flatten().flat_map(|(_, it)| dependencies(it)));
            }
            _ => {}
        }
    }
    found
}

/// Where Chinese text outside of assets/messages is, and why. ui/tests/chinese.test.ts has those of the page.
const CHINESE: &[(&str, &str)] = &[
    ("crates/messages/src/template.rs", "it looks for the brackets of a sentence"),
    ("crates/messages/src/catalogue.rs", "its check looks for exclamation marks"),
    ("crates/app/src/images/target.rs", "it reads which image a question is about"),
    ("crates/app/src/documents/passages.rs", "it looks for the ends of sentences"),
    ("crates/documents/src/", "names of styles in Word's files"),
    ("crates/text/src/", "markers of chat templates"),
    ("crates/testkit/src/", "texts and templates for tests"),
    ("fuzz/src/", "texts for tests"),
    ("crates/xtask/src/", "for those who build it"),
];

#[test]
fn a_sentence_is_in_the_catalogue() {
    let ranges = ['\u{3000}'..='\u{303f}', '\u{4e00}'..='\u{9fff}', '\u{ff00}'..='\u{ffef}'];
    let chinese = |letter: char| ranges.iter().any(|range| range.contains(&letter));
    let (mut offenders, mut used) = (Vec::new(), BTreeSet::new());
    for path in sources() {
        let file = name(&path);
        let test = !file.contains("src/") || file.ends_with("tests.rs") || file.contains("test_app");
        let text = read(&path);
        let program = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut lines = program.lines().filter(|line| !line.trim_start().starts_with("//"));
        if test || !lines.any(|line| line.contains(chinese)) {
            continue;
        }
        match CHINESE.iter().find(|(place, _)| file.starts_with(place)) {
            Some((place, _)) => _ = used.insert(*place),
            None => offenders.push(file),
        }
    }
    none("Chinese text is in assets/messages, where its English is", &offenders);
    let idle: Vec<String> = CHINESE
        .iter()
        .map(|(place, _)| (*place).to_owned())
        .filter(|place| !used.contains(place.as_str()))
        .collect();
    none("an exception that is needed no more", &idle);
}

#[test]
fn a_commit_has_a_short_subject_and_a_reason() {
    let range = format!("{FIRST_COMMIT}..HEAD");
    let log = Command::new("git")
        .args(["log", "--no-merges", "--format=%h%x1f%s%x1f%b%x1e", &range])
        .current_dir(root())
        .output();
    let Some(log) = log.ok().filter(|log| log.status.success()) else {
        println!("not run: no history here");
        return;
    };
    let mut offenders = Vec::new();
    for commit in String::from_utf8_lossy(&log.stdout).split('\u{1e}') {
        let mut parts = commit.trim().split('\u{1f}');
        let (Some(hash), Some(subject), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        if subject.chars().count() > SUBJECT_WIDTH {
            offenders.push(format!("{hash}: {} columns", subject.chars().count()));
        }
        if body.trim().is_empty() {
            offenders.push(format!("{hash}: no reason in the body"));
        }
    }
    none(&format!("a commit's subject has at most {SUBJECT_WIDTH} columns, its body the reason"), &offenders);
}

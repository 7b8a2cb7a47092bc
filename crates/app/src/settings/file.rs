//! The settings file: TOML with a version, replaced whole by a rename. It is read line by line where it has to be, so that a
//! value that cannot be used costs that line and no other; each is named, and the file as it was is kept beside. Knows no page.
use std::path::Path;

use contract::{ErrorCode, ErrorView, SettingsView};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::check;
use crate::convert::storage_error;
use crate::files;

const VERSION: u32 = 1;
/// Lines that one value may take.
const LONGEST_VALUE: usize = 40;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    settings: SettingsView,
}

/// What was found, and the trouble with it if there was any.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub settings: SettingsView,
    pub problem: Option<ErrorView>,
    /// The file has more than was understood, and no copy of it could be kept: it must not be written over.
    pub unkept: bool,
}

/// `defaults` stand where the file says nothing that can be used.
pub(crate) fn load(path: &Path, defaults: SettingsView) -> Loaded {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Loaded { settings: defaults, problem: None, unkept: false };
        }
        Err(error) => {
            let problem = Some(storage_error("read the settings", path, &error));
            return Loaded { settings: defaults, problem, unkept: true };
        }
    };
    let Read { settings, bad, any } = read(&bytes, defaults);
    if bad.is_empty() {
        return Loaded { settings, problem: None, unkept: false };
    }
    let code = if any { ErrorCode::SettingsLinesUnreadable } else { ErrorCode::SettingsUnreadable };
    let lines = bad.join(", ");
    let problem = ErrorView::new(code, format!("read the settings: {lines}")).with("lines", lines);
    let kept = files::keep_copy(path).and_then(|aside| {
        // What was understood is in force at the next start, too.
        save(path, &settings).map_err(|error| std::io::Error::other(error.message))?;
        Ok(aside)
    });
    match kept {
        Ok(aside) => Loaded { settings, problem: Some(problem.with("path", aside.display())), unkept: false },
        Err(_) => Loaded { settings, problem: Some(problem.with("path", path.display())), unkept: true },
    }
}

pub(crate) fn save(path: &Path, settings: &SettingsView) -> Result<(), ErrorView> {
    let text = toml::to_string_pretty(&File { version: VERSION, settings: settings.clone() })
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("write the settings: {error}")))?;
    files::replace(path, text.as_bytes()).map_err(|error| storage_error("write the settings", path, &error))
}

struct Read {
    settings: SettingsView,
    /// What could not be used, as a person finds it in the file.
    bad: Vec<String>,
    /// Whether anything could.
    any: bool,
}

/// A file of an earlier version of the app lacks the newer settings: those begin as they are at first.
fn read(bytes: &[u8], defaults: SettingsView) -> Read {
    let Entries { values, mut bad } = entries(bytes);
    let mut read = Read { settings: defaults, bad: Vec::new(), any: false };
    if let Some(version) = values.get("version").and_then(Value::as_integer)
        && version != i64::from(VERSION)
    {
        // The same names may mean something else there.
        bad.push(format!("version = {version}"));
        return Read { bad, ..read };
    }
    for (name, value) in values.iter().filter(|(name, _)| *name != "version") {
        read.put(&[name], value, &mut bad);
    }
    if !values.get("version").is_some_and(Value::is_integer) {
        bad.push("version".into());
    }
    Read { bad, ..read }
}

impl Read {
    /// A group that cannot be used as a whole is taken value by value.
    fn put(&mut self, path: &[&str], value: &Value, bad: &mut Vec<String>) {
        if let Some(settings) = with(&self.settings, path, value) {
            (self.settings, self.any) = (settings, true);
            return;
        }
        match value.as_table().filter(|group| !group.is_empty()) {
            Some(group) => {
                for (name, value) in group {
                    self.put(&[path, &[name]].concat(), value, bad);
                }
            }
            None => bad.push(shown(&path.join("."), value)),
        }
    }
}

/// The settings with this one changed, when they can be used then.
fn with(settings: &SettingsView, path: &[&str], value: &Value) -> Option<SettingsView> {
    let mut table = Table::try_from(settings).ok()?;
    let (name, groups) = path.split_last()?;
    let group = groups.iter().try_fold(&mut table, |group, name| {
        group.entry(*name).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
    });
    group?.insert((*name).to_owned(), value.clone());
    let changed: SettingsView = table.try_into().ok()?;
    // Where the defaults themselves would be refused, this line is not to blame.
    (check(&changed).is_ok() || check(settings).is_err()).then_some(changed)
}

struct Entries {
    values: Table,
    bad: Vec<String>,
}

/// Every `name = value` that is TOML by itself, where the file as a whole is none.
fn entries(bytes: &[u8]) -> Entries {
    if let Some(values) = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str(text).ok()) {
        return Entries { values, bad: Vec::new() };
    }
    let lines: Vec<Option<&str>> =
        bytes.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok()).collect();
    let (mut all, mut at) = (Entries { values: Table::new(), bad: Vec::new() }, 0);
    // The group that a line belongs to; none after a heading that cannot be read.
    let mut heading = Some("");
    while at < lines.len() {
        if let Some(line) = lines[at].filter(|line| line.trim_start().starts_with('[')) {
            heading = toml::from_str::<Table>(line).is_ok().then_some(line);
        }
        let ends = at + 1..=lines.len().min(at + LONGEST_VALUE);
        let whole = heading.and_then(|heading| {
            ends.clone().find_map(|end| {
                let value = lines[at..end].iter().copied().collect::<Option<Vec<&str>>>()?.join("\n");
                let text = if value == heading { value } else { format!("{heading}\n{value}") };
                toml::from_str::<Table>(&text).ok().map(|values| (end, values))
            })
        });
        match whole {
            Some((end, values)) => {
                merge(&mut all.values, values, &mut all.bad);
                at = end;
            }
            None => {
                all.bad.extend(named(at, lines[at]));
                at += 1;
            }
        }
    }
    all
}

/// The first of two with one name holds.
fn merge(into: &mut Table, from: Table, bad: &mut Vec<String>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Table(known)), Value::Table(more)) => merge(known, more, bad),
            (Some(_), value) => bad.push(shown(&name, &value)),
            (None, value) => drop(into.insert(name, value)),
        }
    }
}

/// A line that is no TOML: the name before its `=`, or its number. Nothing for one without a word.
fn named(at: usize, line: Option<&str>) -> Option<String> {
    if line.is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return None;
    }
    let name = line.and_then(|line| line.split_once('=')).map(|(name, _)| name.trim());
    let plain = |name: &&str| {
        let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        !name.is_empty() && name.len() <= 40 && name.chars().all(letters)
    };
    Some(name.filter(plain).map_or_else(|| format!("#{}", at + 1), str::to_owned))
}

/// As it stands in the file. The address of a proxy may hold a password and is not repeated.
fn shown(name: &str, value: &Value) -> String {
    let text = value.to_string();
    if name.starts_with("proxy") || text.chars().count() > 60 {
        name.to_owned()
    } else {
        format!("{name} = {text}")
    }
}

#[cfg(test)]
mod tests {
    use contract::{Language, Theme};

    use super::super::defaults;
    use super::*;

    fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("settings.toml");
        (folder, path)
    }

    fn chosen() -> SettingsView {
        SettingsView {
            theme: Theme::Dark,
            language: Language::Zh,
            welcomed: true,
            send_with_enter: false,
            ..defaults(Path::new("/models"))
        }
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let (folder, _) = folder();
        let path = folder.path().join("new/settings.toml");
        save(&path, &chosen()).expect("is saved");
        let loaded = load(&path, defaults(Path::new("/other")));
        assert_eq!((loaded.settings, loaded.problem, loaded.unkept), (chosen(), None, false));
    }

    #[test]
    fn a_file_of_an_earlier_version_of_the_app_keeps_its_settings() {
        let (_folder, path) = folder();
        save(&path, &chosen()).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let older: String =
            text.lines().filter(|line| !line.starts_with("proxy")).collect::<Vec<_>>().join("\n");
        assert!(older.len() < text.len());
        std::fs::write(&path, older).expect("is written");
        let loaded = load(&path, defaults(Path::new("/other")));
        assert_eq!((loaded.problem, loaded.settings), (None, chosen()));
    }

    #[test]
    fn a_bad_value_costs_its_own_line_and_is_named() {
        let (_folder, path) = folder();
        save(&path, &chosen()).expect("is saved");
        let good = std::fs::read_to_string(&path).expect("is there");
        let theme = SettingsView { theme: Theme::System, ..chosen() };
        let welcomed = SettingsView { welcomed: false, ..chosen() };
        let models = |path: &str| defaults(Path::new(path)).models_dir;
        let models = SettingsView { models_dir: models("/other"), ..chosen() };
        let both = SettingsView { welcomed: false, theme: Theme::System, ..chosen() };
        type Case<'a> = (&'a [(&'a str, &'a str)], SettingsView, &'a [&'a str]);
        let cases: [Case<'_>; 9] = [
            (&[("theme = \"dark\"", "theme = \"purple\"")], theme.clone(), &["theme = \"purple\""]),
            (&[("theme = \"dark\"", "theme = 7")], theme.clone(), &["theme = 7"]),
            (&[("theme = \"dark\"", "theme = \"dark")], theme.clone(), &["theme"]),
            (&[("theme = \"dark\"", "theme =")], theme.clone(), &["theme"]),
            (&[("theme = \"dark\"", "so dark here")], theme.clone(), &["#"]),
            (&[("welcomed = true", "welcomed = \"yes\"")], welcomed, &["welcomed = \"yes\""]),
            // What the page would refuse is refused here, too: else nothing could be saved any more.
            (&[("\"/models\"", "\"models\"")], models, &["models_dir = \"models\""]),
            (
                &[("theme = \"dark\"", "theme = \"dark\"\ntheme = \"light\"")],
                chosen(),
                &["theme = \"light\""],
            ),
            (
                &[("theme = \"dark\"", "theme = \"purple\""), ("welcomed = true", "welcomed = ")],
                both,
                &["theme = \"purple\"", "welcomed"],
            ),
        ];
        for (changes, wanted, names) in cases {
            let mut text = good.clone();
            for (from, to) in changes {
                assert!(text.contains(from), "{from} in {text}");
                text = text.replace(from, to);
            }
            std::fs::write(&path, &text).expect("is written");
            let loaded = load(&path, defaults(Path::new("/other")));
            assert_eq!(loaded.settings, wanted, "{text}");
            let problem = loaded.problem.expect("is said");
            assert_eq!(problem.code, ErrorCode::SettingsLinesUnreadable);
            for name in names {
                assert!(problem.detail["lines"].contains(name), "{name} in {:?}", problem.detail);
            }
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("is kept"), text);
            let again = load(&path, defaults(Path::new("/other")));
            assert_eq!((again.settings, again.problem), (wanted, None), "said once, and in force later, too");
        }
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_line() {
        let (_folder, path) = folder();
        save(&path, &chosen()).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let mut bytes = text.replace("\"/models\"", "\"/m\u{1}dels\"").into_bytes();
        for byte in &mut bytes {
            if *byte == 1 {
                *byte = 0xff;
            }
        }
        std::fs::write(&path, &bytes).expect("is written");
        let loaded = load(&path, defaults(Path::new("/other")));
        let other = defaults(Path::new("/other")).models_dir;
        assert_eq!(loaded.settings, SettingsView { models_dir: other, ..chosen() });
        assert_eq!(std::fs::read(&loaded.problem.expect("is said").detail["path"]).expect("is kept"), bytes);
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let (_folder, path) = folder();
        save(&path, &chosen()).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let secret = text.replace("proxy_address = \"\"", "proxy_address = \"http://me:hunter2@proxy:1\"");
        assert_ne!(secret, text);
        for text in [secret.clone(), secret.replace("@proxy:1\"", "@proxy:1")] {
            std::fs::write(&path, text).expect("is written");
            let loaded = load(&path, defaults(Path::new("/other")));
            let problem = loaded.problem.expect("is said");
            assert!(!format!("{problem:?}").contains("hunter2"), "{problem:?}");
            assert!(problem.detail["lines"].contains("proxy_address"));
        }
    }

    #[test]
    fn a_file_of_which_nothing_is_understood_is_kept_and_reported() {
        let (_folder, path) = folder();
        for text in
            ["version = 1\nlanguage = ", "version = 7\ntheme = \"dark\"", "\u{0}\u{7}\u{3}", "{\"a\": 1}"]
        {
            std::fs::write(&path, text).expect("is written");
            let loaded = load(&path, defaults(Path::new("/models")));
            assert_eq!(loaded.settings, defaults(Path::new("/models")), "{text}");
            let problem = loaded.problem.expect("it is reported");
            assert_eq!(problem.code, ErrorCode::SettingsUnreadable);
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("was kept"), text);
        }
    }

    #[test]
    fn what_could_not_be_read_or_kept_is_not_written_over() {
        let (_folder, path) = folder();
        std::fs::create_dir(&path).expect("a folder of this name");
        let loaded = load(&path, defaults(Path::new("/models")));
        assert!(loaded.unkept && loaded.problem.is_some());
    }
}

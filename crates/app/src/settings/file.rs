//! The settings file: TOML with a version, replaced atomically. A file that is not valid TOML is read line by
//! line, so that an invalid value costs only its own line. Each invalid line is named, and the old file is
//! kept under another name. Knows no page.
use std::path::Path;

use contract::{ErrorCode, ErrorView, SettingsView};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::check;
use crate::convert::storage_error;

pub(crate) const SETTINGS_FILE: &str = "settings.toml";
const VERSION: u32 = 1;
/// The most lines of one value.
const MAX_VALUE_LINES: usize = 40;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    settings: SettingsView,
}

/// The settings of the file, and the error of lines that are not valid.
#[derive(Debug)]
pub(crate) struct LoadedSettings {
    pub settings: SettingsView,
    pub problem: Option<ErrorView>,
    /// The file has values that could not be read, and no copy of it could be kept: it must not be
    /// overwritten.
    pub protected: bool,
}

/// `defaults` are used where the file has no valid value.
pub(crate) fn load(path: &Path, defaults: SettingsView) -> LoadedSettings {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return LoadedSettings { settings: defaults, problem: None, protected: false };
        }
        Err(error) => {
            let problem = Some(storage_error("read the settings", path, &error));
            return LoadedSettings { settings: defaults, problem, protected: true };
        }
    };
    let ParsedSettings { settings, invalid, any_valid } = parse(&bytes, defaults);
    if invalid.is_empty() {
        return LoadedSettings { settings, problem: None, protected: false };
    }
    let code = if any_valid { ErrorCode::SettingsLinesUnreadable } else { ErrorCode::SettingsUnreadable };
    let lines = invalid.join(", ");
    let problem = ErrorView::new(code, format!("read the settings: {lines}")).with("lines", lines);
    let kept = store::keep_copy(path).and_then(|aside| {
        // The valid values are also used at the next start.
        save(path, &settings).map_err(|error| std::io::Error::other(error.message))?;
        Ok(aside)
    });
    match kept {
        Ok(aside) => LoadedSettings {
            settings,
            problem: Some(problem.with("path", aside.display())),
            protected: false,
        },
        Err(_) => {
            LoadedSettings { settings, problem: Some(problem.with("path", path.display())), protected: true }
        }
    }
}

pub(crate) fn save(path: &Path, settings: &SettingsView) -> Result<(), ErrorView> {
    let text = toml::to_string_pretty(&File { version: VERSION, settings: settings.clone() })
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("write the settings: {error}")))?;
    store::replace(path, text.as_bytes()).map_err(|error| storage_error("write the settings", path, &error))
}

/// The values of a file.
struct ParsedSettings {
    settings: SettingsView,
    /// Lines that are not valid, as they are found in the file.
    invalid: Vec<String>,
    any_valid: bool,
}

/// A file of an earlier version of the app lacks the newer settings, which get their defaults.
fn parse(bytes: &[u8], defaults: SettingsView) -> ParsedSettings {
    let Entries { values, mut invalid } = entries(bytes);
    let mut parsed = ParsedSettings { settings: defaults, invalid: Vec::new(), any_valid: false };
    if let Some(version) = values.get("version").and_then(Value::as_integer)
        && version != i64::from(VERSION)
    {
        // The same names may have another meaning in that version.
        invalid.push(format!("version = {version}"));
        return ParsedSettings { invalid, ..parsed };
    }
    for (name, value) in values.iter().filter(|(name, _)| *name != "version") {
        match value {
            // Version 0.1 kept the length of a model's context only.
            Value::Table(contexts) if name == "contexts" => {
                for (model_id, context) in contexts {
                    parsed.set(&["models", model_id, "context"], context, &mut invalid);
                }
            }
            value => parsed.set(&[name], value, &mut invalid),
        }
    }
    if !values.get("version").is_some_and(Value::is_integer) {
        invalid.push("version".into());
    }
    ParsedSettings { invalid, ..parsed }
}

impl ParsedSettings {
    /// A table that is not valid as a whole is applied value by value.
    fn set(&mut self, path: &[&str], value: &Value, invalid: &mut Vec<String>) {
        if let Some(settings) = with(&self.settings, path, value) {
            (self.settings, self.any_valid) = (settings, true);
            return;
        }
        match value.as_table().filter(|group| !group.is_empty()) {
            Some(group) => {
                for (name, value) in group {
                    self.set(&[path, &[name]].concat(), value, invalid);
                }
            }
            None => invalid.push(line_text(&path.join("."), value)),
        }
    }
}

/// The settings with this value changed, if they are then valid.
fn with(settings: &SettingsView, path: &[&str], value: &Value) -> Option<SettingsView> {
    let mut table = Table::try_from(settings).ok()?;
    let (name, groups) = path.split_last()?;
    let group = groups.iter().try_fold(&mut table, |group, name| {
        group.entry(*name).or_insert_with(|| Value::Table(Table::new())).as_table_mut()
    });
    group?.insert((*name).to_owned(), value.clone());
    let changed: SettingsView = table.try_into().ok()?;
    // Where the settings before the change are not valid either, this line is not the reason.
    (check(&changed).is_ok() || check(settings).is_err()).then_some(changed)
}

struct Entries {
    values: Table,
    invalid: Vec<String>,
}

/// The values of a file; of one that is not TOML, every `name = value` that is TOML by itself.
fn entries(bytes: &[u8]) -> Entries {
    if let Some(values) = std::str::from_utf8(bytes).ok().and_then(|text| toml::from_str(text).ok()) {
        return Entries { values, invalid: Vec::new() };
    }
    let lines: Vec<Option<&str>> =
        bytes.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok()).collect();
    let (mut all, mut at) = (Entries { values: Table::new(), invalid: Vec::new() }, 0);
    // The table of a line; `None` after a table header that is not valid.
    let mut heading = Some("");
    while at < lines.len() {
        if let Some(line) = lines[at].filter(|line| line.trim_start().starts_with('[')) {
            heading = toml::from_str::<Table>(line).is_ok().then_some(line);
        }
        let ends = at + 1..=lines.len().min(at + MAX_VALUE_LINES);
        let value = heading.and_then(|heading| {
            ends.clone().find_map(|end| {
                let value = lines[at..end].iter().copied().collect::<Option<Vec<&str>>>()?.join("\n");
                let text = if value == heading { value } else { format!("{heading}\n{value}") };
                toml::from_str::<Table>(&text).ok().map(|values| (end, values))
            })
        });
        match value {
            Some((end, values)) => {
                merge(&mut all.values, values, &mut all.invalid);
                at = end;
            }
            None => {
                all.invalid.extend(line_name(at, lines[at]));
                at += 1;
            }
        }
    }
    all
}

/// The first of two values with the same name is used.
fn merge(into: &mut Table, from: Table, invalid: &mut Vec<String>) {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (Some(Value::Table(known)), Value::Table(more)) => merge(known, more, invalid),
            (Some(_), value) => invalid.push(line_text(&name, &value)),
            (None, value) => drop(into.insert(name, value)),
        }
    }
}

/// Names a line that is not TOML: by the name before its `=`, or by its number. `None` for an empty line.
fn line_name(at: usize, line: Option<&str>) -> Option<String> {
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

/// The line as it is in the file. The address of a proxy may contain a password and is not repeated.
fn line_text(name: &str, value: &Value) -> String {
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

    fn changed() -> SettingsView {
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
        save(&path, &changed()).expect("is saved");
        let loaded = load(&path, defaults(Path::new("/other")));
        assert_eq!((loaded.settings, loaded.problem, loaded.protected), (changed(), None, false));
    }

    #[test]
    fn a_file_of_an_earlier_version_of_the_app_keeps_its_settings() {
        let (_folder, path) = folder();
        save(&path, &changed()).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let older: String =
            text.lines().filter(|line| !line.starts_with("proxy")).collect::<Vec<_>>().join("\n");
        assert!(older.len() < text.len());
        std::fs::write(&path, older).expect("is written");
        let loaded = load(&path, defaults(Path::new("/other")));
        assert_eq!((loaded.problem, loaded.settings), (None, changed()));
    }

    #[test]
    fn a_bad_value_costs_its_own_line_and_is_named() {
        let (_folder, path) = folder();
        save(&path, &changed()).expect("is saved");
        let good = std::fs::read_to_string(&path).expect("is there");
        let theme = SettingsView { theme: Theme::System, ..changed() };
        let welcomed = SettingsView { welcomed: false, ..changed() };
        let models = |path: &str| defaults(Path::new(path)).models_dir;
        let models = SettingsView { models_dir: models("/other"), ..changed() };
        let both = SettingsView { welcomed: false, theme: Theme::System, ..changed() };
        type Case<'a> = (&'a [(&'a str, &'a str)], SettingsView, &'a [&'a str]);
        let cases: [Case<'_>; 9] = [
            (&[("theme = \"dark\"", "theme = \"purple\"")], theme.clone(), &["theme = \"purple\""]),
            (&[("theme = \"dark\"", "theme = 7")], theme.clone(), &["theme = 7"]),
            (&[("theme = \"dark\"", "theme = \"dark")], theme.clone(), &["theme"]),
            (&[("theme = \"dark\"", "theme =")], theme.clone(), &["theme"]),
            (&[("theme = \"dark\"", "so dark here")], theme.clone(), &["#"]),
            (&[("welcomed = true", "welcomed = \"yes\"")], welcomed, &["welcomed = \"yes\""]),
            // A value that the page would refuse is refused here too; otherwise no settings could be saved
            // any more.
            (&[("\"/models\"", "\"models\"")], models, &["models_dir = \"models\""]),
            (
                &[("theme = \"dark\"", "theme = \"dark\"\ntheme = \"light\"")],
                changed(),
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
            let problem = loaded.problem.expect("an error");
            assert_eq!(problem.code, ErrorCode::SettingsLinesUnreadable);
            for name in names {
                assert!(problem.detail["lines"].contains(name), "{name} in {:?}", problem.detail);
            }
            assert_eq!(std::fs::read_to_string(&problem.detail["path"]).expect("is kept"), text);
            let again = load(&path, defaults(Path::new("/other")));
            assert_eq!((again.settings, again.problem), (wanted, None), "reported once, and used later too");
        }
    }

    #[test]
    fn bytes_that_are_no_text_cost_their_line() {
        let (_folder, path) = folder();
        save(&path, &changed()).expect("is saved");
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
        assert_eq!(loaded.settings, SettingsView { models_dir: other, ..changed() });
        assert_eq!(std::fs::read(&loaded.problem.expect("an error").detail["path"]).expect("is kept"), bytes);
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let (_folder, path) = folder();
        save(&path, &changed()).expect("is saved");
        let text = std::fs::read_to_string(&path).expect("is there");
        let secret = text.replace("proxy_address = \"\"", "proxy_address = \"http://me:hunter2@proxy:1\"");
        assert_ne!(secret, text);
        for text in [secret.clone(), secret.replace("@proxy:1\"", "@proxy:1")] {
            std::fs::write(&path, text).expect("is written");
            let loaded = load(&path, defaults(Path::new("/other")));
            let problem = loaded.problem.expect("an error");
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
        assert!(loaded.protected && loaded.problem.is_some());
    }
}

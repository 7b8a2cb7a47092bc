//! The words of the app by language, as a test looks them up: assets/messages/page, and the titles of errors.
//! The guides are compared with them; nothing here checks a translation.
use std::collections::BTreeSet;

use crate::host::root;

/// Every label of the page in `en` or `zh`. A value that is put in, `{...}`, is written as `…`.
pub fn of_interface(language: &str) -> BTreeSet<String> {
    let folder = root().join("assets/messages/page");
    let mut labels = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the catalogue is there") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("is read");
        let groups: toml::Table = text.parse().expect("is TOML");
        collect(&groups, language, &mut labels);
    }
    assert!(labels.len() > 400, "{language}: {} labels", labels.len());
    labels
}

fn collect(group: &toml::Table, language: &str, labels: &mut BTreeSet<String>) {
    for (key, value) in group {
        match value {
            toml::Value::Table(inner) => collect(inner, language, labels),
            toml::Value::String(text) if key == language => {
                labels.insert(without_values(text));
            }
            toml::Value::Array(texts) if key == language => {
                labels.extend(texts.iter().filter_map(toml::Value::as_str).map(without_values));
            }
            _ => {}
        }
    }
}

fn without_values(template: &str) -> String {
    let mut parts = template.split('{');
    let mut label = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        label.push('…');
        label += part.split_once('}').map_or("", |(_, rest)| rest);
    }
    label
}

/// The titles of assets/messages/errors.toml.
pub fn of_errors(language: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("assets/messages/errors.toml")).expect("is there");
    let errors: toml::Table = text.parse().expect("is TOML");
    let title = |error: &toml::Value| error.get(language)?.get("title")?.as_str().map(str::to_owned);
    errors.values().filter_map(title).collect()
}

//! The words of the app by language, as a test looks them up: string literals of ui/src/lib/i18n, and the
//! titles of errors. The guides are compared with them; nothing here checks a translation.
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

use crate::host::root;

/// Every string of the interface in `en` or `zh`. A value that is put in, `${...}`, is written as `…`.
pub fn of_interface(language: &str) -> BTreeSet<String> {
    let folder = root().join("ui/src/lib/i18n");
    let mut labels = BTreeSet::new();
    for entry in std::fs::read_dir(folder).expect("the catalogues are there") {
        let path = entry.expect("an entry").path();
        let source = std::fs::read_to_string(&path).expect("is read");
        let file = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        for (language_of_part, part) in parts(&file, &source) {
            if language_of_part == language {
                code(&mut part.chars().peekable(), &mut labels);
            }
        }
    }
    assert!(labels.len() > 400, "{language}: {} labels", labels.len());
    labels
}

/// en.ts and zh.ts have one language; in the other files `export const ...Zh` comes after
/// `export const ...En`.
fn parts<'a>(file: &str, source: &'a str) -> Vec<(&'static str, &'a str)> {
    match file {
        "en" => vec![("en", source)],
        "zh" => vec![("zh", source)],
        _ => {
            let starts = source.match_indices("export const ").map(|(at, _)| at);
            let starts: Vec<_> = starts.chain([source.len()]).collect();
            let parts = starts.windows(2).map(|pair| &source[pair[0]..pair[1]]);
            let language = |part: &str| {
                let name = part["export const ".len()..].split([':', ' ', '=']).next()?;
                [("En", "en"), ("Zh", "zh")].into_iter().find(|(end, _)| name.ends_with(end)).map(|it| it.1)
            };
            parts.filter_map(|part| Some((language(part)?, part))).collect()
        }
    }
}

/// Reads TypeScript up to the end, or up to the `}` that closes what the caller opened.
fn code(source: &mut Peekable<Chars>, labels: &mut BTreeSet<String>) {
    let mut depth = 0_u32;
    while let Some(letter) = source.next() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => return,
            '}' => depth -= 1,
            '/' if source.peek() == Some(&'/') => {
                source.by_ref().find(|letter| *letter == '\n');
            }
            '\'' | '"' | '`' => {
                let label = literal(source, letter, labels);
                labels.insert(label);
            }
            _ => {}
        }
    }
}

fn literal(source: &mut Peekable<Chars>, quote: char, labels: &mut BTreeSet<String>) -> String {
    let mut label = String::new();
    while let Some(letter) = source.next() {
        match letter {
            _ if letter == quote => break,
            '\\' => label.extend(source.next()),
            '$' if quote == '`' && source.peek() == Some(&'{') => {
                source.next();
                code(source, labels);
                label.push('…');
            }
            _ => label.push(letter),
        }
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

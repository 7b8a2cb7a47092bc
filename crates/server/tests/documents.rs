//! Documents that programs made, damaged ones and hostile ones through `whaledeck-engine extract`: the text
//! is what the maker wrote, letter for letter, or the refusal is the right one. `tests/documents/make.py`
//! makes them.
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("WHALEDECK_DOCUMENTS").map(PathBuf::from);
    if folder.is_none() {
        println!("not run: WHALEDECK_DOCUMENTS names no folder of documents (make test sets it)");
    }
    folder
}

fn extract(path: &Path, more: &[&str]) -> Output {
    let name = path.file_name().expect("a name").to_str().expect("is UTF-8");
    Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"))
        .args(["extract", "--name", name])
        .args(more)
        .stdin(File::open(path).expect("opens"))
        .output()
        .expect("it runs")
}

/// The last line, or nothing where the process was ended by a limit.
fn line(output: &Output) -> Option<Value> {
    let text = String::from_utf8(output.stdout.clone()).ok()?;
    serde_json::from_str(text.lines().last()?).ok()
}

/// Letters and digits: where a line breaks and how a list is marked is the reader's choice.
fn letters(text: &str) -> String {
    text.chars().filter(|char| char.is_alphanumeric()).collect()
}

#[test]
fn every_document_is_read_as_its_maker_wrote_it_or_refused_with_the_reason() {
    let Some(folder) = folder() else { return };
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("the maker wrote it");
    let documents: Vec<Value> = serde_json::from_str(&manifest).expect("a list");
    assert!(documents.len() >= 36, "{} documents", documents.len());
    let mut wrong = Vec::new();
    for document in &documents {
        let name = document["name"].as_str().expect("a name");
        let output = extract(&folder.join(name), &[]);
        let line = line(&output);
        if let Some(codes) = document["refused"].as_array() {
            let code =
                line.as_ref().map_or(Value::from("document_failed"), |line| line["error"]["code"].clone());
            if !codes.contains(&code) {
                wrong.push(format!("{name}: {code}, not {codes:?}"));
            }
            continue;
        }
        let found = line.map(|line| line["document"].clone()).unwrap_or_default();
        let pages = found["pages"].as_array().cloned().unwrap_or_default();
        let text: String = pages.iter().filter_map(|page| page["text"].as_str()).collect();
        let expect: String =
            document["expect"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if letters(&text) != letters(&expect) {
            wrong.push(format!("{name}: {text:?}"));
        }
        if document["pages"].as_u64().is_some_and(|count| count != pages.len() as u64) {
            wrong.push(format!("{name}: {} pages", pages.len()));
        }
        if document["scanned"] != found["scanned"] {
            wrong.push(format!("{name}: {} are scanned", found["scanned"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_page_is_drawn_as_a_picture() {
    let Some(folder) = folder() else { return };
    let output = extract(&folder.join("scan.pdf"), &["--page", "1"]);
    assert!(output.status.success() && output.stdout.starts_with(b"\x89PNG"));
    let missing = extract(&folder.join("scan.pdf"), &["--page", "2"]);
    assert_eq!(line(&missing).expect("a line")["error"]["code"], "document_invalid");
}

//! The names that a model calls tools by. The protocols allow letters, digits, `_` and `-`, at most 64 of
//! them; servers name their tools freely, and two servers may have tools of one name.
use std::collections::BTreeSet;

const LONGEST: usize = 64;

/// A name for each pair of a server and a tool, in order, no two the same. A tool whose name no other has
/// keeps it.
pub fn function_names(tools: &[(&str, &str)]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let shared = |name: &str| tools.iter().filter(|(_, tool)| allowed(tool) == name).count() > 1;
    let mut names = Vec::new();
    for (server, tool) in tools {
        let plain = allowed(tool);
        let wanted = if shared(&plain) { bounded(format!("{}_{plain}", allowed(server)), "") } else { plain };
        let mut name = wanted.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = bounded(wanted.clone(), &format!("_{number}"));
            number += 1;
        }
        names.push(name);
    }
    names
}

fn allowed(name: &str) -> String {
    let letters = name.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') { letter } else { '_' }
    });
    let name: String = letters.collect();
    bounded(if name.is_empty() { "tool".to_owned() } else { name }, "")
}

fn bounded(mut name: String, end: &str) -> String {
    name.truncate(LONGEST - end.len());
    name + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_allowed_and_differ() {
        let long = "x".repeat(100);
        let tools = [
            ("files", "read"),
            ("notes", "read"),
            ("notes", "list.all"),
            ("a", &long),
            ("b", &long),
            ("c", "读"),
            ("c", ""),
            ("notes", "read"),
        ];
        let names = function_names(&tools);
        assert_eq!(names[..3], ["files_read", "notes_read", "list_all"]);
        assert_eq!(names[7], "notes_read_2");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in &names {
            let fine = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
            assert!((1..=LONGEST).contains(&name.len()) && name.chars().all(fine), "{name}");
        }
    }
}

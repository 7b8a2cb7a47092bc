//! The grading of a short fact: an answer is right when it contains one of the accepted strings, word by
//! word. It reads no meaning: who negates the fact, or names several, is right as well.
use serde::Deserialize;

use crate::words::words;

#[derive(Debug, Deserialize)]
pub struct Question {
    pub(crate) text: String,
    accepted: Vec<String>,
}

impl Question {
    pub(crate) fn accepts(&self, answer: &str) -> bool {
        let answer = words(answer);
        self.accepted.iter().any(|accepted| {
            let accepted = words(accepted);
            !accepted.is_empty() && answer.windows(accepted.len()).any(|part| part == accepted)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::{Set, TestSet};

    use super::*;

    fn question(accepted: &[&str]) -> Question {
        Question { text: String::new(), accepted: accepted.iter().map(|text| (*text).to_owned()).collect() }
    }

    #[test]
    fn accepted_strings_are_found_as_whole_words() {
        let size = question(&["671B", "671 billion"]);
        for right in ["It has 671 B parameters.", "**671B**", "671 billion, 37 billion active", "共６７１Ｂ"]
        {
            assert!(size.accepts(right), "{right}");
        }
        for wrong in ["It has 1671B.", "6.71B", "671 million", "67 1B", ""] {
            assert!(!size.accepts(wrong), "{wrong}");
        }
        assert!(!question(&[]).accepts("anything") && !question(&["…"]).accepts("anything"));
    }

    fn training_data() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../training/guide-model/data")
    }

    fn read(file: &str) -> String {
        std::fs::read_to_string(training_data().join(file)).expect("the Guide's data is there")
    }

    /// The answers that the Guide was trained to give, by fact: English and Chinese.
    fn facts() -> toml::Table {
        let files = ["app.toml", "fit.toml", "models.toml", "terms.toml"];
        let tables = files.map(|file| read(file).parse::<toml::Table>().expect("is TOML"));
        tables.into_iter().flat_map(|mut table| table.remove("fact")).fold(
            toml::Table::new(),
            |mut all, facts| {
                all.extend(facts.as_table().expect("a table of facts").clone());
                all
            },
        )
    }

    #[test]
    fn the_questions_are_held_out_and_the_facts_of_the_guide_are_accepted() {
        let (held_out, facts) = (read("heldout.jsonl"), facts());
        let TestSet::Factual { questions, .. } = TestSet::of(Set::Factual) else {
            panic!("the set is there")
        };
        for question in questions {
            let quoted = format!("\"q\": \"{}\"", question.text);
            let line = held_out.lines().find(|line| line.contains(&quoted));
            let line = line.unwrap_or_else(|| panic!("{} is not held out", question.text));
            let field = |name: &str| {
                let (_, rest) = line.split_once(&format!("\"{name}\": \"")).expect("the field is there");
                rest.split('"').next().expect("it has a value").to_owned()
            };
            let answer = |fact: &str| facts[fact][&field("lang")].as_str().expect("an answer").to_owned();
            let right = answer(&field("fact"));
            assert!(question.accepts(&right), "{}: {right}", question.text);
            for wrong in [answer("unknown"), answer("hello"), question.text.clone()] {
                assert!(!question.accepts(&wrong), "{}: {wrong}", question.text);
            }
        }
    }
}

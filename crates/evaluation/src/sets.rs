//! The three test sets of assets/evaluation, parsed once: what is asked, the preset that each is for, and
//! what is claimed for that preset.
use std::sync::LazyLock;

use serde::Deserialize;

use crate::code::Task;
use crate::facts::Question;
use crate::statistics::Claim;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Factual,
    Creative,
    Code,
}

/// What a score counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// The share of questions whose answer is right.
    Right,
    Distinct1,
    Distinct2,
    /// The share of programs that pass all of their tests.
    Passed,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum TestSet {
    Factual { preset: String, claim: f64, questions: Vec<Question> },
    Creative { preset: String, claim: f64, prompts: Vec<String> },
    Code { preset: String, claim: f64, tasks: Vec<Task> },
}

static FACTUAL: LazyLock<TestSet> =
    LazyLock::new(|| parse(include_str!("../../../assets/evaluation/factual.toml")));
static CREATIVE: LazyLock<TestSet> =
    LazyLock::new(|| parse(include_str!("../../../assets/evaluation/creative.toml")));
static CODE: LazyLock<TestSet> =
    LazyLock::new(|| parse(include_str!("../../../assets/evaluation/code.toml")));

fn parse(text: &str) -> TestSet {
    toml::from_str(text).expect("the test sets are part of the program and tested")
}

impl TestSet {
    pub fn of(set: Set) -> &'static Self {
        match set {
            Set::Factual => &FACTUAL,
            Set::Creative => &CREATIVE,
            Set::Code => &CODE,
        }
    }

    /// What the model is asked, in the order of [`crate::grade`]. English and Chinese take turns.
    pub fn prompts(&self) -> Vec<&str> {
        match self {
            Self::Factual { questions, .. } => questions.iter().map(|one| one.text.as_str()).collect(),
            Self::Creative { prompts, .. } => prompts.iter().map(String::as_str).collect(),
            Self::Code { tasks, .. } => tasks.iter().map(|one| one.text.as_str()).collect(),
        }
    }

    /// The preset that the set is for.
    pub fn preset(&self) -> &str {
        let (Self::Factual { preset, .. } | Self::Creative { preset, .. } | Self::Code { preset, .. }) = self;
        preset
    }

    /// What is claimed for that preset, and for no other.
    pub fn claim(&self) -> Claim {
        let (Self::Factual { claim, .. } | Self::Creative { claim, .. } | Self::Code { claim, .. }) = self;
        Claim(*claim)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sets_are_whole_and_in_both_languages() {
        let sizes = [(Set::Factual, 60, 0.12), (Set::Creative, 20, 0.45), (Set::Code, 20, 0.18)];
        for (set, size, claim) in sizes {
            let test_set = TestSet::of(set);
            let prompts = test_set.prompts();
            assert_eq!((prompts.len(), test_set.claim()), (size, Claim(claim)), "{set:?}");
            assert_eq!(prompts.iter().collect::<BTreeSet<_>>().len(), size, "no prompt twice: {set:?}");
            for (at, prompt) in prompts.iter().enumerate() {
                let chinese = prompt.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter));
                assert_eq!(chinese, at % 2 == 1, "{prompt}");
            }
        }
    }
}

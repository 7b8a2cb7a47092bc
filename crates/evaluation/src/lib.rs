//! A small evaluation of a model: three test sets, the grading of its answers, and the statistics that say
//! whether a preset does what is claimed for it. Pure: asks no model, opens no file and no connection; the
//! programs that a model writes run in an engine without input or output.

mod code;
mod distinct;
mod facts;
mod program;
mod sets;
mod statistics;
mod words;

pub use sets::{Measure, Set, TestSet};
pub use statistics::{Claim, Comparison, Spread, Unconfirmed, Verdict, compare};

/// The scores of the answers to the first prompts of a set, in their order, each from 0 to 1.
///
/// Programs run here, each for a second at most, so a caller that must not block calls it elsewhere.
pub fn grade(set: Set, answers: &[String]) -> Vec<(Measure, f64)> {
    let test_set = TestSet::of(set);
    match test_set {
        TestSet::Factual { questions, .. } => {
            let right = questions.iter().zip(answers).filter(|(question, answer)| question.accepts(answer));
            vec![(Measure::Right, share(right.count(), answers.len()))]
        }
        TestSet::Creative { .. } => {
            let [one, two] = distinct::distinct(answers);
            vec![(Measure::Distinct1, one), (Measure::Distinct2, two)]
        }
        TestSet::Code { tasks, .. } => {
            let passed = tasks.iter().zip(answers).filter(|(task, answer)| task.passes(answer));
            vec![(Measure::Passed, share(passed.count(), answers.len()))]
        }
    }
}

fn share(part: usize, of: usize) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_answer_lowers_the_share() {
        let right = "DeepSeek-V3 is a mixture-of-experts model.".to_owned();
        let wrong = "It is a recurrent network.".to_owned();
        let chinese = "它是混合专家模型。".to_owned();
        let grades = |answers: &[&String]| {
            grade(Set::Factual, &answers.iter().map(|text| (*text).clone()).collect::<Vec<_>>())
        };
        assert_eq!(grades(&[&right, &chinese]), [(Measure::Right, 1.0)]);
        assert_eq!(grades(&[&right, &wrong]), [(Measure::Right, 0.5)]);
        assert_eq!(grades(&[&wrong, &wrong]), [(Measure::Right, 0.0)]);
        assert_eq!(grades(&[]), [(Measure::Right, 0.0)]);
    }

    #[test]
    fn answers_that_repeat_themselves_are_less_distinct() {
        let grades = |texts: [&str; 2]| grade(Set::Creative, &texts.map(str::to_owned));
        let varied = grades(["The sea sings low", "A lamp waits alone"]);
        let same = grades(["The sea the sea", "The sea the sea"]);
        assert_eq!(varied, [(Measure::Distinct1, 1.0), (Measure::Distinct2, 0.75)]);
        assert_eq!(same, [(Measure::Distinct1, 0.25), (Measure::Distinct2, 0.25)]);
    }

    #[test]
    fn a_program_that_fails_a_test_lowers_the_share() {
        let right = "```js\nfunction clamp(n, low, high) { return Math.min(high, Math.max(low, n)); }\n```";
        let wrong = "```js\nfunction clamp(n, low, high) { return n; }\n```";
        let grades = |text: &str| grade(Set::Code, &[text.to_owned()]);
        assert_eq!(grades(right), [(Measure::Passed, 1.0)]);
        assert_eq!(grades(wrong), [(Measure::Passed, 0.0)]);
        assert_eq!(grades("I write no programs."), [(Measure::Passed, 0.0)]);
    }
}

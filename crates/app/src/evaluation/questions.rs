//! Asks the prompts of a test set one after the other, by seed without and then with the preset, and has each
//! round of answers graded. Knows no claim.
use std::sync::Arc;

use contract::{ErrorCode, ErrorView, Role, SamplingView};
use evaluation::{Measure, Set};
use futures_util::StreamExt;
use history::History;

use crate::answer::{AnswerText, Backend, BackendEvent, Prompt, PromptMessage};
use crate::blocking::blocking;

pub(super) struct Questions {
    pub set: Set,
    pub model_id: String,
    pub prompts: Vec<&'static str>,
    /// From 1 to this.
    pub seeds: u32,
    /// Without and with the preset.
    pub ways: [SamplingView; 2],
    pub history: Arc<History>,
    /// Gets the number of answers so far, and of all.
    pub on_progress: Box<dyn Fn(u32, u32) + Send + Sync>,
}

/// The scores of one measure by seed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeedScores {
    pub measure: Measure,
    /// Without and with the preset.
    pub ways: [Vec<f64>; 2],
}

pub(super) struct Grades {
    pub scores: Vec<SeedScores>,
    /// The answers that ended at the limit of tokens.
    pub cut: u32,
}

impl Questions {
    pub(super) async fn ask(
        &self,
        backend: impl Future<Output = Result<Backend, ErrorView>>,
    ) -> Result<Grades, ErrorView> {
        let backend = backend.await?;
        let total = self.prompts.len() as u32 * self.seeds * 2;
        let (mut done, mut grades) = (0, Grades { scores: Vec::new(), cut: 0 });
        (self.on_progress)(done, total);
        for seed in 1..=self.seeds {
            for (way, sampling) in self.ways.iter().enumerate() {
                let mut answers = Vec::new();
                for (at, text) in self.prompts.iter().enumerate() {
                    // Answers of one round are not drawn by the same numbers.
                    let seed = Some(seed * 1000 + at as u32);
                    let prompt = self.prompt(text, SamplingView { seed, ..sampling.clone() });
                    let (answer, cut) = self.answer(backend.clone(), prompt).await?;
                    answers.push(answer);
                    grades.cut += u32::from(cut);
                    done += 1;
                    (self.on_progress)(done, total);
                }
                let set = self.set;
                let round = blocking("grade answers", move || Ok(evaluation::grade(set, &answers))).await?;
                grades.add(way, round);
            }
        }
        Ok(grades)
    }

    fn prompt(&self, text: &str, sampling: SamplingView) -> Prompt {
        let message = PromptMessage::new(Role::User, text);
        Prompt::new(self.model_id.clone(), sampling, vec![message], AnswerText::default())
    }

    /// The text without the thinking, and whether it ended at the limit.
    async fn answer(&self, backend: Backend, prompt: Prompt) -> Result<(String, bool), ErrorView> {
        let mut events = backend.stream(prompt, self.history.clone()).await?;
        let mut answer = AnswerText::default();
        while let Some(event) = events.next().await {
            match event? {
                BackendEvent::End { length } => return Ok((answer.text, length)),
                event => answer.push(&event),
            }
        }
        Err(ErrorView::new(ErrorCode::EndpointCut, "read the answer to its end"))
    }
}

impl Grades {
    fn add(&mut self, way: usize, round: Vec<(Measure, f64)>) {
        for (measure, score) in round {
            let at = self.scores.iter().position(|scores| scores.measure == measure);
            let at = at.unwrap_or_else(|| {
                self.scores.push(SeedScores { measure, ways: [Vec::new(), Vec::new()] });
                self.scores.len() - 1
            });
            self.scores[at].ways[way].push(score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_kept_by_measure_way_and_seed() {
        let mut grades = Grades { scores: Vec::new(), cut: 0 };
        for (way, one, two) in [(0, 0.1, 0.2), (1, 0.3, 0.4), (0, 0.5, 0.6), (1, 0.7, 0.8)] {
            grades.add(way, vec![(Measure::Distinct1, one), (Measure::Distinct2, two)]);
        }
        let scores = |measure, without: [f64; 2], with: [f64; 2]| SeedScores {
            measure,
            ways: [without.to_vec(), with.to_vec()],
        };
        let one = scores(Measure::Distinct1, [0.1, 0.5], [0.3, 0.7]);
        let two = scores(Measure::Distinct2, [0.2, 0.6], [0.4, 0.8]);
        assert_eq!(grades.scores, [one, two]);
    }
}

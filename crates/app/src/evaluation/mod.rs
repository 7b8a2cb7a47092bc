//! The evaluation of a preset as a use case: a test set is put to any model without and with the preset, over
//! several seeds. Uses the prompt and the backend of `answer`; sets and grades are in the crate `evaluation`.
//! Stores nothing.

mod questions;
mod view;

use std::sync::Arc;

use ::evaluation::{Set, TestSet};
use contract::{
    ErrorCode, ErrorView, EvaluationEvent, EvaluationRequest, EvaluationResult, EvaluationSet, SamplingView,
};

use self::questions::Questions;
use self::view::score_view;
use crate::App;
use crate::answer::turn::EVALUATION;

/// Receives the events of an evaluation.
pub type OnEvaluation = Box<dyn Fn(EvaluationEvent) + Send + Sync>;

const MOST_SEEDS: u32 = 20;
const MAX_TOKENS: u32 = 512;
const MOST_TOKENS: u32 = 8192;

impl App {
    /// Returns once the evaluation has started; the events follow until a terminal one.
    ///
    /// # Errors
    /// When a value of the request is not allowed, the model is not known or busy, or another evaluation is
    /// running.
    pub async fn evaluation_start(
        &self,
        request: EvaluationRequest,
        on_event: OnEvaluation,
    ) -> Result<(), ErrorView> {
        let set = set_of(request.set);
        let test_set = TestSet::of(set);
        let all = test_set.prompts();
        let max_tokens = within("max_tokens", request.max_tokens.unwrap_or(MAX_TOKENS), MOST_TOKENS)?;
        let count = request.prompts.unwrap_or(all.len() as u32);
        let count = within("prompts", count, all.len() as u32)?;
        let seeds = within("seeds", request.seeds, MOST_SEEDS)?;
        let preset_id = request.preset_id.as_deref().unwrap_or(test_set.preset()).to_owned();
        let claim = (preset_id == test_set.preset()).then(|| test_set.claim());
        let preset = self.preset_sampling(&preset_id, &request.model_id).await?;
        self.check_worker_free(&request.model_id, EVALUATION, request.when_busy).await?;
        let history = self.chats_file.get()?;
        let turn = self.running.begin(EVALUATION)?;
        let backend = self.backend(&request.model_id, EVALUATION, request.when_busy, || {});
        let on_event = Arc::new(on_event);
        let progress = on_event.clone();
        let questions = Questions {
            set,
            model_id: request.model_id.clone(),
            prompts: all.into_iter().take(count as usize).collect(),
            seeds,
            ways: [neutral_sampling(), preset].map(|sampling| SamplingView { max_tokens, ..sampling }),
            history,
            on_progress: Box::new(move |done, total| progress(EvaluationEvent::Progress { done, total })),
        };
        let EvaluationRequest { model_id, set, .. } = request;
        tokio::spawn(async move {
            let mut stop = turn.stop.clone();
            let stop = async { stop.wait_for(|stop| *stop).await.is_ok() };
            let grades = tokio::select! {
                biased;
                true = stop => None,
                grades = questions.ask(backend) => Some(grades),
            };
            // Before the event, so that its receiver may start the next evaluation at once.
            turn.end();
            on_event(match grades {
                None => EvaluationEvent::Stopped,
                Some(Err(error)) => EvaluationEvent::Failed { error },
                Some(Ok(grades)) => {
                    let scores = grades.scores.into_iter().map(|score| score_view(score, claim)).collect();
                    let (prompts, cut) = (count, grades.cut);
                    EvaluationEvent::Finished {
                        result: EvaluationResult {
                            model_id,
                            set,
                            preset_id,
                            seeds,
                            prompts,
                            max_tokens,
                            cut,
                            scores,
                        },
                    }
                }
            });
        });
        Ok(())
    }

    /// Does nothing when no evaluation is running.
    pub async fn evaluation_stop(&self) -> Result<(), ErrorView> {
        self.answer_stop(EVALUATION).await
    }

    async fn preset_sampling(&self, preset_id: &str, model_id: &str) -> Result<SamplingView, ErrorView> {
        // An unknown model is told before the first answer.
        let recommended = self.recommended_sampling(model_id)?;
        if preset_id == "deepseek" {
            return Ok(recommended);
        }
        let known = self.presets().await?.into_iter().find(|preset| preset.id == preset_id);
        let unknown = || ErrorView::new(ErrorCode::InvalidInput, format!("find the preset {preset_id}"));
        Ok(known.ok_or_else(unknown)?.sampling)
    }
}

/// What a preset is compared with: the model's own distribution.
fn neutral_sampling() -> SamplingView {
    SamplingView { temperature: 1.0, top_p: 1.0, ..SamplingView::default() }
}

fn within(name: &str, value: u32, most: u32) -> Result<u32, ErrorView> {
    if (1..=most).contains(&value) {
        return Ok(value);
    }
    let message = format!("evaluate: {name} is {value} and must be from 1 to {most}");
    Err(ErrorView::new(ErrorCode::InvalidInput, message))
}

fn set_of(set: EvaluationSet) -> Set {
    match set {
        EvaluationSet::Factual => Set::Factual,
        EvaluationSet::Creative => Set::Creative,
        EvaluationSet::Code => Set::Code,
    }
}

#[cfg(test)]
mod tests {
    use contract::WhenBusy;

    use super::*;

    fn request() -> EvaluationRequest {
        EvaluationRequest {
            model_id: "guide".into(),
            set: EvaluationSet::Factual,
            preset_id: None,
            seeds: 3,
            prompts: None,
            max_tokens: None,
            when_busy: WhenBusy::Ask,
        }
    }

    #[tokio::test]
    async fn values_that_are_not_allowed_are_refused_by_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let app = crate::test_app::open(folder.path()).await;
        let requests = [
            ("seeds", EvaluationRequest { seeds: 0, ..request() }),
            ("seeds", EvaluationRequest { seeds: 21, ..request() }),
            ("prompts", EvaluationRequest { prompts: Some(61), ..request() }),
            ("max_tokens", EvaluationRequest { max_tokens: Some(0), ..request() }),
            ("bold", EvaluationRequest { preset_id: Some("bold".into()), ..request() }),
        ];
        for (name, request) in requests {
            let error = app.evaluation_start(request, Box::new(|_| {})).await.expect_err("is refused");
            assert!(error.code == ErrorCode::InvalidInput && error.message.contains(name), "{error:?}");
        }
        let unknown = EvaluationRequest { model_id: "no-model".into(), ..request() };
        let error = app.evaluation_start(unknown, Box::new(|_| {})).await.expect_err("is refused");
        assert_eq!(error.code, ErrorCode::ModelNotFound);
        assert!(!app.running.contains(EVALUATION), "a refused request leaves nothing");
    }
}

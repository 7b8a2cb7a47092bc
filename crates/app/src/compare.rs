//! One prompt to two models side by side: both at once where that is fair, one after the other where they would share this
//! computer. Nothing of it is kept in the history.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contract::{CompareEvent, CompareRequest, CompareResult, CompareState, ErrorCode, ErrorView, Role, Side};
use futures_util::StreamExt;
use history::History;

use crate::App;
use crate::answers::Turn;
use crate::ask::{Question, Said};
use crate::cloud::{Prices, cloud_model};
use crate::deployments::deployment_model;
use crate::models::advised_sampling;
use crate::pictures::BoxTarget;
use crate::recorder::{Piece, Text};
use crate::reply::Answerer;

/// Where the events of a comparison go.
pub type OnCompare = Box<dyn Fn(CompareEvent) + Send + Sync>;

/// Beside the ids of chats, which are UUIDs: one comparison at a time, and a switch to stop it.
pub(crate) const TURN: &str = "compare";
const SHOW_EVERY: Duration = Duration::from_millis(40);

impl App {
    /// Returns once both sides are on their way; the events follow until each side had its last.
    ///
    /// # Errors
    /// When the prompt is empty, a model is not known, or another comparison is being written.
    pub async fn compare_start(&self, request: CompareRequest, on_event: OnCompare) -> Result<(), ErrorView> {
        if request.text.trim().is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "compare: the prompt is empty"));
        }
        for model_id in [&request.left, &request.right] {
            self.may_use_worker(model_id, TURN, request.when_busy).await?;
        }
        let turn = Arc::new(self.running.begin(TURN)?);
        let open = Arc::new(AtomicUsize::new(2));
        let question = |model_id: &str| {
            let sampling = match &request.sampling {
                Some(sampling) => sampling.clone(),
                None => match deployment_model(model_id) {
                    Some(id) => self.deployments.advised(id)?,
                    None => advised_sampling(&self.own_models, model_id)?,
                },
            };
            let system = Some((Role::System, request.system_prompt.clone()));
            let system = system.filter(|(_, text)| !text.trim().is_empty());
            let said = |(role, text)| Said { role, text, pictures: Vec::new() };
            let messages = system.into_iter().chain([(Role::User, request.text.clone())]).map(said).collect();
            let so_far = Text::default();
            Ok(Question {
                model_id: model_id.to_owned(),
                sampling,
                messages,
                so_far,
                box_target: BoxTarget::None,
            })
        };
        let prices = Arc::new(Prices::read(&self.paths.data_dir));
        let on_event = Arc::new(on_event);
        let asked = |side, model_id: &str| {
            let (prices, on_event) = (prices.clone(), on_event.clone());
            let (turn, open) = (turn.clone(), open.clone());
            let (question, history) = (question(model_id)?, self.chats_file.get()?);
            Ok::<_, ErrorView>(Asked { side, question, history, prices, on_event, turn, open })
        };
        let (left, right) = (asked(Side::Left, &request.left)?, asked(Side::Right, &request.right)?);
        let prepared = |model_id: &str| self.prepare(model_id, TURN, request.when_busy, || {});
        let (left, right) = (left.run(prepared(&request.left)), right.run(prepared(&request.right)));
        // One worker at a time, and each would slow the other down.
        let both_here = [&request.left, &request.right].into_iter().all(|model| self.runs_here(model));
        tokio::spawn(async move {
            if both_here {
                left.await;
                right.await;
            } else {
                tokio::join!(left, right);
            }
        });
        Ok(())
    }

    /// Where the person's prices are looked for; the file need not be there.
    pub async fn prices_file(&self) -> Result<String, ErrorView> {
        Ok(Prices::path(&self.paths.data_dir).display().to_string())
    }

    /// Nothing happens when there is none.
    pub async fn compare_stop(&self) -> Result<(), ErrorView> {
        self.answer_stop(TURN).await
    }
}

struct Asked {
    side: Side,
    question: Question,
    history: Arc<History>,
    prices: Arc<Result<Prices, ErrorView>>,
    on_event: Arc<OnCompare>,
    turn: Arc<Turn>,
    /// Sides that have not ended.
    open: Arc<AtomicUsize>,
}

/// What a side counted while it answered.
#[derive(Default)]
struct Counted {
    first: Option<Duration>,
    usage: Option<(u32, u32)>,
}

impl Asked {
    async fn run(self, prepared: impl Future<Output = Result<Answerer, ErrorView>>) {
        let mut stopped = self.turn.stopped.clone();
        let stop = async { stopped.wait_for(|stop| *stop).await.is_ok() };
        let answerer = tokio::select! {
            biased;
            true = stop => return self.end(CompareState::Stopped, None, Duration::ZERO, &Counted::default()),
            prepared = prepared => prepared,
        };
        let answerer = match answerer {
            Ok(answerer) => answerer,
            Err(error) => {
                return self.end(CompareState::Failed, Some(error), Duration::ZERO, &Counted::default());
            }
        };
        (self.on_event)(CompareEvent::Asked { side: self.side });
        let (began, mut counted) = (Instant::now(), Counted::default());
        let (state, error) = self.listen(answerer, began, &mut counted).await;
        self.end(state, error, began.elapsed(), &counted);
    }

    async fn listen(
        &self,
        answerer: Answerer,
        began: Instant,
        counted: &mut Counted,
    ) -> (CompareState, Option<ErrorView>) {
        let mut stopped = self.turn.stopped.clone();
        let mut stop = std::pin::pin!(async { stopped.wait_for(|stop| *stop).await.is_ok() });
        let mut pieces = tokio::select! {
            biased;
            true = &mut stop => return (CompareState::Stopped, None),
            pieces = answerer.ask(self.question.clone(), self.history.clone()) => match pieces {
                Ok(pieces) => pieces,
                Err(error) => return (CompareState::Failed, Some(error)),
            },
        };
        let mut unshown = Text::default();
        let mut tick = tokio::time::interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ending = loop {
            tokio::select! {
                biased;
                true = &mut stop => break (CompareState::Stopped, None),
                _ = tick.tick() => self.show(&mut unshown),
                next = pieces.next() => match next {
                    Some(Ok(Piece::Usage { prompt_tokens, completion_tokens })) => {
                        counted.usage = Some((prompt_tokens, completion_tokens));
                    }
                    // Both sides are measured here, the same way.
                    Some(Ok(Piece::Measured { .. } | Piece::Looking(_) | Piece::Waiting)) => {}
                    Some(Ok(Piece::End { length: true })) => break (CompareState::Length, None),
                    Some(Ok(Piece::End { length: false })) => break (CompareState::Done, None),
                    Some(Ok(piece)) => {
                        counted.first.get_or_insert_with(|| began.elapsed());
                        unshown.add(&piece);
                    }
                    Some(Err(error)) => break (CompareState::Failed, Some(error)),
                    None => {
                        let cut = ErrorView::new(ErrorCode::EndpointCut, "hear the answer to its end");
                        break (CompareState::Failed, Some(cut));
                    }
                },
            }
        };
        self.show(&mut unshown);
        ending
    }

    fn show(&self, unshown: &mut Text) {
        if !unshown.is_empty() {
            let Text { text, reasoning } = std::mem::take(unshown);
            (self.on_event)(CompareEvent::Delta { side: self.side, text, reasoning });
        }
    }

    fn end(&self, state: CompareState, error: Option<ErrorView>, total: Duration, counted: &Counted) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let (cost, cost_problem) = match (&*self.prices, counted.usage) {
            (Err(problem), _) if cloud_model(&self.question.model_id).is_some() => {
                (None, Some(problem.clone()))
            }
            (Ok(prices), Some(usage)) => (prices.cost(&self.question.model_id, usage), None),
            _ => (None, None),
        };
        let result = CompareResult {
            state,
            first_token_ms: counted.first.map(milliseconds),
            total_ms: milliseconds(total),
            prompt_tokens: counted.usage.map(|(prompt, _)| prompt),
            completion_tokens: counted.usage.map(|(_, completion)| completion),
            cost,
            cost_problem,
        };
        let side = self.side;
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            // First, so that whoever sees the end may compare again at once.
            self.turn.end();
        }
        (self.on_event)(match error {
            Some(error) => CompareEvent::Failed { side, result, error },
            None => CompareEvent::Finished { side, result },
        });
    }
}

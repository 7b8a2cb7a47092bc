//! One prompt to two models side by side: at the same time, or one after the other where both would use this
//! computer. Uses the prompt and the backend of `answer`; stores nothing in the history.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use contract::{CompareEvent, CompareRequest, CompareResult, CompareState, ErrorCode, ErrorView, Role, Side};
use futures_util::StreamExt;
use history::History;

use crate::App;
use crate::answer::turn::COMPARISON;
use crate::answer::{AnswerText, Backend, BackendEvent, Prompt, PromptMessage, Turn};
use crate::cloud::Prices;
use crate::model_ref::cloud_model;

/// Receives the events of a comparison.
pub type OnCompare = Box<dyn Fn(CompareEvent) + Send + Sync>;

const SHOW_EVERY: Duration = Duration::from_millis(40);

impl App {
    /// Returns once both sides have started; the events follow until each side has ended.
    ///
    /// # Errors
    /// When the prompt is empty, a model is not known, or another comparison is running.
    pub async fn compare_start(&self, request: CompareRequest, on_event: OnCompare) -> Result<(), ErrorView> {
        if request.text.trim().is_empty() {
            return Err(ErrorView::new(ErrorCode::InvalidInput, "compare: the prompt is empty"));
        }
        for model_id in [&request.left, &request.right] {
            self.check_worker_free(model_id, COMPARISON, request.when_busy).await?;
        }
        let turn = Arc::new(self.running.begin(COMPARISON)?);
        let open = Arc::new(AtomicUsize::new(2));
        let prompt = |model_id: &str| {
            let sampling = match &request.sampling {
                Some(sampling) => sampling.clone(),
                None => self.recommended_sampling(model_id)?,
            };
            let system = Some((Role::System, request.system_prompt.clone()));
            let system = system.filter(|(_, text)| !text.trim().is_empty());
            let message = |(role, text)| PromptMessage::new(role, text);
            let messages = system.into_iter().chain([(Role::User, request.text.clone())]).map(message);
            Ok(Prompt::new(model_id.to_owned(), sampling, messages.collect(), AnswerText::default()))
        };
        let prices = Arc::new(Prices::read(&self.paths.data_dir));
        let on_event = Arc::new(on_event);
        let answer = |side, model_id: &str| {
            let (prices, on_event) = (prices.clone(), on_event.clone());
            let (turn, open) = (turn.clone(), open.clone());
            let (prompt, history) = (prompt(model_id)?, self.chats_file.get()?);
            Ok::<_, ErrorView>(SideAnswer { side, prompt, history, prices, on_event, turn, open })
        };
        let (left, right) = (answer(Side::Left, &request.left)?, answer(Side::Right, &request.right)?);
        let backend = |model_id: &str| self.backend(model_id, COMPARISON, request.when_busy, || {});
        let (left, right) = (left.run(backend(&request.left)), right.run(backend(&request.right)));
        // There is one worker, and two answers at once would slow each other down.
        let both_local = [&request.left, &request.right].into_iter().all(|model| self.runs_here(model));
        tokio::spawn(async move {
            if both_local {
                left.await;
                right.await;
            } else {
                tokio::join!(left, right);
            }
        });
        Ok(())
    }

    /// The path of the user's prices; the file need not exist.
    pub async fn prices_file(&self) -> Result<String, ErrorView> {
        Ok(Prices::path(&self.paths.data_dir).display().to_string())
    }

    /// Does nothing when no comparison is running.
    pub async fn compare_stop(&self) -> Result<(), ErrorView> {
        self.answer_stop(COMPARISON).await
    }
}

/// The answer of one side while it is streamed.
struct SideAnswer {
    side: Side,
    prompt: Prompt,
    history: Arc<History>,
    prices: Arc<Result<Prices, ErrorView>>,
    on_event: Arc<OnCompare>,
    turn: Arc<Turn>,
    /// The number of sides that have not ended.
    open: Arc<AtomicUsize>,
}

/// Measurements of one side.
#[derive(Default)]
struct SideStats {
    first_token: Option<Duration>,
    usage: Option<(u32, u32)>,
}

impl SideAnswer {
    async fn run(self, backend: impl Future<Output = Result<Backend, ErrorView>>) {
        let mut stop = self.turn.stop.clone();
        let stop = async { stop.wait_for(|stop| *stop).await.is_ok() };
        let none = SideStats::default();
        let backend = tokio::select! {
            biased;
            true = stop => return self.end(CompareState::Stopped, None, Duration::ZERO, &none),
            backend = backend => backend,
        };
        let backend = match backend {
            Ok(backend) => backend,
            Err(error) => return self.end(CompareState::Failed, Some(error), Duration::ZERO, &none),
        };
        (self.on_event)(CompareEvent::Asked { side: self.side });
        let (start, mut stats) = (Instant::now(), SideStats::default());
        let (state, error) = self.stream(backend, start, &mut stats).await;
        self.end(state, error, start.elapsed(), &stats);
    }

    async fn stream(
        &self,
        backend: Backend,
        start: Instant,
        stats: &mut SideStats,
    ) -> (CompareState, Option<ErrorView>) {
        let mut stop = self.turn.stop.clone();
        let mut stop = std::pin::pin!(async { stop.wait_for(|stop| *stop).await.is_ok() });
        let mut events = tokio::select! {
            biased;
            true = &mut stop => return (CompareState::Stopped, None),
            events = backend.stream(self.prompt.clone(), self.history.clone()) => match events {
                Ok(events) => events,
                Err(error) => return (CompareState::Failed, Some(error)),
            },
        };
        let mut unshown = AnswerText::default();
        let mut tick = tokio::time::interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ending = loop {
            tokio::select! {
                biased;
                true = &mut stop => break (CompareState::Stopped, None),
                _ = tick.tick() => self.show(&mut unshown),
                next = events.next() => match next {
                    Some(Ok(BackendEvent::Usage { prompt_tokens, completion_tokens })) => {
                        stats.usage = Some((prompt_tokens, completion_tokens));
                    }
                    // Both sides are measured in the same way, by this program.
                    Some(Ok(BackendEvent::Measured(_) | BackendEvent::Traced { .. })) => {}
                    Some(Ok(
                        BackendEvent::VisionProgress(_)
                        | BackendEvent::PromptProgress(_)
                        | BackendEvent::Waiting,
                    )) => {}
                    Some(Ok(BackendEvent::End { length: true })) => break (CompareState::Length, None),
                    Some(Ok(BackendEvent::End { length: false })) => break (CompareState::Done, None),
                    Some(Ok(event)) => {
                        stats.first_token.get_or_insert_with(|| start.elapsed());
                        unshown.push(&event);
                    }
                    Some(Err(error)) => break (CompareState::Failed, Some(error)),
                    None => {
                        let cut = ErrorView::new(ErrorCode::EndpointCut, "read the answer to its end");
                        break (CompareState::Failed, Some(cut));
                    }
                },
            }
        };
        self.show(&mut unshown);
        ending
    }

    fn show(&self, unshown: &mut AnswerText) {
        if !unshown.is_empty() {
            let AnswerText { text, reasoning } = std::mem::take(unshown);
            (self.on_event)(CompareEvent::Delta { side: self.side, text, reasoning });
        }
    }

    fn end(&self, state: CompareState, error: Option<ErrorView>, total: Duration, stats: &SideStats) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let (cost, cost_problem) = match (&*self.prices, stats.usage) {
            (Err(problem), _) if cloud_model(&self.prompt.model_id).is_some() => {
                (None, Some(problem.clone()))
            }
            (Ok(prices), Some(usage)) => (prices.cost(&self.prompt.model_id, usage), None),
            _ => (None, None),
        };
        let result = CompareResult {
            state,
            first_token_ms: stats.first_token.map(milliseconds),
            total_ms: milliseconds(total),
            prompt_tokens: stats.usage.map(|(prompt, _)| prompt),
            completion_tokens: stats.usage.map(|(_, completion)| completion),
            cost,
            cost_problem,
        };
        let side = self.side;
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            // Before the event, so that its receiver may start the next comparison at once.
            self.turn.end();
        }
        (self.on_event)(match error {
            Some(error) => CompareEvent::Failed { side, result, error },
            None => CompareEvent::Finished { side, result },
        });
    }
}

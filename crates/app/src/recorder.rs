//! One answer from first piece to last: pieces are gathered for 40 ms before a host sees them, written to the history
//! at most every 500 ms, and all flushed before the terminal event. Knows no HTTP and no worker, only a stream.
use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{AnswerEvent, AnswerStats, AreaView, BOX_SCALE, BoxView, ErrorCode, ErrorView, MessageView};
use endpoint::{Boxes, Looking};
use futures_util::{Stream, StreamExt};
use history::{Ending, History, State};
use tokio::sync::watch;

use crate::convert::{history_error, message_view};
use crate::pictures::BoxTarget;
use crate::repetition::Repetition;

const SHOW_EVERY: Duration = Duration::from_millis(40);
const WRITE_EVERY: Duration = Duration::from_millis(500);

/// What a model sends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Reasoning(String),
    /// Another model is answering somebody, and this answer waits for its end.
    Waiting,
    /// Before the first word: how far it is with the pictures.
    Looking(Looking),
    /// Where that is which the text just named.
    Boxes(Vec<Boxes>),
    Usage {
        prompt_tokens: u32,
        completion_tokens: u32,
    },
    /// Times that the worker measured itself; they are better than ours.
    Measured {
        first_token_ms: f64,
        tokens_per_second: f64,
    },
    /// The model ended by itself, or at a limit of tokens.
    End {
        length: bool,
    },
}

/// An answer, or a part of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Text {
    pub text: String,
    pub reasoning: String,
}

impl Text {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty()
    }

    pub(crate) fn add(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(text) => self.text.push_str(text),
            Piece::Reasoning(text) => self.reasoning.push_str(text),
            Piece::Waiting
            | Piece::Looking(_)
            | Piece::Boxes(_)
            | Piece::Usage { .. }
            | Piece::Measured { .. }
            | Piece::End { .. } => {}
        }
    }
}

pub(crate) struct Recorder<F> {
    pub history: Arc<History>,
    pub message_id: String,
    pub model_id: String,
    /// What an answer that is continued has already, and how long it thought, in milliseconds.
    pub so_far: Text,
    pub thought_before: Option<u32>,
    pub boxes: Vec<BoxView>,
    /// The image that boxes of the answer lie on.
    pub box_target: BoxTarget,
    pub on_event: F,
}

/// Measures thinking: from its first word to the first word of the answer, or to the end.
#[derive(Default)]
struct Thinking {
    began: Option<Instant>,
    took: Option<Duration>,
}

impl Thinking {
    fn heard(&mut self, piece: &Piece) {
        match piece {
            Piece::Reasoning(_) => {
                self.began.get_or_insert_with(Instant::now);
            }
            Piece::Text(_) => self.pause(),
            Piece::Waiting
            | Piece::Looking(_)
            | Piece::Boxes(_)
            | Piece::Usage { .. }
            | Piece::Measured { .. }
            | Piece::End { .. } => {}
        }
    }

    fn pause(&mut self) {
        if let Some(began) = self.began.take() {
            self.took = Some(self.took.unwrap_or_default() + began.elapsed());
        }
    }

    /// With what an earlier part took.
    fn total_ms(mut self, before: Option<u32>) -> Option<u32> {
        self.pause();
        let took = self.took.map(|took| u32::try_from(took.as_millis()).unwrap_or(u32::MAX));
        match (took, before) {
            (Some(took), before) => Some(took.saturating_add(before.unwrap_or(0))),
            (None, before) => before,
        }
    }
}

impl<F: Fn(AnswerEvent) + Send + Sync> Recorder<F> {
    /// Runs until a terminal event was sent. A failure of the disk ends the answer too: what is shown is what is kept.
    pub(crate) async fn run(
        self,
        pieces: impl Stream<Item = Result<Piece, ErrorView>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut pieces = Box::pin(pieces);
        let (mut all, mut unshown, mut unwritten) = (self.so_far.clone(), Text::default(), Text::default());
        let (mut thinking, mut boxes) = (Thinking::default(), self.boxes.clone());
        let (mut usage, mut measured, mut counted) = (None, None, None);
        let mut repetition = Repetition::default();
        let (started, mut first, mut written) = (Instant::now(), None, Instant::now());
        let mut tick = tokio::time::interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (state, error) = loop {
            tokio::select! {
                biased;
                true = async { stopped.wait_for(|stop| *stop).await.is_ok() } => break (State::Stopped, None),
                _ = tick.tick() => {
                    repetition.push(&unshown.reasoning);
                    repetition.push(&unshown.text);
                    self.show(&mut unshown);
                    if counted != usage {
                        counted = usage;
                        self.count(usage);
                    }
                    if repetition.found() {
                        (self.on_event)(AnswerEvent::Repeating { message_id: self.message_id.clone() });
                    }
                    if written.elapsed() >= WRITE_EVERY && !unwritten.is_empty() {
                        if let Err(error) = self.write(std::mem::take(&mut unwritten)).await {
                            break (State::Interrupted, Some(error));
                        }
                        written = Instant::now();
                    }
                }
                next = pieces.next() => match next {
                    Some(Ok(Piece::End { length })) => break (if length { State::Length } else { State::Done }, None),
                    Some(Ok(Piece::Usage { prompt_tokens, completion_tokens })) => {
                        usage = Some((prompt_tokens, completion_tokens));
                    }
                    Some(Ok(Piece::Measured { first_token_ms, tokens_per_second })) => {
                        measured = Some((first_token_ms, tokens_per_second));
                    }
                    Some(Ok(Piece::Looking(looking))) => self.look(looking),
                    Some(Ok(Piece::Waiting)) => {
                        (self.on_event)(AnswerEvent::Waiting { message_id: self.message_id.clone() });
                    }
                    Some(Ok(Piece::Boxes(found))) => boxes.extend(found.iter().filter_map(|one| self.placed(one))),
                    Some(Ok(piece)) => {
                        first.get_or_insert_with(Instant::now);
                        thinking.heard(&piece);
                        [&mut all, &mut unshown, &mut unwritten].into_iter().for_each(|part| part.add(&piece));
                    }
                    Some(Err(error)) => break (State::Interrupted, Some(error)),
                    None => {
                        let error = ErrorView::new(ErrorCode::WorkerDied, "read the answer: it ended in the middle");
                        break (State::Interrupted, Some(error));
                    }
                },
            }
        };
        let thinking_ms = thinking.total_ms(self.thought_before);
        // The counts follow the end of the text; they are worth a moment, not a wait.
        if matches!(state, State::Done | State::Length) {
            let rest = async {
                while let Some(Ok(piece)) = pieces.next().await {
                    match piece {
                        Piece::Usage { prompt_tokens, completion_tokens } => {
                            usage = Some((prompt_tokens, completion_tokens));
                        }
                        Piece::Measured { first_token_ms, tokens_per_second } => {
                            measured = Some((first_token_ms, tokens_per_second));
                        }
                        _ => {}
                    }
                }
            };
            let _ = tokio::time::timeout(Duration::from_millis(500), rest).await;
        }
        // Whoever waits for the worker may have it before the end is told.
        drop(pieces);
        self.show(&mut unshown);
        let mut stats = usage.zip(first).map(|(counts, first)| self.stats(counts, started, first));
        if let (Some(stats), Some((first_token_ms, tokens_per_second))) = (&mut stats, measured) {
            (stats.first_token_ms, stats.tokens_per_second) = (first_token_ms, tokens_per_second);
        }
        self.end(all, Outcome { state, error, stats, boxes, thinking_ms }).await;
    }

    /// In pixels of its image, whichever corner the model named first; nothing where there is no image.
    fn placed(&self, found: &Boxes) -> Option<BoxView> {
        let (picture_id, width, height) = match &self.box_target {
            BoxTarget::None => return None,
            BoxTarget::Image(image) => (Some(image.id.clone()), image.width, image.height),
            BoxTarget::Unknown => (None, BOX_SCALE, BOX_SCALE),
        };
        let scaled = |v: u16, side: u32| (f64::from(v) / f64::from(BOX_SCALE) * f64::from(side)) as u32;
        let area = |&[x, y, x2, y2]: &[u16; 4]| AreaView {
            left: scaled(x.min(x2), width).min(width),
            top: scaled(y.min(y2), height).min(height),
            right: scaled(x.max(x2), width).min(width),
            bottom: scaled(y.max(y2), height).min(height),
        };
        let areas = found.boxes.iter().map(area).collect();
        Some(BoxView { label: found.label.clone(), picture_id, areas })
    }

    /// The worker says it a few times a second at most.
    fn look(&self, Looking { picture, pictures, done, all }: Looking) {
        let percent = (u64::from(done.min(all)) * 100 / u64::from(all.max(1))) as u32;
        let message_id = self.message_id.clone();
        (self.on_event)(AnswerEvent::Looking { message_id, picture, pictures, percent });
    }

    fn count(&self, usage: Option<(u32, u32)>) {
        if let Some((prompt_tokens, completion_tokens)) = usage {
            let message_id = self.message_id.clone();
            (self.on_event)(AnswerEvent::Counted { message_id, prompt_tokens, completion_tokens });
        }
    }

    fn show(&self, unshown: &mut Text) {
        if !unshown.is_empty() {
            let Text { text, reasoning } = std::mem::take(unshown);
            (self.on_event)(AnswerEvent::Delta { message_id: self.message_id.clone(), text, reasoning });
        }
    }

    async fn write(&self, part: Text) -> Result<(), ErrorView> {
        let (history, id) = (self.history.clone(), self.message_id.clone());
        blocking(move || history.append_partial(&id, &part.text, &part.reasoning)).await
    }

    fn stats(
        &self,
        (prompt_tokens, completion_tokens): (u32, u32),
        started: Instant,
        first: Instant,
    ) -> AnswerStats {
        let seconds = first.elapsed().as_secs_f64();
        // The first token is the work of the prompt, so the rate counts those after it.
        let after_first = f64::from(completion_tokens.saturating_sub(1));
        AnswerStats {
            model_id: self.model_id.clone(),
            prompt_tokens,
            completion_tokens,
            first_token_ms: (first - started).as_secs_f64() * 1000.0,
            tokens_per_second: if seconds > 0.0 { after_first / seconds } else { 0.0 },
        }
    }

    async fn end(&self, all: Text, outcome: Outcome) {
        let error = outcome.error.clone();
        match self.store(all, outcome).await {
            Ok(message) => (self.on_event)(match error {
                Some(error) => AnswerEvent::Failed { message, error },
                None => AnswerEvent::Finished { message },
            }),
            // The chat was deleted under the answer, or the disk is full: say it with what is stored, if anything.
            Err(lost) => {
                tracing::error!(%lost, "failed to keep the end of an answer");
                let (history, id) = (self.history.clone(), self.message_id.clone());
                if let Ok(Ok(message)) = blocking(move || history.message(&id)).await.map(message_view) {
                    (self.on_event)(AnswerEvent::Failed { message, error: error.unwrap_or(lost) });
                }
            }
        }
    }

    async fn store(&self, all: Text, outcome: Outcome) -> Result<MessageView, ErrorView> {
        let Outcome { state, error, stats, boxes, thinking_ms } = outcome;
        let boxes = (!boxes.is_empty()).then_some(boxes);
        let (error, stats, boxes) = (json(error)?, json(stats)?, json(boxes)?);
        let (history, id) = (self.history.clone(), self.message_id.clone());
        let message = blocking(move || {
            let (text, reasoning) = (all.text.as_str(), all.reasoning.as_str());
            history.message_end(
                &id,
                &Ending {
                    text,
                    reasoning,
                    thinking_ms,
                    state,
                    error: error.as_deref(),
                    stats: stats.as_deref(),
                    boxes: boxes.as_deref(),
                },
            )
        })
        .await?;
        message_view(message)
    }
}

/// How it ended.
struct Outcome {
    state: State,
    error: Option<ErrorView>,
    stats: Option<AnswerStats>,
    boxes: Vec<BoxView>,
    thinking_ms: Option<u32>,
}

fn json<T: serde::Serialize>(value: Option<T>) -> Result<Option<String>, ErrorView> {
    let written = value.map(|value| serde_json::to_string(&value)).transpose();
    written.map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, history::HistoryError> + Send + 'static,
) -> Result<T, ErrorView> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ErrorView::new(ErrorCode::Internal, format!("use the history: {error}")))?
        .map_err(history_error)
}

#[cfg(test)]
mod tests;

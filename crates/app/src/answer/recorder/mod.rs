//! Records one answer from its first event to its last: text is gathered for 40 ms before the host gets it,
//! stored in the history at most every 500 ms, and flushed before the terminal event. Knows a stream of
//! events, no HTTP and no worker.
mod calls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::{
    AnswerEvent, AnswerStats, AreaView, BOX_SCALE, BoxView, ErrorCode, ErrorView, MessageView, ToolCallView,
};
use endpoint::{Grounding, VisionProgress};
use futures_util::{Stream, StreamExt};
use history::{FinalAnswer, History, State};
use protocol::openai::PromptProgress;
use tokio::sync::watch;

use self::calls::Calls;
use super::event::{AnswerText, BackendEvent};
use super::repetition::Repetition;
use super::trace::{Traces, draft_stats};
use crate::blocking::blocking;
use crate::convert::{history_error, message_view};
use crate::images::BoxTarget;

const SHOW_EVERY: Duration = Duration::from_millis(40);
/// Work that failed, in messages.
const HISTORY: &str = "use the history";
const WRITE_EVERY: Duration = Duration::from_millis(500);

pub(crate) struct Recorder<F> {
    pub history: Arc<History>,
    pub message_id: String,
    pub model_id: String,
    /// The text of an answer that is continued, and how long it took to think.
    pub partial: AnswerText,
    pub thought_before_ms: Option<u32>,
    pub boxes: Vec<BoxView>,
    pub calls: Vec<ToolCallView>,
    /// The image that boxes of the answer refer to.
    pub box_target: BoxTarget,
    pub on_event: F,
}

/// Measures thinking: from its first token to the first token of the answer, or to the end.
#[derive(Default)]
struct ThinkingTimer {
    since: Option<Instant>,
    total: Option<Duration>,
}

impl ThinkingTimer {
    fn update(&mut self, event: &BackendEvent) {
        match event {
            BackendEvent::Reasoning(_) => {
                self.since.get_or_insert_with(Instant::now);
            }
            BackendEvent::Text(_) => self.pause(),
            BackendEvent::Waiting
            | BackendEvent::VisionProgress(_)
            | BackendEvent::PromptProgress(_)
            | BackendEvent::Call(_)
            | BackendEvent::Called { .. }
            | BackendEvent::Grounding(_)
            | BackendEvent::Traced { .. }
            | BackendEvent::Usage { .. }
            | BackendEvent::Measured(_)
            | BackendEvent::End { .. } => {}
        }
    }

    fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.total = Some(self.total.unwrap_or_default() + since.elapsed());
        }
    }

    /// Including the time of an earlier part.
    fn total_ms(mut self, before: Option<u32>) -> Option<u32> {
        self.pause();
        let total = self.total.map(|total| u32::try_from(total.as_millis()).unwrap_or(u32::MAX));
        match (total, before) {
            (Some(total), before) => Some(total.saturating_add(before.unwrap_or(0))),
            (None, before) => before,
        }
    }
}

impl<F: Fn(AnswerEvent) + Send + Sync> Recorder<F> {
    /// Runs until a terminal event was sent. A disk error ends the answer too, so that what is shown is what
    /// is stored.
    pub(crate) async fn run(
        self,
        events: impl Stream<Item = Result<BackendEvent, ErrorView>>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut events = Box::pin(events);
        let (mut all, mut unshown, mut unstored) =
            (self.partial.clone(), AnswerText::default(), AnswerText::default());
        let (mut thinking, mut boxes) = (ThinkingTimer::default(), self.boxes.clone());
        let (mut usage, mut measured, mut shown_usage) = (None, None, None);
        let mut calls = Calls::new(self.calls.clone());
        let (mut repetition, mut traces) = (Repetition::default(), Traces::default());
        let (started, mut first, mut stored) = (Instant::now(), None, Instant::now());
        let mut tick = tokio::time::interval(SHOW_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (state, error) = loop {
            tokio::select! {
                biased;
                true = async { stop.wait_for(|on| *on).await.is_ok() } => break (State::Stopped, None),
                _ = tick.tick() => {
                    repetition.push(&unshown.reasoning);
                    repetition.push(&unshown.text);
                    self.show(&mut unshown);
                    self.show_traces(&mut traces);
                    if shown_usage != usage {
                        shown_usage = usage;
                        self.show_usage(usage);
                    }
                    if repetition.detect() {
                        (self.on_event)(AnswerEvent::Repeating { message_id: self.message_id.clone() });
                    }
                    if stored.elapsed() >= WRITE_EVERY && !unstored.is_empty() {
                        if let Err(error) = self.store_partial(std::mem::take(&mut unstored)).await {
                            break (State::Interrupted, Some(error));
                        }
                        stored = Instant::now();
                    }
                }
                next = events.next() => match next {
                    Some(Ok(BackendEvent::End { length: true })) => break (State::Length, None),
                    Some(Ok(BackendEvent::End { length: false })) => break (State::Done, None),
                    Some(Ok(BackendEvent::Usage { prompt_tokens, completion_tokens })) => {
                        usage = Some((prompt_tokens, completion_tokens));
                    }
                    Some(Ok(BackendEvent::Measured(timings))) => measured = Some(timings),
                    Some(Ok(BackendEvent::Traced { experts, tokens })) => traces.push(experts, tokens),
                    Some(Ok(BackendEvent::VisionProgress(progress))) => self.vision_progress(progress),
                    Some(Ok(BackendEvent::PromptProgress(progress))) => self.prompt_progress(progress),
                    Some(Ok(BackendEvent::Waiting)) => {
                        (self.on_event)(AnswerEvent::Waiting { message_id: self.message_id.clone() });
                    }
                    Some(Ok(BackendEvent::Grounding(found))) => {
                        boxes.extend(found.iter().filter_map(|one| self.in_pixels(one)));
                    }
                    Some(Ok(BackendEvent::Called { call, result })) => {
                        first.get_or_insert_with(Instant::now);
                        thinking.pause();
                        self.show(&mut unshown);
                        let call = calls.put(call, &all);
                        // The text before a call is stored first, or the call would stand elsewhere after
                        // a kill.
                        let part = std::mem::take(&mut unstored);
                        if let Err(error) = self.store_call(part, &call, result).await {
                            break (State::Interrupted, Some(error));
                        }
                        stored = Instant::now();
                        (self.on_event)(AnswerEvent::Called { message_id: self.message_id.clone(), call });
                    }
                    Some(Ok(event)) => {
                        first.get_or_insert_with(Instant::now);
                        thinking.update(&event);
                        for part in [&mut all, &mut unshown, &mut unstored] {
                            part.push(&event);
                        }
                    }
                    Some(Err(error)) => break (State::Interrupted, Some(error)),
                    None => {
                        let message = "read the answer: it ended in the middle";
                        break (State::Interrupted, Some(ErrorView::new(ErrorCode::WorkerDied, message)));
                    }
                },
            }
        };
        let thinking_ms = thinking.total_ms(self.thought_before_ms);
        // The token counts follow the end of the text. They are read for half a second, then left out.
        if matches!(state, State::Done | State::Length) {
            let rest = async {
                while let Some(Ok(event)) = events.next().await {
                    match event {
                        BackendEvent::Usage { prompt_tokens, completion_tokens } => {
                            usage = Some((prompt_tokens, completion_tokens));
                        }
                        BackendEvent::Measured(timings) => measured = Some(timings),
                        BackendEvent::Traced { experts, tokens } => traces.push(experts, tokens),
                        _ => {}
                    }
                }
            };
            let _ = tokio::time::timeout(Duration::from_millis(500), rest).await;
        }
        // Frees the worker before the terminal event, so that a queued answer may start.
        drop(events);
        self.show(&mut unshown);
        self.show_traces(&mut traces);
        if shown_usage != usage {
            self.show_usage(usage);
        }
        for call in calls.stop() {
            match calls::store(&self.history, &self.message_id, &call, String::new()).await {
                Ok(()) => (self.on_event)(AnswerEvent::Called { message_id: self.message_id.clone(), call }),
                Err(lost) => tracing::error!(%lost, "failed to store the end of a call"),
            }
        }
        let (writing, tools) = (first.map(|first| first.elapsed()), calls.time());
        let writing = writing.map(|writing| writing.saturating_sub(tools));
        let first = first.map(|first| first - started);
        let mut stats = usage.zip(first.zip(writing)).map(|(counts, times)| self.stats(counts, times));
        if let (Some(stats), Some(timings)) = (&mut stats, measured) {
            stats.first_token_ms = timings.first_token_ms;
            stats.tokens_per_second = timings.tokens_per_second;
            stats.drafts = draft_stats(timings.drafts);
        }
        self.end(all, Outcome { state, error, stats, boxes, thinking_ms }).await;
    }

    /// Boxes in pixels of their image. Models name either corner first. `None` where the conversation has no
    /// image.
    fn in_pixels(&self, found: &Grounding) -> Option<BoxView> {
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

    /// The worker sends these a few times a second at most.
    fn vision_progress(&self, VisionProgress { image, images, done, total }: VisionProgress) {
        let percent = (u64::from(done.min(total)) * 100 / u64::from(total.max(1))) as u32;
        let message_id = self.message_id.clone();
        (self.on_event)(AnswerEvent::Looking { message_id, picture: image, pictures: images, percent });
    }

    fn prompt_progress(&self, progress: PromptProgress) {
        let PromptProgress { total, cache, processed, time_ms } = progress;
        let (total, processed) = (total.0, processed.0.min(total.0));
        let computed = processed.saturating_sub(cache.0);
        // The time of what is left is that of what is done; the first report has computed nothing yet.
        let seconds_left = (computed > 0)
            .then(|| f64::from(total - processed) * time_ms as f64 / 1000.0 / f64::from(computed));
        let message_id = self.message_id.clone();
        (self.on_event)(AnswerEvent::Reading { message_id, processed, total, seconds_left });
    }

    fn show_usage(&self, usage: Option<(u32, u32)>) {
        if let Some((prompt_tokens, completion_tokens)) = usage {
            let message_id = self.message_id.clone();
            (self.on_event)(AnswerEvent::Counted { message_id, prompt_tokens, completion_tokens });
        }
    }

    fn show(&self, unshown: &mut AnswerText) {
        if !unshown.is_empty() {
            let AnswerText { text, reasoning } = std::mem::take(unshown);
            (self.on_event)(AnswerEvent::Delta { message_id: self.message_id.clone(), text, reasoning });
        }
    }

    fn show_traces(&self, traces: &mut Traces) {
        let Traces { experts, tokens } = std::mem::take(traces);
        if experts.is_some() || !tokens.is_empty() {
            (self.on_event)(AnswerEvent::Traced { message_id: self.message_id.clone(), experts, tokens });
        }
    }

    async fn store_partial(&self, part: AnswerText) -> Result<(), ErrorView> {
        let (history, id) = (self.history.clone(), self.message_id.clone());
        let append = move || history.append_partial(&id, &part.text, &part.reasoning).map_err(history_error);
        blocking(HISTORY, append).await
    }

    async fn store_call(
        &self,
        part: AnswerText,
        call: &ToolCallView,
        result: String,
    ) -> Result<(), ErrorView> {
        if !part.is_empty() {
            self.store_partial(part).await?;
        }
        calls::store(&self.history, &self.message_id, call, result).await
    }

    fn stats(
        &self,
        (prompt_tokens, completion_tokens): (u32, u32),
        (first_token, writing): (Duration, Duration),
    ) -> AnswerStats {
        let seconds = writing.as_secs_f64();
        // The first token is part of the prefill, so the rate counts the tokens after it.
        let after_first = f64::from(completion_tokens.saturating_sub(1));
        AnswerStats {
            model_id: self.model_id.clone(),
            prompt_tokens,
            completion_tokens,
            first_token_ms: first_token.as_secs_f64() * 1000.0,
            tokens_per_second: if seconds > 0.0 { after_first / seconds } else { 0.0 },
            drafts: None,
        }
    }

    async fn end(&self, all: AnswerText, outcome: Outcome) {
        let error = outcome.error.clone();
        match self.store(all, outcome).await {
            Ok(message) => (self.on_event)(match error {
                Some(error) => AnswerEvent::Failed { message, error },
                None => AnswerEvent::Finished { message },
            }),
            // The chat was deleted meanwhile, or the disk is full. The event has the message as it is stored,
            // if it is.
            Err(lost) => {
                tracing::error!(%lost, "failed to store the end of an answer");
                let (history, id) = (self.history.clone(), self.message_id.clone());
                let read = move || history.message(&id).map_err(history_error);
                if let Ok(Ok(message)) = blocking(HISTORY, read).await.map(message_view) {
                    (self.on_event)(AnswerEvent::Failed { message, error: error.unwrap_or(lost) });
                }
            }
        }
    }

    async fn store(&self, all: AnswerText, outcome: Outcome) -> Result<MessageView, ErrorView> {
        let Outcome { state, error, stats, boxes, thinking_ms } = outcome;
        let boxes = (!boxes.is_empty()).then_some(boxes);
        let (error, stats, boxes) = (json(error)?, json(stats)?, json(boxes)?);
        let (history, id) = (self.history.clone(), self.message_id.clone());
        let message = blocking(HISTORY, move || {
            let (text, reasoning) = (all.text.as_str(), all.reasoning.as_str());
            let answer = FinalAnswer {
                text,
                reasoning,
                thinking_ms,
                state,
                error: error.as_deref(),
                stats: stats.as_deref(),
                boxes: boxes.as_deref(),
            };
            history.message_end(&id, &answer).map_err(history_error)
        })
        .await?;
        message_view(message)
    }
}

/// How an answer ended.
struct Outcome {
    state: State,
    error: Option<ErrorView>,
    stats: Option<AnswerStats>,
    boxes: Vec<BoxView>,
    thinking_ms: Option<u32>,
}

fn json<T: serde::Serialize>(value: Option<T>) -> Result<Option<String>, ErrorView> {
    let text = value.map(|value| serde_json::to_string(&value)).transpose();
    text.map_err(|error| ErrorView::new(ErrorCode::Internal, error.to_string()))
}

#[cfg(test)]
mod tests;

//! What a backend streams while it answers, one event per change of the text or of a count.
//! Made of the deltas of the OpenAI protocol; knows no connection.
use contract::{ErrorView, ToolCallView};
use endpoint::{CallDelta, ChatDelta, ExpertLayers, Grounding, TokenTrace, VisionProgress};
use futures_util::stream::BoxStream;
use protocol::Timings;
use protocol::openai::PromptProgress;

pub(crate) type BackendStream = BoxStream<'static, Result<BackendEvent, ErrorView>>;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum BackendEvent {
    Text(String),
    Reasoning(String),
    /// The worker is answering with another model, and this answer is queued behind it.
    Waiting,
    /// Progress of the vision encoder, before the first token.
    VisionProgress(VisionProgress),
    /// How much of the prompt is computed, before the first token.
    PromptProgress(PromptProgress),
    /// Where the objects are that the text just named.
    Grounding(Vec<Grounding>),
    /// A part of a call that the model writes.
    Call(CallDelta),
    /// A call is new, or its state has changed.
    Called {
        call: ToolCallView,
        /// The whole of it, where the call has ended.
        result: String,
    },
    /// How the next tokens were made.
    Traced {
        experts: Option<ExpertLayers>,
        tokens: Vec<TokenTrace>,
    },
    Usage {
        prompt_tokens: u32,
        completion_tokens: u32,
    },
    /// What the worker measured. Its times exclude the connection and replace our own.
    Measured(Timings),
    /// The model ended by itself, or at the limit of tokens.
    End {
        length: bool,
    },
}

/// The text of an answer, or a part of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct AnswerText {
    pub text: String,
    pub reasoning: String,
}

impl AnswerText {
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty()
    }

    pub(crate) fn push(&mut self, event: &BackendEvent) {
        match event {
            BackendEvent::Text(text) => self.text.push_str(text),
            BackendEvent::Reasoning(text) => self.reasoning.push_str(text),
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
}

/// The events of one delta. `End` is the last, because the recorder reads little after it.
pub(super) fn events_of(delta: ChatDelta) -> Vec<Result<BackendEvent, ErrorView>> {
    let mut events = Vec::new();
    events.extend(delta.vision_progress.map(BackendEvent::VisionProgress));
    events.extend(delta.prompt_progress.map(BackendEvent::PromptProgress));
    if !delta.reasoning.is_empty() {
        events.push(BackendEvent::Reasoning(delta.reasoning));
    }
    if !delta.text.is_empty() {
        events.push(BackendEvent::Text(delta.text));
    }
    if !delta.grounding.is_empty() {
        events.push(BackendEvent::Grounding(delta.grounding));
    }
    events.extend(delta.calls.into_iter().map(BackendEvent::Call));
    if delta.experts.is_some() || !delta.tokens.is_empty() {
        events.push(BackendEvent::Traced { experts: delta.experts, tokens: delta.tokens });
    }
    if let Some(usage) = delta.usage {
        let (prompt_tokens, completion_tokens) = (usage.prompt_tokens.0, usage.completion_tokens.0);
        events.push(BackendEvent::Usage { prompt_tokens, completion_tokens });
        events.extend(usage.whaledeck.map(BackendEvent::Measured));
    }
    if let Some(finish) = delta.finish {
        events.push(BackendEvent::End { length: finish == "length" });
    }
    events.into_iter().map(Ok).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_last_event_of_a_delta() {
        let delta = ChatDelta { text: "a".into(), finish: Some("length".into()), ..ChatDelta::default() };
        assert_eq!(
            events_of(delta),
            [Ok(BackendEvent::Text("a".into())), Ok(BackendEvent::End { length: true })]
        );
    }
}

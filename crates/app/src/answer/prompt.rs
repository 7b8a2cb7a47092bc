//! The prompt of an answer: a chat's messages and settings, and the request body made of them.
//! Thinking of earlier answers is left out, as the models were trained. Does not know which model answers.
use std::sync::Arc;

use contract::{ErrorView, MessageView, Role, SamplingView, Thinking};
use endpoint::{ChatMessage, ChatRequest};
use history::{History, HistoryError};
use serde_json::Value;

use super::event::AnswerText;
use super::prompt_message::PromptMessage;
use super::rounds::Rounds;
use crate::blocking::blocking;
use crate::convert::history_error;
use crate::images::{BoxTarget, ImagePolicy, data_urls, placeholder_text};

/// The prompt of one answer, independent of the server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Prompt {
    pub model_id: String,
    pub sampling: SamplingView,
    /// The system prompt is first when there is one.
    pub messages: Vec<PromptMessage>,
    /// The beginning of the answer when it is continued; empty for a new one.
    pub partial: AnswerText,
    /// The image that boxes of the answer refer to.
    pub box_target: BoxTarget,
    /// The server reports how each token was made.
    pub trace: bool,
    /// What keeps its cached prefix apart from those of all others.
    pub cache_salt: Option<String>,
    /// The functions that are offered.
    pub tools: Vec<Value>,
    /// The number of the next request to the model within the answer.
    pub next_round: u32,
}

impl Prompt {
    pub(crate) fn new(
        model_id: String,
        sampling: SamplingView,
        messages: Vec<PromptMessage>,
        partial: AnswerText,
    ) -> Self {
        let box_target = box_target(&messages);
        Self {
            model_id,
            sampling,
            messages,
            partial,
            box_target,
            trace: false,
            cache_salt: None,
            tools: Vec::new(),
            next_round: 0,
        }
    }

    /// The body of the request, with the images read from the history's files. `model` is the server's name
    /// of the model.
    pub(crate) async fn request(
        self,
        model: String,
        history: Arc<History>,
    ) -> Result<ChatRequest, ErrorView> {
        let Self {
            model_id: _,
            sampling,
            messages,
            partial,
            box_target: _,
            trace,
            cache_salt,
            tools,
            next_round: _,
        } = self;
        let message = move |message: PromptMessage| {
            if message.pictures.is_empty() {
                return Ok(message.to_chat_message());
            }
            let role = message.role_name();
            data_urls(&history, &message.pictures)
                .map(|urls| ChatMessage::with_images(role, urls, message.text))
        };
        let messages = blocking("read the images", move || {
            let messages: Result<Vec<ChatMessage>, HistoryError> =
                messages.into_iter().map(message).collect();
            messages.map_err(history_error)
        })
        .await?;
        let prefix = (!partial.is_empty()).then(|| ChatMessage::prefix(partial.text, partial.reasoning));
        Ok(ChatRequest {
            model,
            messages: messages.into_iter().chain(prefix).collect(),
            temperature: sampling.temperature,
            top_p: sampling.top_p,
            top_k: (sampling.top_k > 0).then_some(sampling.top_k),
            min_p: (sampling.min_p > 0.0).then_some(sampling.min_p),
            frequency_penalty: sampling.frequency_penalty,
            presence_penalty: sampling.presence_penalty,
            repetition_penalty: Some(sampling.repetition_penalty),
            max_tokens: (sampling.max_tokens > 0).then_some(sampling.max_tokens),
            seed: sampling.seed,
            thinking: thinking_param(sampling.thinking),
            tools,
            return_routed_experts: trace,
            return_progress: true,
            cache_salt,
        })
    }
}

/// The messages of a conversation as the model reads them.
pub(crate) fn prompt_messages(
    system_prompt: &str,
    path: Vec<MessageView>,
    images: ImagePolicy,
) -> Vec<PromptMessage> {
    let mut messages = Vec::new();
    if !system_prompt.trim().is_empty() {
        messages.push(PromptMessage::new(Role::System, system_prompt));
    }
    for message in path {
        let rounds = Rounds::answered(&message);
        messages.extend(rounds.messages);
        let MessageView { role, pictures, .. } = message;
        let text = rounds.rest.text;
        // An answer that failed before its first token has no text.
        if text.is_empty() && pictures.is_empty() {
            continue;
        }
        messages.push(match images {
            ImagePolicy::Include => PromptMessage { pictures, ..PromptMessage::new(role, text) },
            ImagePolicy::Omit => PromptMessage::new(role, placeholder_text(&pictures, &text)),
        });
    }
    messages
}

fn box_target(messages: &[PromptMessage]) -> BoxTarget {
    let last = messages.iter().rposition(|message| message.role == Role::User).unwrap_or(0);
    let images =
        |part: &[PromptMessage]| part.iter().flat_map(|message| message.pictures.clone()).collect::<Vec<_>>();
    let (before, question) = messages.split_at(last);
    let text = question.first().map_or("", |message| message.text.as_str());
    BoxTarget::of(&images(before), &images(question), text)
}

/// The `thinking` field of a request; `None` leaves it to the model.
pub(crate) fn thinking_param(thinking: Thinking) -> Option<bool> {
    match thinking {
        Thinking::Own => None,
        Thinking::On => Some(true),
        Thinking::Off => Some(false),
    }
}

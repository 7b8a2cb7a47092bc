//! Counts the tokens of a prompt: with the tokenizer of the loaded model and the tiling of its images, or as
//! an estimate, which is marked as such.
use std::time::Duration;

use contract::PictureView;
use endpoint::{Arguments, ChatMessage, ChatRequest, Endpoint, MessageContent};

use super::Draft;
use crate::answer::{PromptMessage, thinking_param};
use crate::images::{ImageSupport, image_tokens};
use crate::token_estimate::{MESSAGE, tokens};

/// A busy worker answers later. The user who types must not wait for the count.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) struct Counter {
    endpoint: Option<Endpoint>,
    support: Option<ImageSupport>,
    context: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenCount {
    pub tokens: u32,
    pub exact: bool,
    pub context: Option<u32>,
}

impl Counter {
    pub fn estimating(context: Option<u32>) -> Self {
        Self { endpoint: None, support: None, context }
    }

    /// `endpoint` is `None` while the model is not loaded.
    pub fn of_worker(endpoint: Option<Endpoint>, support: ImageSupport, context: u32) -> Self {
        let context = match &support {
            ImageSupport::Supported { context, .. } => *context,
            ImageSupport::TextOnly | ImageSupport::Unknown | ImageSupport::NotDownloaded => context,
        };
        Self { endpoint, support: Some(support), context: Some(context) }
    }

    /// As far as it is known before anything is counted.
    pub fn context(&self) -> Option<u32> {
        self.context
    }

    pub fn is_exact(&self) -> bool {
        self.endpoint.is_some()
    }

    pub async fn count(&self, messages: Vec<PromptMessage>, draft: &Draft) -> TokenCount {
        let partial = &draft.partial;
        let pictures = self.image_tokens(&messages);
        let messages: Vec<ChatMessage> = messages.into_iter().map(without_pictures).collect();
        if let Some((count, context)) = self.exact(&messages, draft).await {
            return TokenCount { tokens: count + pictures, exact: true, context: Some(context) };
        }
        let estimated: f64 = messages.iter().map(|message| message_tokens(message) + MESSAGE).sum();
        let offered: f64 = draft.tools.iter().map(|tool| tokens(&tool.to_string())).sum();
        let partial_tokens = tokens(&partial.text) + tokens(&partial.reasoning);
        TokenCount {
            tokens: (estimated + offered + partial_tokens).ceil() as u32 + pictures,
            exact: false,
            context: self.context,
        }
    }

    /// `None` where no model is loaded, or it cannot count the prompt.
    async fn exact(&self, messages: &[ChatMessage], draft: &Draft) -> Option<(u32, u32)> {
        let partial = &draft.partial;
        let endpoint = self.endpoint.as_ref()?;
        let mut messages = messages.to_vec();
        if !partial.is_empty() {
            messages.push(ChatMessage::prefix(partial.text.clone(), partial.reasoning.clone()));
        }
        if messages.is_empty() {
            // An empty chat is an empty prompt.
            return Some((0, self.context?));
        }
        let thinking = thinking_param(draft.thinking);
        let tools = draft.tools.clone();
        let request = ChatRequest { messages, top_p: 1.0, thinking, tools, ..ChatRequest::default() };
        tokio::time::timeout(TIMEOUT, endpoint.count_tokens(&request)).await.ok()?.ok()
    }

    fn image_tokens(&self, messages: &[PromptMessage]) -> u32 {
        let all: Vec<&PictureView> = messages.iter().flat_map(|message| &message.pictures).collect();
        match &self.support {
            Some(ImageSupport::Supported { tiling, .. }) => {
                all.iter().map(|picture| image_tokens(tiling, picture, all.len())).sum()
            }
            _ => 0,
        }
    }
}

/// Each image is on a line of its own, as in the engine's prompt.
fn without_pictures(mut message: PromptMessage) -> ChatMessage {
    let lines =
        message.pictures.len() - usize::from(!message.pictures.is_empty() && message.text.starts_with('\n'));
    message.text.insert_str(0, &"\n".repeat(lines));
    message.to_chat_message()
}

fn message_tokens(message: &ChatMessage) -> f64 {
    let text = match &message.content {
        MessageContent::Text(text) => tokens(text),
        MessageContent::Parts(_) | MessageContent::Null => 0.0,
    };
    let calls = message.tool_calls.iter().flatten().map(|call| match &call.function.arguments {
        Arguments::Text(text) => tokens(text) + tokens(&call.function.name),
        Arguments::Object(_) => 0.0,
    });
    text + calls.sum::<f64>()
}

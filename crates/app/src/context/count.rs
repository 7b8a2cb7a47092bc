//! Counts the tokens of a prompt: with the tokenizer of the loaded model and the tiling of its images, or as
//! an estimate, which is marked as such.
use std::time::Duration;

use contract::PictureView;
use endpoint::{ChatMessage, ChatRequest, Endpoint};

use super::Draft;
use crate::answer::{PromptMessage, role_name, thinking_param};
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
        let texts: Vec<(&'static str, String)> =
            messages.into_iter().map(|message| (role_name(message.role), text_of(message))).collect();
        if let Some((count, context)) = self.exact(&texts, draft).await {
            return TokenCount { tokens: count + pictures, exact: true, context: Some(context) };
        }
        let estimated: f64 = texts.iter().map(|(_, text)| tokens(text) + MESSAGE).sum();
        let partial_tokens = tokens(&partial.text) + tokens(&partial.reasoning);
        TokenCount {
            tokens: (estimated + partial_tokens).ceil() as u32 + pictures,
            exact: false,
            context: self.context,
        }
    }

    /// `None` where no model is loaded, or it cannot count the prompt.
    async fn exact(&self, texts: &[(&str, String)], draft: &Draft) -> Option<(u32, u32)> {
        let partial = &draft.partial;
        let endpoint = self.endpoint.as_ref()?;
        let mut messages: Vec<ChatMessage> =
            texts.iter().map(|(role, text)| ChatMessage::new(role, text.clone())).collect();
        if !partial.is_empty() {
            messages.push(ChatMessage::prefix(partial.text.clone(), partial.reasoning.clone()));
        }
        if messages.is_empty() {
            // An empty chat is an empty prompt.
            return Some((0, self.context?));
        }
        let thinking = thinking_param(draft.thinking);
        let request = ChatRequest { messages, top_p: 1.0, thinking, ..ChatRequest::default() };
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
fn text_of(message: PromptMessage) -> String {
    let lines =
        message.pictures.len() - usize::from(!message.pictures.is_empty() && message.text.starts_with('\n'));
    "\n".repeat(lines) + &message.text
}

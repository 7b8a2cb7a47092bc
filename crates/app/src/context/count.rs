//! Tokens of a conversation: by the tokenizer of the model that is loaded, with what pictures cost as the
//! engine cuts them; or an estimate that says so.
use std::time::Duration;

use contract::PictureView;
use endpoint::{ChatMessage, ChatRequest, Endpoint};

use super::Draft;
use super::estimate::{MESSAGE, tokens};
use crate::ask::Said;
use crate::pictures::{Eyes, picture_tokens};
use crate::reply::{role_key, thinks};

/// A worker that computes answers a little later; a person who types waits for no number.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Counter {
    endpoint: Option<Endpoint>,
    eyes: Option<Eyes>,
    context: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    pub tokens: u32,
    pub exact: bool,
    pub context: Option<u32>,
}

impl Counter {
    pub fn estimating(context: Option<u32>) -> Self {
        Self { endpoint: None, eyes: None, context }
    }

    /// With no endpoint while the model is not loaded.
    pub fn of_worker(endpoint: Option<Endpoint>, eyes: Eyes, context: u32) -> Self {
        let context = match &eyes {
            Eyes::Here { context, .. } => *context,
            Eyes::Blind | Eyes::Unknown | Eyes::Absent => context,
        };
        Self { endpoint, eyes: Some(eyes), context: Some(context) }
    }

    pub fn is_exact(&self) -> bool {
        self.endpoint.is_some()
    }

    pub async fn count(&self, messages: Vec<Said>, draft: &Draft) -> Counted {
        let so_far = &draft.so_far;
        let pictures = self.pictures(&messages);
        let words: Vec<(&'static str, String)> =
            messages.into_iter().map(|said| (role_key(said.role), words(said))).collect();
        if let Some((count, context)) = self.asked(&words, draft).await {
            return Counted { tokens: count + pictures, exact: true, context: Some(context) };
        }
        let estimated: f64 = words.iter().map(|(_, text)| tokens(text) + MESSAGE).sum();
        let begun = tokens(&so_far.text) + tokens(&so_far.reasoning);
        Counted { tokens: (estimated + begun).ceil() as u32 + pictures, exact: false, context: self.context }
    }

    /// Nothing where no model is loaded, or it does not count such a conversation.
    async fn asked(&self, words: &[(&str, String)], draft: &Draft) -> Option<(u32, u32)> {
        let so_far = &draft.so_far;
        let endpoint = self.endpoint.as_ref()?;
        let mut messages: Vec<ChatMessage> =
            words.iter().map(|(role, text)| ChatMessage::new(role, text.clone())).collect();
        if !so_far.is_empty() {
            messages.push(ChatMessage::prefix(so_far.text.clone(), so_far.reasoning.clone()));
        }
        if messages.is_empty() {
            // An empty chat is an empty prompt.
            return Some((0, self.context?));
        }
        let thinking = thinks(draft.thinking);
        let request = ChatRequest { messages, top_p: 1.0, thinking, ..ChatRequest::default() };
        tokio::time::timeout(PATIENCE, endpoint.count_tokens(&request)).await.ok()?.ok()
    }

    fn pictures(&self, messages: &[Said]) -> u32 {
        let all: Vec<&PictureView> = messages.iter().flat_map(|said| &said.pictures).collect();
        match &self.eyes {
            Some(Eyes::Here { tiling, .. }) => {
                all.iter().map(|picture| picture_tokens(tiling, picture, all.len())).sum()
            }
            _ => 0,
        }
    }
}

/// A picture stands on a line of its own, as the engine writes it.
fn words(said: Said) -> String {
    let lines = said.pictures.len() - usize::from(!said.pictures.is_empty() && said.text.starts_with('\n'));
    "\n".repeat(lines) + &said.text
}

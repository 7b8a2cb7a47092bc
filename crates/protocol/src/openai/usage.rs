//! Token counts of an answer, and the timings of this worker. Other servers leave out what they do not
//! measure. An absent count reads as 0, because a client must not fail for a missing number.
use serde::{Deserialize, Serialize};

use crate::{Timings, Tokens};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    #[serde(default)]
    pub prompt_tokens: Tokens,
    #[serde(default)]
    pub completion_tokens: Tokens,
    #[serde(default)]
    pub total_tokens: Tokens,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens_details: Option<PromptTokensDetails>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_tokens_details: Option<CompletionTokensDetails>,
    /// Measured by the worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whaledeck: Option<Timings>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptTokensDetails {
    /// Tokens whose KV came from the prefix cache.
    #[serde(default)]
    pub cached_tokens: Tokens,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletionTokensDetails {
    /// Tokens before the answer, those of its think tags included.
    #[serde(default)]
    pub reasoning_tokens: Tokens,
}

impl Usage {
    /// Tokens of the prompt from the prefix cache; 0 where the server does not say.
    pub fn cached_tokens(&self) -> Tokens {
        self.prompt_tokens_details.map_or(Tokens(0), |details| details.cached_tokens)
    }

    /// The counts alone.
    pub fn new(prompt_tokens: Tokens, completion_tokens: Tokens) -> Self {
        let total_tokens = Tokens(prompt_tokens.0.saturating_add(completion_tokens.0));
        Self { prompt_tokens, completion_tokens, total_tokens, ..Self::default() }
    }
}

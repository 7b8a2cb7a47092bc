//! What a program is told of the server: its address, a key, and the model with its limits.
//! Knows no program.

use std::path::Path;

use crate::ConnectError;

/// Where a program sends its requests, and as whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// `http://127.0.0.1:8080`, without `/v1`.
    pub base: String,
    /// The key that the server made for the program.
    pub key: String,
    /// The name of the model, as the server lists it.
    pub model: String,
    /// How many tokens a conversation may have, question and answer together.
    pub context: Option<u32>,
    /// How many tokens one answer may have.
    pub output: Option<u32>,
}

/// For programs that do not work without a number. Small enough for each model that one would run.
const CONTEXT: u32 = 32_768;

/// Longer answers are rare, and programs set this much of the context aside.
const OUTPUT: u32 = 32_000;

impl Server {
    /// The context, where a program must have one.
    pub(crate) fn tokens(&self) -> u32 {
        self.context.unwrap_or(CONTEXT)
    }

    /// The longest answer. At most a quarter of the context by itself: programs subtract it from the context
    /// to know when a conversation is full.
    pub(crate) fn answer(&self) -> u32 {
        self.output.unwrap_or_else(|| (self.tokens() / 4).min(OUTPUT)).clamp(1, self.tokens().max(1))
    }

    /// The address of the OpenAI protocols.
    pub(crate) fn v1(&self) -> String {
        format!("{}/v1", self.base)
    }

    /// The same server with its address in one form, or why it cannot be written into `path`.
    pub(crate) fn checked(&self, path: &Path) -> Result<Self, ConnectError> {
        let refuse = |reason: &str| {
            let (path, reason) = (path.to_owned(), reason.to_owned());
            Err(ConnectError::Server { path, reason })
        };
        let base = self.base.trim_end_matches('/');
        let base = base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/');
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return refuse("the address of the server does not begin with http");
        }
        if base.contains(|sign: char| !sign.is_ascii_graphic() || "\"'\\{}$`<>".contains(sign)) {
            return refuse("the address of the server has a sign that no address has");
        }
        // Several programs replace {env:NAME}, ${NAME} and ${{ NAME }} in a text by something else.
        if self.key.is_empty() || self.key.contains(|sign: char| !is_of_a_key(sign)) {
            return refuse("the key is empty or has other signs than letters, digits and -_.~+/=");
        }
        if self.model.trim().is_empty() || self.model.contains(|sign: char| sign.is_control()) {
            return refuse("the name of the model is empty or has a control character");
        }
        if self.model.contains("{env:") || self.model.contains("{file:") || self.model.contains("${") {
            return refuse("the name of the model has a form that programs replace by something else");
        }
        Ok(Self { base: base.to_owned(), ..self.clone() })
    }
}

fn is_of_a_key(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "-_.~+/=".contains(sign)
}

/// The key is left out: a log is no place for it.
impl std::fmt::Debug for Server {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Server")
            .field("base", &self.base)
            .field("model", &self.model)
            .field("context", &self.context)
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

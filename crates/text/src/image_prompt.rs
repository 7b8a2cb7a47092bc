//! Prompts with images for DeepSeek-VL2, encoded as its published processor does: message by message, with a
//! run of `<image>` placeholder tokens for each image. Special tokens missing from the tokenizer are added
//! after its last id, in the order of the published code.
use checkpoint::TokenizerSource;
use serde_json::Value;
use tokenizers::AddedToken;

use crate::barriers::Barriers;
use crate::message::known_role;
use crate::tokenizer::{load_inner, read_json};
use crate::{TextError, Tokenizer};

const PAD: &str = "<｜▁pad▁｜>";
const IMAGE: &str = "<image>";
const SPECIAL_TOKENS: [&str; 7] =
    ["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<|User|>", "<|Assistant|>"];

/// Control tokens allowed in user text: they ask the model for grounding. Every other name is text.
const USER_TOKENS: &[&str] = &["<|ref|>", "<|/ref|>", "<|grounding|>"];
/// Control tokens allowed in earlier answers: the model wrote its bounding boxes with them.
const ASSISTANT_TOKENS: &[&str] = &["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"];

/// The token ids that the prompt needs.
#[derive(Debug, Clone)]
pub struct ImageTemplate {
    image: u32,
    bos: u32,
    eos: u32,
}

/// A message with text and images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageMessage {
    /// system, user or assistant.
    pub role: String,
    pub parts: Vec<ContentPart>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ContentPart {
    Text(String),
    /// An image, by its number of placeholder tokens.
    Image(usize),
}

/// Prompt tokens, and the position of the first placeholder token of each image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePrompt {
    pub tokens: Vec<u32>,
    pub images: Vec<usize>,
}

impl Tokenizer {
    /// Reads the tokenizer of a vision model, adds the special tokens its file lacks, and returns its prompt
    /// format.
    ///
    /// # Errors
    /// As [`Tokenizer::open`]; no BOS or EOS token.
    pub fn open_with_images(source: &TokenizerSource) -> Result<(Self, ImageTemplate), TextError> {
        let TokenizerSource::Folder(dir) = source else {
            return Err(TextError::Unsupported { field: "tokenizer", value: "GGUF".to_owned() });
        };
        let mut inner = load_inner(dir)?;
        let config = read_json(&dir.join("tokenizer_config.json"));
        let template = ImageTemplate::add_special_tokens_to(&mut inner, &config)?;
        Ok((Self::from_folder(dir, inner)?, template))
    }
}

impl ImageTemplate {
    /// Adds the special tokens that `inner` lacks. `config` is `tokenizer_config.json`.
    fn add_special_tokens_to(inner: &mut tokenizers::Tokenizer, config: &Value) -> Result<Self, TextError> {
        let pad = name(&config["pad_token"]).is_none().then_some(PAD);
        for token in pad.into_iter().chain([IMAGE]).chain(SPECIAL_TOKENS) {
            let added = inner.add_special_tokens([AddedToken::from(token, true)]);
            added.map_err(|error| TextError::Vocabulary(error.to_string()))?;
        }
        let id = |token: Option<&str>, what: &str| {
            let id = token.and_then(|token| inner.token_to_id(token));
            id.ok_or_else(|| TextError::Vocabulary(format!("the tokenizer has no {what}")))
        };
        Ok(Self {
            image: id(Some(IMAGE), IMAGE)?,
            bos: id(name(&config["bos_token"]), "bos_token")?,
            eos: id(name(&config["eos_token"]), "eos_token")?,
        })
    }

    /// Encodes the messages. A final assistant message is continued.
    ///
    /// # Errors
    /// A role the model does not support, a system message that is not first, an image outside a user
    /// message.
    pub fn encode(&self, tokenizer: &Tokenizer, messages: &[ImageMessage]) -> Result<ImagePrompt, TextError> {
        let unsupported = |reason: String| TextError::Template(reason);
        let texts: Vec<&str> =
            messages.iter().flat_map(|message| message.parts.iter().filter_map(ContentPart::text)).collect();
        let barriers = Barriers::new(tokenizer.control_tokens(), texts.iter().copied())?;
        let guard = |parts: &[ContentPart], kept: &[&str]| {
            let text: String = parts.iter().filter_map(ContentPart::text).collect();
            barriers.strip(&barriers.insert(&text, kept))
        };
        let mut out = ImagePrompt { tokens: vec![self.bos], images: Vec::new() };
        for (at, message) in messages.iter().enumerate() {
            let parts = trimmed(&message.parts);
            let has_image = parts.iter().any(|part| matches!(part, ContentPart::Image(_)));
            match known_role(&message.role) {
                Some("user") => self.user(tokenizer, parts, &barriers, &mut out)?,
                Some(_) if has_image => {
                    return Err(unsupported("images are only allowed in user messages".to_owned()));
                }
                Some("assistant") => {
                    out.tokens.extend(tokenizer.encode_guarded(&guard(&parts, ASSISTANT_TOKENS))?);
                    if at + 1 < messages.len() {
                        out.tokens.push(self.eos);
                    }
                }
                Some("system") if at == 0 => {
                    out.tokens.extend(tokenizer.encode_guarded(&guard(&parts, &[]))?)
                }
                Some("system") => {
                    return Err(unsupported(format!("messages[{at}]: a system message must be the first")));
                }
                Some(other) => {
                    return Err(unsupported(format!(
                        "messages[{at}]: this model does not support role {other}"
                    )));
                }
                None => return Err(TextError::UnknownRole { index: at, role: message.role.clone() }),
            }
        }
        Ok(out)
    }

    fn user(
        &self,
        tokenizer: &Tokenizer,
        parts: Vec<ContentPart>,
        barriers: &Barriers,
        out: &mut ImagePrompt,
    ) -> Result<(), TextError> {
        let mut open = if parts.is_empty() { "<|User|>:" } else { "<|User|>: " }.to_owned();
        let close = if parts.is_empty() { "<|Assistant|>:" } else { "\n\n<|Assistant|>:" };
        for part in parts {
            match part {
                ContentPart::Text(text) => open += &barriers.insert(&text, USER_TOKENS),
                ContentPart::Image(count) => {
                    let before = barriers.strip(&std::mem::take(&mut open));
                    out.tokens.extend(tokenizer.encode_guarded(&before)?);
                    out.images.push(out.tokens.len());
                    out.tokens.extend(std::iter::repeat_n(self.image, count));
                }
            }
        }
        open += close;
        out.tokens.extend(tokenizer.encode_guarded(&barriers.strip(&open))?);
        Ok(())
    }
}

impl ContentPart {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Trims white space at both ends and removes empty text parts.
fn trimmed(parts: &[ContentPart]) -> Vec<ContentPart> {
    let mut parts = parts.to_vec();
    if let Some(ContentPart::Text(text)) = parts.first_mut() {
        *text = text.trim_start().to_owned();
    }
    if let Some(ContentPart::Text(text)) = parts.last_mut() {
        *text = text.trim_end().to_owned();
    }
    parts.retain(|part| !matches!(part, ContentPart::Text(text) if text.is_empty()));
    parts
}

/// A token is a string, or an object with its text in `content`.
fn name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

//! The conversation of DeepSeek-VL2 as its published processor encodes it: turn by turn, each with its own tokens, and
//! a run of places for every picture. Special tokens are read from the tokenizer; those it lacks are added behind its
//! last one, in the order of the published code.
use serde_json::Value;
use tokenizers::AddedToken;

use crate::message::known_role;
use crate::untrusted::Barriers;
use crate::{TextError, Tokenizer};

const PAD: &str = "<｜▁pad▁｜>";
const IMAGE: &str = "<image>";
const MARKS: [&str; 7] =
    ["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<|User|>", "<|Assistant|>"];

/// With these the published model is asked to point at things, so the user's text may have them. Every other name is text.
const ASKING: &[&str] = &["<|ref|>", "<|/ref|>", "<|grounding|>"];
/// With these it has pointed, in an answer of its own that comes back.
const POINTING: &[&str] = &["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"];

/// How turns become tokens.
#[derive(Debug, Clone)]
pub struct ImageTemplate {
    image: u32,
    bos: u32,
    eos: u32,
}

/// A turn with pictures among its words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageTurn {
    /// system, user or assistant.
    pub role: String,
    pub parts: Vec<ImagePart>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ImagePart {
    Text(String),
    /// A picture that takes so many places.
    Image(usize),
}

/// A prompt, and the first place of every picture in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImagePrompt {
    pub tokens: Vec<u32>,
    pub images: Vec<usize>,
}

impl ImageTemplate {
    /// Adds what `inner` lacks. `config` is the tokenizer's own.
    pub(crate) fn adopt(inner: &mut tokenizers::Tokenizer, config: &Value) -> Result<Self, TextError> {
        let pad = name(&config["pad_token"]).is_none().then_some(PAD);
        for token in pad.into_iter().chain([IMAGE]).chain(MARKS) {
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

    /// A last turn of the assistant is gone on with.
    ///
    /// # Errors
    /// A role that the model does not know, a system text that is not first, a picture that is not the user's.
    pub fn encode(&self, tokenizer: &Tokenizer, turns: &[ImageTurn]) -> Result<ImagePrompt, TextError> {
        let refused = |reason: String| TextError::Template(reason);
        let texts: Vec<&str> =
            turns.iter().flat_map(|turn| turn.parts.iter().filter_map(ImagePart::text)).collect();
        let barriers = Barriers::new(tokenizer.control_names(), texts.iter().copied())?;
        let words = |parts: &[ImagePart], kept: &[&str]| {
            let text: String = parts.iter().filter_map(ImagePart::text).collect();
            barriers.take(&barriers.put(&text, kept))
        };
        let mut out = ImagePrompt { tokens: vec![self.bos], images: Vec::new() };
        for (at, turn) in turns.iter().enumerate() {
            let parts = trimmed(&turn.parts);
            let has_image = parts.iter().any(|part| matches!(part, ImagePart::Image(_)));
            match known_role(&turn.role) {
                Some("user") => self.user(tokenizer, parts, &barriers, &mut out)?,
                Some(_) if has_image => return Err(refused("only the user shows pictures".to_owned())),
                Some("assistant") => {
                    out.tokens.extend(tokenizer.encode_guarded(&words(&parts, POINTING))?);
                    if at + 1 < turns.len() {
                        out.tokens.push(self.eos);
                    }
                }
                Some("system") if at == 0 => {
                    out.tokens.extend(tokenizer.encode_guarded(&words(&parts, &[]))?)
                }
                Some("system") => {
                    return Err(refused(format!(
                        "messages[{at}]: a system text stands only at the beginning"
                    )));
                }
                Some(other) => {
                    return Err(refused(format!("messages[{at}]: this model knows no turn of {other}")));
                }
                None => return Err(TextError::UnknownRole { turn: at, role: turn.role.clone() }),
            }
        }
        Ok(out)
    }

    fn user(
        &self,
        tokenizer: &Tokenizer,
        parts: Vec<ImagePart>,
        barriers: &Barriers,
        out: &mut ImagePrompt,
    ) -> Result<(), TextError> {
        let mut open = if parts.is_empty() { "<|User|>:" } else { "<|User|>: " }.to_owned();
        let close = if parts.is_empty() { "<|Assistant|>:" } else { "\n\n<|Assistant|>:" };
        for part in parts {
            match part {
                ImagePart::Text(text) => open += &barriers.put(&text, ASKING),
                ImagePart::Image(places) => {
                    let before = barriers.take(&std::mem::take(&mut open));
                    out.tokens.extend(tokenizer.encode_guarded(&before)?);
                    out.images.push(out.tokens.len());
                    out.tokens.extend(std::iter::repeat_n(self.image, places));
                }
            }
        }
        open += close;
        out.tokens.extend(tokenizer.encode_guarded(&barriers.take(&open))?);
        Ok(())
    }
}

impl ImagePart {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Without white space at either end, and without empty words.
fn trimmed(parts: &[ImagePart]) -> Vec<ImagePart> {
    let mut parts = parts.to_vec();
    if let Some(ImagePart::Text(text)) = parts.first_mut() {
        *text = text.trim_start().to_owned();
    }
    if let Some(ImagePart::Text(text)) = parts.last_mut() {
        *text = text.trim_end().to_owned();
    }
    parts.retain(|part| !matches!(part, ImagePart::Text(text) if text.is_empty()));
    parts
}

/// A token is a string, or an object with its text in `content`.
fn name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

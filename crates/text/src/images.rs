//! The conversation of DeepSeek-VL2 as its published processor encodes it: turn by turn, each with its own tokens, and
//! a run of places for every picture. Special tokens are read from the tokenizer; those it lacks are added behind its
//! last one, in the order of the published code.
use serde_json::Value;
use tokenizers::AddedToken;

use crate::{TextError, Tokenizer};

const PAD: &str = "<｜▁pad▁｜>";
const IMAGE: &str = "<image>";
const MARKS: [&str; 7] =
    ["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "<|grounding|>", "<|User|>", "<|Assistant|>"];

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
        let mut out = ImagePrompt { tokens: vec![self.bos], images: Vec::new() };
        for (at, turn) in turns.iter().enumerate() {
            let parts = trimmed(&turn.parts);
            let has_image = parts.iter().any(|part| matches!(part, ImagePart::Image(_)));
            match turn.role.as_str() {
                "user" => self.user(tokenizer, parts, &mut out)?,
                _ if has_image => return Err(refused("only the user shows pictures".to_owned())),
                "assistant" => {
                    out.tokens.extend(plain(tokenizer, &words(&parts))?);
                    if at + 1 < turns.len() {
                        out.tokens.push(self.eos);
                    }
                }
                "system" if at == 0 => out.tokens.extend(plain(tokenizer, &words(&parts))?),
                "system" => return Err(refused("a system text stands only at the beginning".to_owned())),
                other => return Err(refused(format!("this model knows no turn of {other}"))),
            }
        }
        Ok(out)
    }

    fn user(
        &self,
        tokenizer: &Tokenizer,
        parts: Vec<ImagePart>,
        out: &mut ImagePrompt,
    ) -> Result<(), TextError> {
        let mut open = if parts.is_empty() { "<|User|>:" } else { "<|User|>: " }.to_owned();
        let close = if parts.is_empty() { "<|Assistant|>:" } else { "\n\n<|Assistant|>:" };
        for part in parts {
            match part {
                ImagePart::Text(text) => open += &text,
                ImagePart::Image(places) => {
                    out.tokens.extend(plain(tokenizer, &std::mem::take(&mut open))?);
                    out.images.push(out.tokens.len());
                    out.tokens.extend(std::iter::repeat_n(self.image, places));
                }
            }
        }
        open += close;
        out.tokens.extend(plain(tokenizer, &open)?);
        Ok(())
    }
}

/// Words never become a picture's place: the mark is read as its letters.
fn plain(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, TextError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(IMAGE) {
        let (before, after) = rest.split_at(at + 1);
        tokens.extend(tokenizer.encode(before)?);
        rest = after;
    }
    tokens.extend(tokenizer.encode(rest)?);
    Ok(tokens)
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

fn words(parts: &[ImagePart]) -> String {
    let word = |part: &ImagePart| if let ImagePart::Text(text) = part { text.clone() } else { String::new() };
    parts.iter().map(word).collect()
}

/// A token is a string, or an object with its text in `content`.
fn name(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value["content"].as_str())
}

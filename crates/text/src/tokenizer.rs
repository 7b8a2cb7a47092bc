//! A model's own tokenizer: from `tokenizer.json`, or from what a GGUF file says, and the ids that end an answer.
//!
//! Only byte-level BPE, which every DeepSeek text model has; anything else is refused by name.
use std::path::Path;
use std::sync::OnceLock;

use checkpoint::{GgufTokenizer, TokenizerSource};
use llguidance::ParserFactory;
use serde_json::Value;

use crate::byte_level::bytes_of;
use crate::grammar::alphabet;
use crate::marks::is_mark;
use crate::untrusted::{Barriers, ControlNames, Guarded};
use crate::{ImageTemplate, Prompt, TextError, plain, vocabulary};

/// Ends an answer in any DeepSeek model, whatever the configuration files forget to say.
const END_OF_SENTENCE: &str = "<｜end▁of▁sentence｜>";
/// Added tokens that this crate reads in an answer. Some checkpoints call them special and some do not; neither may
/// make them vanish before they are read.
const MARKS: &[&str] = &["<think>", "</think>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"];

/// A model's own tokenizer.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// By id: what a token adds to an answer. Special tokens add nothing; ids without a token neither.
    shown: Vec<Box<[u8]>>,
    specials: Vec<u32>,
    added: Vec<u32>,
    control_names: ControlNames,
    end_tokens: Vec<u32>,
    bos: Option<u32>,
    alphabet: OnceLock<Result<ParserFactory, TextError>>,
}

impl Tokenizer {
    /// Reads a tokenizer from wherever a checkpoint has it.
    ///
    /// # Errors
    /// A missing or invalid file; lists that do not belong together; a tokenizer that is not byte-level.
    pub fn open(source: &TokenizerSource) -> Result<Self, TextError> {
        match source {
            TokenizerSource::Folder(dir) => Self::from_folder(dir, inner_of(dir)?),
            TokenizerSource::Gguf(vocabulary) => Self::from_gguf(vocabulary),
        }
    }

    /// The same for a model that sees, with the special tokens that its file lacks, and how its turns are written.
    ///
    /// # Errors
    /// As [`Tokenizer::open`]; no tokens for the beginning and the end of a text.
    pub fn open_seeing(source: &TokenizerSource) -> Result<(Self, ImageTemplate), TextError> {
        let TokenizerSource::Folder(dir) = source else {
            return Err(TextError::Unsupported { field: "tokenizer", value: "GGUF".to_owned() });
        };
        let mut inner = inner_of(dir)?;
        let template = ImageTemplate::adopt(&mut inner, &read(&dir.join("tokenizer_config.json")))?;
        Ok((Self::from_folder(dir, inner)?, template))
    }

    /// `tokenizer.json` of a model folder, and the end tokens its configuration files name.
    fn from_folder(dir: &Path, inner: tokenizers::Tokenizer) -> Result<Self, TextError> {
        let ends = ["generation_config.json", "config.json"].map(|name| read(&dir.join(name)));
        let config = read(&dir.join("tokenizer_config.json"));
        let bos = config["bos_token"].as_str().or_else(|| config["bos_token"]["content"].as_str());
        let bos = bos.filter(|_| config["add_bos_token"] == true).and_then(|token| inner.token_to_id(token));
        Self::new(inner, ends.iter().flat_map(end_ids).collect(), bos)
    }

    fn from_gguf(gguf: &GgufTokenizer) -> Result<Self, TextError> {
        let text = vocabulary::to_json(gguf)?.to_string();
        let inner = tokenizers::Tokenizer::from_bytes(text.as_bytes())
            .map_err(|error| TextError::Vocabulary(error.to_string()))?;
        let ends = gguf.eos.into_iter().chain(gguf.eot).collect();
        Self::new(inner, ends, gguf.bos.filter(|_| gguf.add_bos == Some(true)))
    }

    fn new(inner: tokenizers::Tokenizer, mut ends: Vec<u32>, bos: Option<u32>) -> Result<Self, TextError> {
        let decoder = serde_json::to_value(inner.get_decoder()).unwrap_or_default();
        if decoder["type"] != "ByteLevel" {
            return Err(TextError::Unsupported { field: "decoder", value: decoder["type"].to_string() });
        }
        ends.extend(inner.token_to_id(END_OF_SENTENCE));
        ends.sort_unstable();
        ends.dedup();
        let vocab = inner.get_vocab(true);
        // A file names its ids freely: a table of four billion entries is no vocabulary.
        let most = vocab.len().saturating_mul(2) + 4096;
        let size = vocab.values().map(|&id| id as usize + 1).max().unwrap_or(0);
        if size > most {
            return Err(TextError::Vocabulary(format!(
                "the highest id is {size} for {} tokens",
                vocab.len()
            )));
        }
        let mut shown = vec![Box::default(); size];
        for (token, id) in vocab {
            shown[id as usize] = bytes_of(&token);
        }
        let (mut specials, mut added) = (Vec::new(), Vec::new());
        for (id, token) in inner.get_added_tokens_decoder() {
            added.push(id);
            let mark = MARKS.contains(&token.content.as_str()) || is_mark(&token.content);
            if token.special && !mark {
                specials.push(id);
                shown[id as usize] = Box::default();
            }
        }
        specials.sort_unstable();
        added.sort_unstable();
        let tokens = inner.get_added_tokens_decoder();
        let control = tokens.values().filter(|token| is_control(token)).map(|token| token.content.as_str());
        let control_names = ControlNames::new(control);
        let alphabet = OnceLock::new();
        Ok(Self { inner, shown, specials, added, control_names, end_tokens: ends, bos, alphabet })
    }

    /// The tokens of a prompt: what the template wrote may be special tokens, what came from outside is text.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode_prompt(&self, prompt: &Prompt) -> Result<Vec<u32>, TextError> {
        self.encode_guarded(&prompt.guarded)
    }

    /// The tokens of a text from outside: none of them is a control token.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let barriers = Barriers::new(&self.control_names, std::iter::once(text))?;
        self.encode_guarded(&barriers.take(&barriers.put(text, &[])))
    }

    pub(crate) fn encode_guarded(&self, guarded: &Guarded) -> Result<Vec<u32>, TextError> {
        if guarded.barriers.is_empty() {
            return self.encode(&guarded.text);
        }
        plain::encode(&self.inner, guarded).map_err(|error| TextError::Encode(error.to_string()))
    }

    pub(crate) fn control_names(&self) -> &ControlNames {
        &self.control_names
    }

    /// The tokens of a text in which special tokens are found by their names. None is added: templates write them all.
    ///
    /// # Errors
    /// When the tokenizer refuses the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding =
            self.inner.encode_fast(text, false).map_err(|error| TextError::Encode(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The prompt that asks to fill the hole between two texts; nothing when the model has no tokens for that.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn around_hole(&self, before: &str, after: &str) -> Result<Option<Vec<u32>>, TextError> {
        let marks = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"].map(|mark| self.id(mark));
        let [Some(begin), Some(hole), Some(end)] = marks else { return Ok(None) };
        let (before, after) = (self.encode_text(before)?, self.encode_text(after)?);
        Ok(Some([&[begin], &before[..], &[hole], &after[..], &[end]].concat()))
    }

    /// Text without special tokens, bytes that are no character as U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.bytes(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What a token adds to a text, which may be a part of a character; nothing for a special token, and nothing for an id
    /// without an entry: a model's table may have more rows than its tokenizer has tokens (V3 has 465).
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.shown.get(id as usize).map_or(&[], |bytes| &**bytes)
    }

    /// The id of a token by its exact name, such as `<｜fim▁hole｜>`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// One more than the highest id.
    pub fn size(&self) -> usize {
        self.shown.len()
    }

    /// Whether answers leave this token out.
    pub fn is_special(&self, id: u32) -> bool {
        self.specials.binary_search(&id).is_ok()
    }

    /// Whether this token was added beside what merging makes, special or not.
    pub(crate) fn is_added(&self, id: u32) -> bool {
        self.added.binary_search(&id).is_ok()
    }

    /// The tokens as a grammar's alphabet, made when first asked for.
    pub(crate) fn alphabet(&self) -> Result<&ParserFactory, TextError> {
        self.alphabet.get_or_init(|| alphabet(self)).as_ref().map_err(Clone::clone)
    }

    /// The token that begins a text without a template, for models that were trained so.
    pub fn begin_token(&self) -> Option<u32> {
        self.bos
    }

    /// Tokens that end an answer.
    pub fn end_tokens(&self) -> &[u32] {
        &self.end_tokens
    }
}

/// Some checkpoints call their marks special and some do not, and some add plain words: a mark stands in brackets.
fn is_control(token: &tokenizers::AddedToken) -> bool {
    let bracketed =
        |open: char, close: char| token.content.starts_with(open) && token.content.ends_with(close);
    token.special || bracketed('<', '>') || bracketed('[', ']')
}

fn inner_of(dir: &Path) -> Result<tokenizers::Tokenizer, TextError> {
    let path = dir.join("tokenizer.json");
    let invalid = |reason: String| TextError::Read { path: path.clone(), reason };
    let text = std::fs::read(&path).map_err(|error| invalid(error.to_string()))?;
    tokenizers::Tokenizer::from_bytes(&text).map_err(|error| invalid(error.to_string()))
}

fn read(path: &Path) -> Value {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// `eos_token_id` of a file: one number, a list, or nothing.
fn end_ids(config: &Value) -> Vec<u32> {
    let ids = &config["eos_token_id"];
    let list = ids.as_array().cloned().unwrap_or_else(|| vec![ids.clone()]);
    list.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}

//! The model's tokenizer, from `tokenizer.json` or GGUF metadata, and its EOS token ids.
//!
//! Supports only byte-level BPE, which every DeepSeek text model uses; another kind is an error that names
//! it.
use std::path::Path;
use std::sync::OnceLock;

use checkpoint::{GgufTokenizer, TokenizerSource};
use llguidance::ParserFactory;
use serde_json::Value;

use crate::barriers::{Barriers, ControlTokens, GuardedText};
use crate::byte_level::bytes_of;
use crate::markers::is_marker;
use crate::parser_factory::parser_factory;
use crate::{Prompt, TextError, gguf_vocab, guarded_encode};

/// EOS token of every DeepSeek model, also where the configuration files omit it.
const END_OF_SENTENCE: &str = "<｜end▁of▁sentence｜>";
/// Added tokens that the output parsers need. Some checkpoints flag them as special; they must be decoded as
/// text in any case.
const PARSED_TOKENS: &[&str] = &["<think>", "</think>", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"];

/// The tokenizer of one model.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// By id: the bytes a token decodes to. Empty for special tokens and for unused ids.
    token_bytes: Vec<Box<[u8]>>,
    specials: Vec<u32>,
    /// Ids of added tokens (no results of merges), special or not, sorted.
    added: Vec<u32>,
    control_tokens: ControlTokens,
    eos_tokens: Vec<u32>,
    bos: Option<u32>,
    parser_factory: OnceLock<Result<ParserFactory, TextError>>,
}

impl Tokenizer {
    /// Reads the tokenizer of a model folder or a GGUF file.
    ///
    /// # Errors
    /// A missing or invalid file, inconsistent lists, or a tokenizer that is not byte-level.
    pub fn open(source: &TokenizerSource) -> Result<Self, TextError> {
        match source {
            TokenizerSource::Folder(dir) => Self::from_folder(dir, load_inner(dir)?),
            TokenizerSource::Gguf(vocabulary) => Self::from_gguf(vocabulary),
        }
    }

    /// `tokenizer.json` of a model folder, and the EOS tokens of its configuration files.
    pub(crate) fn from_folder(dir: &Path, inner: tokenizers::Tokenizer) -> Result<Self, TextError> {
        let eos = ["generation_config.json", "config.json"].map(|name| read_json(&dir.join(name)));
        if is_saved_again(&inner) {
            return Err(TextError::SavedAgain(dir.join("tokenizer.json")));
        }
        let config = read_json(&dir.join("tokenizer_config.json"));
        let bos = config["bos_token"].as_str().or_else(|| config["bos_token"]["content"].as_str());
        let bos = bos.filter(|_| config["add_bos_token"] == true).and_then(|token| inner.token_to_id(token));
        Self::new(inner, eos.iter().flat_map(eos_ids).collect(), bos)
    }

    fn from_gguf(gguf: &GgufTokenizer) -> Result<Self, TextError> {
        let text = gguf_vocab::to_json(gguf)?.to_string();
        let inner = tokenizers::Tokenizer::from_bytes(text.as_bytes())
            .map_err(|error| TextError::Vocabulary(error.to_string()))?;
        let eos = gguf.eos.into_iter().chain(gguf.eot).collect();
        Self::new(inner, eos, gguf.bos.filter(|_| gguf.add_bos == Some(true)))
    }

    fn new(inner: tokenizers::Tokenizer, mut eos: Vec<u32>, bos: Option<u32>) -> Result<Self, TextError> {
        let decoder = serde_json::to_value(inner.get_decoder()).unwrap_or_default();
        if decoder["type"] != "ByteLevel" {
            return Err(TextError::Unsupported { field: "decoder", value: decoder["type"].to_string() });
        }
        eos.extend(inner.token_to_id(END_OF_SENTENCE));
        eos.sort_unstable();
        eos.dedup();
        let vocab = inner.get_vocab(true);
        // Ids come from the file: without a limit a single large id would allocate gigabytes.
        let max_size = vocab.len().saturating_mul(2) + 4096;
        let size = vocab.values().map(|&id| id as usize + 1).max().unwrap_or(0);
        if size > max_size {
            return Err(TextError::Vocabulary(format!(
                "the highest id is {size} for {} tokens",
                vocab.len()
            )));
        }
        let mut token_bytes = vec![Box::default(); size];
        for (token, id) in vocab {
            token_bytes[id as usize] = bytes_of(&token);
        }
        let (mut specials, mut added) = (Vec::new(), Vec::new());
        for (id, token) in inner.get_added_tokens_decoder() {
            added.push(id);
            let is_parsed = PARSED_TOKENS.contains(&token.content.as_str()) || is_marker(&token.content);
            if token.special && !is_parsed {
                specials.push(id);
                token_bytes[id as usize] = Box::default();
            }
        }
        specials.sort_unstable();
        added.sort_unstable();
        let tokens = inner.get_added_tokens_decoder();
        let control = tokens.values().filter(|token| is_control(token)).map(|token| token.content.as_str());
        let control_tokens = ControlTokens::new(control);
        let parser_factory = OnceLock::new();
        Ok(Self { inner, token_bytes, specials, added, control_tokens, eos_tokens: eos, bos, parser_factory })
    }

    /// Encodes a prompt. Text of the template may become special tokens, untrusted text may not.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn encode_prompt(&self, prompt: &Prompt) -> Result<Vec<u32>, TextError> {
        self.encode_guarded(&prompt.guarded)
    }

    /// Encodes untrusted text: none of its tokens is a control token.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let barriers = Barriers::new(&self.control_tokens, std::iter::once(text))?;
        self.encode_guarded(&barriers.strip(&barriers.insert(text, &[])))
    }

    pub(crate) fn encode_guarded(&self, guarded: &GuardedText) -> Result<Vec<u32>, TextError> {
        if guarded.barriers.is_empty() {
            return self.encode(&guarded.text);
        }
        guarded_encode::encode(&self.inner, guarded).map_err(|error| TextError::Encode(error.to_string()))
    }

    pub(crate) fn control_tokens(&self) -> &ControlTokens {
        &self.control_tokens
    }

    /// Encodes text and parses special tokens by name. It adds no BOS or EOS, because templates write them.
    ///
    /// # Errors
    /// The tokenizer fails on the text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TextError> {
        let encoding =
            self.inner.encode_fast(text, false).map_err(|error| TextError::Encode(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The fill-in-the-middle prompt (prefix, hole, suffix); `None` if the model has no FIM tokens.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_infill(&self, before: &str, after: &str) -> Result<Option<Vec<u32>>, TextError> {
        let marks = ["<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"].map(|name| self.id(name));
        let [Some(begin), Some(hole), Some(end)] = marks else { return Ok(None) };
        let (before, after) = (self.encode_text(before)?, self.encode_text(after)?);
        Ok(Some([&[begin], &before[..], &[hole], &after[..], &[end]].concat()))
    }

    /// Decodes without special tokens; invalid UTF-8 becomes U+FFFD.
    pub fn decode(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.bytes(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes a token decodes to, possibly part of a character. Empty for a special token and for an
    /// unused id: the embedding may have more rows than the tokenizer has tokens (V3: 465).
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.token_bytes.get(id as usize).map_or(&[], |bytes| &**bytes)
    }

    /// The id of a token, such as `<｜fim▁hole｜>`.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The highest id plus one.
    pub fn size(&self) -> usize {
        self.token_bytes.len()
    }

    /// Whether decoding skips this token.
    pub fn is_special(&self, id: u32) -> bool {
        self.specials.binary_search(&id).is_ok()
    }

    /// The parser factory over this vocabulary, built at the first call.
    pub(crate) fn parser_factory(&self) -> Result<&ParserFactory, TextError> {
        let build = || parser_factory(&self.token_bytes, &self.added, self.eos_tokens.first().copied());
        self.parser_factory.get_or_init(build).as_ref().map_err(Clone::clone)
    }

    /// The BOS token for prompts without a template, if `add_bos_token` is set.
    pub fn bos_token(&self) -> Option<u32> {
        self.bos
    }

    /// EOS token ids, sorted.
    pub fn eos_tokens(&self) -> &[u32] {
        &self.eos_tokens
    }
}

/// Some checkpoints do not flag control tokens as special, and some add plain words: control tokens are in
/// brackets.
fn is_control(token: &tokenizers::AddedToken) -> bool {
    let bracketed =
        |open: char, close: char| token.content.starts_with(open) && token.content.ends_with(close);
    token.special || bracketed('<', '>') || bracketed('[', ']')
}

pub(crate) fn load_inner(dir: &Path) -> Result<tokenizers::Tokenizer, TextError> {
    let path = dir.join("tokenizer.json");
    let invalid = |reason: String| TextError::Read { path: path.clone(), reason };
    let text = std::fs::read(&path).map_err(|error| invalid(error.to_string()))?;
    tokenizers::Tokenizer::from_bytes(&text).map_err(|error| invalid(error.to_string()))
}

pub(crate) fn read_json(path: &Path) -> Value {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// `eos_token_id` of a file: a number, a list, or absent.
fn eos_ids(config: &Value) -> Vec<u32> {
    let ids = &config["eos_token_id"];
    let list = ids.as_array().cloned().unwrap_or_else(|| vec![ids.clone()]);
    list.iter().filter_map(|id| u32::try_from(id.as_u64()?).ok()).collect()
}

/// Whether the vocabulary is one of bytes and the rules are those of another kind of tokenizer, as version 5
/// of transformers saves DeepSeek's (transformers#45488).
fn is_saved_again(inner: &tokenizers::Tokenizer) -> bool {
    let json = |part: serde_json::Result<Value>| part.map(|part| part.to_string()).unwrap_or_default();
    let decoder = json(serde_json::to_value(inner.get_decoder()));
    let pre_tokenizer = json(serde_json::to_value(inner.get_pre_tokenizer()));
    let other_rules = !decoder.contains("ByteLevel") || pre_tokenizer.contains("Metaspace");
    // A byte-level vocabulary writes a space as this letter.
    other_rules && inner.get_vocab(false).keys().any(|token| token.starts_with('Ġ'))
}

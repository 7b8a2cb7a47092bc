//! The tokenizer metadata of a GGUF file. It checks that list lengths agree and ids exist; the `text` crate
//! builds the tokenizer.
use super::value::{List, Metadata, Value};

/// More than four times the largest published vocabulary.
const MAX_TOKENS: usize = 1 << 20;

/// The tokenizer metadata of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GgufTokenizer {
    /// `gpt2` for byte-level BPE, `llama` for SentencePiece.
    pub model: String,
    /// The pre-tokenizer: `deepseek-llm`, `deepseek-v3`, `qwen2`, `llama-bpe`, ...; empty if the key is
    /// missing.
    pub pre: String,
    pub tokens: Vec<String>,
    /// 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; empty if the key is missing.
    pub token_types: Vec<i32>,
    pub scores: Vec<f32>,
    /// Pairs of tokens separated by one space.
    pub merges: Vec<String>,
    pub bos: Option<u32>,
    pub eos: Option<u32>,
    /// End-of-turn token, if it differs from EOS.
    pub eot: Option<u32>,
    pub pad: Option<u32>,
    pub unknown: Option<u32>,
    pub fim_prefix: Option<u32>,
    pub fim_suffix: Option<u32>,
    pub fim_middle: Option<u32>,
    pub add_bos: Option<bool>,
    pub add_eos: Option<bool>,
    pub add_space_prefix: Option<bool>,
    pub chat_template: Option<String>,
}

type Result<T> = std::result::Result<T, String>;

impl GgufTokenizer {
    /// Reads the keys `tokenizer.*`.
    ///
    /// # Errors
    /// No vocabulary, lists of different lengths, or an id outside the vocabulary, with the key.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self> {
        let keys = Keys(metadata);
        let tokens = keys.texts("tokens")?.ok_or("tokenizer.ggml.tokens is missing")?;
        if tokens.is_empty() || tokens.len() > MAX_TOKENS {
            return Err(format!("tokenizer.ggml.tokens has {} tokens", tokens.len()));
        }
        let count = tokens.len();
        let token_types = match keys.get("token_type") {
            None => Vec::new(),
            Some(Value::List(List::Integers(types))) => {
                let types = types.iter().map(|&kind| i32::try_from(kind).ok()).collect::<Option<Vec<_>>>();
                types.ok_or("tokenizer.ggml.token_type has an invalid type")?
            }
            Some(_) => return Err("tokenizer.ggml.token_type is not a list of integers".to_owned()),
        };
        let scores = match keys.get("scores") {
            None => Vec::new(),
            Some(Value::List(List::Floats(scores))) => scores.iter().map(|&score| score as f32).collect(),
            Some(_) => return Err("tokenizer.ggml.scores is not a list of numbers".to_owned()),
        };
        for (key, len) in [("token_type", token_types.len()), ("scores", scores.len())] {
            if len != 0 && len != count {
                return Err(format!("tokenizer.ggml.{key} has {len} entries for {count} tokens"));
            }
        }
        let id = |key| keys.id(key, count);
        // The second name of each FIM token is the older one.
        let either = |key, older| Ok::<_, String>(id(key)?.or(id(older)?));
        Ok(Self {
            model: keys.text("tokenizer.ggml.model")?.ok_or("tokenizer.ggml.model is missing")?,
            pre: keys.text("tokenizer.ggml.pre")?.unwrap_or_default(),
            merges: keys.texts("merges")?.unwrap_or_default(),
            bos: id("bos_token_id")?,
            eos: id("eos_token_id")?,
            eot: id("eot_token_id")?,
            pad: id("padding_token_id")?,
            unknown: id("unknown_token_id")?,
            fim_prefix: either("fim_pre_token_id", "prefix_token_id")?,
            fim_suffix: either("fim_suf_token_id", "suffix_token_id")?,
            fim_middle: either("fim_mid_token_id", "middle_token_id")?,
            add_bos: keys.flag("add_bos_token")?,
            add_eos: keys.flag("add_eos_token")?,
            add_space_prefix: keys.flag("add_space_prefix")?,
            chat_template: keys.text("tokenizer.chat_template")?,
            tokens,
            token_types,
            scores,
        })
    }
}

struct Keys<'a>(&'a Metadata);

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(&format!("tokenizer.ggml.{key}"))
    }

    fn text(&self, key: &str) -> Result<Option<String>> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("{key} is not a string")),
        }
    }

    fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::List(List::Texts(texts))) => Ok(Some(texts.clone())),
            Some(_) => Err(format!("tokenizer.ggml.{key} is not a list of strings")),
        }
    }

    fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(format!("tokenizer.ggml.{key} is neither true nor false")),
        }
    }

    /// An id of the vocabulary. Files write -1 or `u32::MAX` for none.
    fn id(&self, key: &str, count: usize) -> Result<Option<u32>> {
        match self.get(key) {
            None | Some(Value::Integer(-1 | 0xFFFF_FFFF)) => Ok(None),
            Some(Value::Integer(id)) if (0..count as i128).contains(id) => Ok(Some(*id as u32)),
            Some(value) => Err(format!("tokenizer.ggml.{key} is {value:?} in a vocabulary of {count}")),
        }
    }
}

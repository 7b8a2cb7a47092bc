//! Converts the tokenizer of GGUF metadata to `tokenizer.json`, so that one loader reads both.
//!
//! Reads no files. The reader has checked that the lists have equal lengths; duplicate tokens and merges of
//! unknown tokens are checked here.
use std::collections::HashSet;

use checkpoint::GgufTokenizer;
use serde_json::{Map, Value, json};

use crate::TextError;
use crate::pre_tokenizer::rules;

/// The values of GGUF's `tokenizer.ggml.token_type` that are distinguished here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenType {
    Normal,
    /// A special token: matched as a whole in text, skipped when decoding.
    Control,
    /// Matched as a whole in text and decoded.
    UserDefined,
}

/// The tokenizer as `tokenizer.json`.
///
/// # Errors
/// An unsupported model or pre-tokenizer, with its name; duplicate tokens; merges of unknown tokens.
pub fn to_json(gguf: &GgufTokenizer) -> Result<Value, TextError> {
    // Byte-level BPE, which every DeepSeek text model uses.
    if gguf.model != "gpt2" {
        return Err(unsupported("tokenizer.ggml.model", &gguf.model));
    }
    let rules = rules(&gguf.pre).ok_or_else(|| unsupported("tokenizer.ggml.pre", &gguf.pre))?;
    let mut known = HashSet::with_capacity(gguf.tokens.len());
    if let Some(twice) = gguf.tokens.iter().find(|token| !known.insert(token.as_str())) {
        return Err(TextError::Vocabulary(format!("the token {twice:?} is there twice")));
    }
    let merges = gguf.merges.iter().map(|merge| pair(merge, &known)).collect::<Result<Vec<_>, _>>()?;
    let vocab: Map<String, Value> =
        gguf.tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    let added: Vec<Value> = gguf.tokens.iter().enumerate().filter_map(|(id, t)| added(gguf, id, t)).collect();
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": rules.normalizer,
        "pre_tokenizer": rules.pre_tokenizer,
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": rules.ignore_merges, "vocab": vocab, "merges": merges,
        },
    }))
}

fn added(gguf: &GgufTokenizer, id: usize, content: &str) -> Option<Value> {
    let kind = match gguf.token_types.get(id) {
        Some(3) => TokenType::Control,
        Some(4) => TokenType::UserDefined,
        _ => TokenType::Normal,
    };
    // An empty added token would match everywhere.
    (kind != TokenType::Normal && !content.is_empty()).then(|| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": kind == TokenType::Control,
        })
    })
}

/// The two sides of a merge. Both, and their concatenation, must be tokens.
fn pair<'a>(merge: &'a str, known: &HashSet<&str>) -> Result<[&'a str; 2], TextError> {
    let bad = |reason: &str| TextError::Vocabulary(format!("the merge {merge:?} {reason}"));
    let (left, right) = merge.split_once(' ').ok_or_else(|| bad("has no space between two tokens"))?;
    let all = [left, right, &format!("{left}{right}")].iter().all(|token| known.contains(token));
    if all { Ok([left, right]) } else { Err(bad("has a side that is no token")) }
}

fn unsupported(field: &'static str, value: &str) -> TextError {
    TextError::Unsupported { field, value: value.to_owned() }
}

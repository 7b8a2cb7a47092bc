//! Encodes a guarded text: no added token is matched across a barrier.
//!
//! The text between two added tokens is encoded in one piece, so its tokens equal those of a text without
//! barriers.
use tokenizers::{
    Model, NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
    Result, Tokenizer,
};

use crate::barriers::GuardedText;

pub fn encode(tokenizer: &Tokenizer, guarded: &GuardedText) -> Result<Vec<u32>> {
    let mut ids = Vec::new();
    let mut from = 0;
    for (begin, end, id) in added_tokens(tokenizer, guarded) {
        encode_plain(tokenizer, &guarded.text[from..begin], &mut ids)?;
        ids.push(id);
        from = end;
    }
    encode_plain(tokenizer, &guarded.text[from..], &mut ids)?;
    Ok(ids)
}

/// Added tokens as (begin, end, id). Each part between barriers is searched separately, so no match spans a
/// barrier.
fn added_tokens(tokenizer: &Tokenizer, guarded: &GuardedText) -> Vec<(usize, usize, u32)> {
    let ends = guarded.barriers.iter().copied().chain([guarded.text.len()]);
    let mut found = Vec::new();
    let mut from = 0;
    for end in ends {
        let part = &guarded.text[from..end];
        let normalizer = tokenizer.get_normalizer();
        let split = tokenizer.get_added_vocabulary().extract_and_normalize(normalizer, part);
        for (_, (begin, end), tokens) in split.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            for token in tokens.iter().flatten() {
                found.push((from + begin, from + end, token.id));
            }
        }
        from = end;
    }
    found
}

/// Normalizes, pre-tokenizes and merges text without added tokens.
fn encode_plain(tokenizer: &Tokenizer, text: &str, ids: &mut Vec<u32>) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut text = NormalizedString::from(text);
    if let Some(normalizer) = tokenizer.get_normalizer() {
        normalizer.normalize(&mut text)?;
    }
    let mut parts = PreTokenizedString::from(text);
    if let Some(pre_tokenizer) = tokenizer.get_pre_tokenizer() {
        pre_tokenizer.pre_tokenize(&mut parts)?;
    }
    parts.tokenize(|part| tokenizer.get_model().tokenize(part.get()))?;
    ids.extend_from_slice(parts.into_encoding(None, 0, OffsetType::None)?.get_ids());
    Ok(())
}

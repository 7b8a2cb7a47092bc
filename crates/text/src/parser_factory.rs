//! llguidance's parser factory over a vocabulary: the token trie that grammars are compiled for.
//!
//! The tokenizer holds it, so it knows of the vocabulary only the bytes.
use std::sync::Arc;

use llguidance::ParserFactory;
use toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie};

use crate::TextError;

/// `token_bytes` are by id, `added` are the sorted ids of added tokens. Built once per model: a hundred
/// thousand tokens take a second.
pub fn parser_factory(
    token_bytes: &[Box<[u8]>],
    added: &[u32],
    eos: Option<u32>,
) -> Result<ParserFactory, TextError> {
    let failed = |reason: String| TextError::Grammar(reason);
    let end = eos.ok_or_else(|| failed("the model has no EOS token".into()))?;
    let size = token_bytes.len().max(end as usize + 1);
    let bytes = |id: u32| token_bytes.get(id as usize).map_or(&[][..], |bytes| &**bytes);
    let tokens: Vec<Vec<u8>> =
        (0..size as u32).map(|id| trie_bytes(id, bytes(id), added.binary_search(&id).is_ok())).collect();
    let info = TokRxInfo::new(size as u32, end);
    let environment: TokEnv = Arc::new(ApproximateTokEnv::new(TokTrie::from(&info, &tokens)));
    let mut factory = ParserFactory::new_simple(&environment).map_err(|error| failed(error.to_string()))?;
    factory.quiet();
    Ok(factory)
}

/// The bytes of a token for the trie. An added token gets a special spelling, so grammar text never matches
/// it.
fn trie_bytes(id: u32, bytes: &[u8], is_added: bool) -> Vec<u8> {
    if is_added || bytes.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER) {
        return [&[TokTrie::SPECIAL_TOKEN_MARKER], format!("[{id}]").as_bytes()].concat();
    }
    bytes.to_vec()
}

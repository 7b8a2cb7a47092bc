//! The vocabulary of a script model: 256 bytes, the added tokens of DeepSeek's tokenizers, and a token for
//! every step. Knows nothing of weights.
use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

/// A step with a token id of the model that has no entry in the tokenizer.
pub const UNNAMED: &str = "\0unnamed";

pub const BOS: &str = "<｜begin▁of▁sentence｜>";
pub const EOS: &str = "<｜end▁of▁sentence｜>";
/// Added tokens, and whether published tokenizers mark them as special.
const ADDED: [(&str, bool); 25] = [
    (BOS, true),
    (EOS, true),
    ("<｜User｜>", true),
    ("<｜Assistant｜>", true),
    ("<think>", false),
    ("</think>", false),
    ("<｜tool▁calls▁begin｜>", false),
    ("<｜tool▁calls▁end｜>", false),
    ("<｜tool▁call▁begin｜>", false),
    ("<｜tool▁call▁end｜>", false),
    ("<｜tool▁outputs▁begin｜>", false),
    ("<｜tool▁outputs▁end｜>", false),
    ("<｜tool▁output▁begin｜>", false),
    ("<｜tool▁output▁end｜>", false),
    ("<｜tool▁sep｜>", false),
    ("<｜fim▁begin｜>", true),
    ("<｜fim▁hole｜>", true),
    ("<｜fim▁end｜>", true),
    ("<image>", true),
    ("<|ref|>", true),
    ("<|/ref|>", true),
    ("<|im_start|>", true),
    ("<|im_end|>", true),
    ("<｜second｜>", true),
    ("<｜third｜>", true),
];
/// Last tokens of prompts. As steps they are written byte by byte, or such a prompt would start in the middle
/// of the script.
const PROMPT_ENDS: [&str; 3] = ["<｜Assistant｜>", "<think>", "</think>"];

/// The tokens of all scripts of one model.
pub struct ScriptTokens {
    vocab: BTreeMap<String, u32>,
    /// Texts that are in use, in the byte-level alphabet.
    taken: HashSet<String>,
    added_steps: HashSet<String>,
    next: u32,
    /// Unnamed steps so far. Their ids follow all others, so they are known at the end only.
    unnamed: u32,
}

/// A token of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepId {
    Named(u32),
    /// The n-th id after the last one of the tokenizer.
    Unnamed(u32),
}

/// The content of one token.
enum Step {
    Added(u32),
    Text(String),
    Unnamed,
}

impl ScriptTokens {
    pub fn new() -> Self {
        let bytes = (0..=255u8).map(|byte| (byte_level(&[byte]), u32::from(byte)));
        // Added tokens are in the vocabulary, too: one that is not would be numbered after all that are.
        let names = (256..).zip(ADDED).map(|(id, (name, _))| (name.to_owned(), id));
        let vocab: BTreeMap<String, u32> = bytes.chain(names).collect();
        let taken = vocab.keys().cloned().collect();
        let next = 256 + ADDED.len() as u32;
        Self { vocab, taken, added_steps: HashSet::new(), next, unnamed: 0 }
    }

    pub fn added(name: &str) -> Option<u32> {
        (256..).zip(ADDED).find(|(_, (known, _))| *known == name).map(|(id, _)| id)
    }

    /// Number of ids of the tokenizer and of the model.
    pub fn sizes(&self) -> (usize, usize) {
        (self.next as usize, (self.next + self.unnamed) as usize)
    }

    /// The tokens of one script, which no other step uses.
    pub fn script(&mut self, steps: &[String]) -> Vec<StepId> {
        let mut list: Vec<Step> = Vec::new();
        let mut text = String::new();
        for step in steps {
            if step == UNNAMED {
                self.end_text(&mut list, &mut text);
                list.push(Step::Unnamed);
                continue;
            }
            let added = Self::added(step).filter(|_| !PROMPT_ENDS.contains(&step.as_str()));
            if let Some(id) = added.filter(|_| text.is_empty())
                && self.added_steps.insert(step.clone())
            {
                list.push(Step::Added(id));
                continue;
            }
            text += step;
            if !text.is_empty() && self.taken.insert(byte_level(text.as_bytes())) {
                list.push(Step::Text(std::mem::take(&mut text)));
            }
        }
        self.end_text(&mut list, &mut text);
        list.into_iter().map(|step| self.id(step)).collect()
    }

    /// Merges a text that is in use with the steps before it, when no step follows.
    fn end_text(&mut self, list: &mut Vec<Step>, text: &mut String) {
        while !text.is_empty() {
            let Some(Step::Text(before)) = list.pop() else {
                panic!("no token is free for the step {text:?}")
            };
            self.taken.remove(&byte_level(before.as_bytes()));
            text.insert_str(0, &before);
            if self.taken.insert(byte_level(text.as_bytes())) {
                list.push(Step::Text(std::mem::take(text)));
            }
        }
    }

    fn id(&mut self, step: Step) -> StepId {
        match step {
            Step::Added(id) => StepId::Named(id),
            Step::Text(text) => {
                self.vocab.insert(byte_level(text.as_bytes()), self.next);
                self.next += 1;
                StepId::Named(self.next - 1)
            }
            Step::Unnamed => {
                self.unnamed += 1;
                StepId::Unnamed(self.unnamed - 1)
            }
        }
    }

    /// `tokenizer.json`.
    pub fn json(&self) -> Value {
        let added = |(id, (name, special)): (u32, (&str, bool))| {
            json!({"id": id, "content": name, "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": special})
        };
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false});
        json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null,
            "added_tokens": (256..).zip(ADDED).map(added).collect::<Vec<_>>(),
            "pre_tokenizer": bytes, "decoder": bytes,
            "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                      "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                      "ignore_merges": false, "vocab": self.vocab, "merges": []},
        })
    }
}

/// Bytes in GPT-2's byte-level alphabet, as in the vocabulary.
fn byte_level(bytes: &[u8]) -> String {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let others: Vec<u8> = (0..=255).filter(|byte| !printable(*byte)).collect();
    let letter = |byte: &u8| match others.iter().position(|other| other == byte) {
        Some(at) => char::from_u32(0x100 + at as u32).expect("it is in Latin Extended-A"),
        None => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

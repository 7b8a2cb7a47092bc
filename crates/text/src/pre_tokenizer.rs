//! Pre-tokenizer regexes by their name in GGUF (`tokenizer.ggml.pre`).
//!
//! A `tokenizer.json` contains these steps; GGUF files only name them. Each list is copied from the published
//! tokenizer, so both file formats give the same tokens.
use serde_json::{Value, json};

/// Cased letters of the DeepSeek LLM tokenizer. Written as code points, because Unicode normalization of the
/// source would change some of them.
const CASED: &[&str] = &[
    r"\x{41}-\x{5a}\x{61}-\x{7a}\x{b5}\x{c0}-\x{d6}\x{d8}-\x{f6}\x{f8}-\x{1ba}\x{1bc}-\x{1bf}",
    r"\x{1c4}-\x{293}\x{295}-\x{2af}\x{370}-\x{373}\x{376}\x{377}\x{37b}-\x{37d}\x{37f}\x{386}",
    r"\x{388}-\x{38a}\x{38c}\x{38e}-\x{3a1}\x{3a3}-\x{3f5}\x{3f7}-\x{481}\x{48a}-\x{52f}\x{531}-\x{556}",
    r"\x{10a0}-\x{10c5}\x{13a0}-\x{13f5}\x{13f8}-\x{13fd}\x{1c90}-\x{1cba}\x{1cbd}-\x{1cbf}",
    r"\x{1d00}-\x{1d2b}\x{1d6b}-\x{1d77}\x{1d79}-\x{1d9a}\x{1e00}-\x{1f15}\x{1f18}-\x{1f1d}",
    r"\x{1f20}-\x{1f45}\x{1f48}-\x{1f4d}\x{1f50}-\x{1f57}\x{1f59}\x{1f5b}\x{1f5d}\x{1f5f}-\x{1f7d}",
    r"\x{1f80}-\x{1fb4}\x{1fb6}-\x{1fbc}\x{1fbe}\x{1fc2}-\x{1fc4}\x{1fc6}-\x{1fcc}\x{1fd0}-\x{1fd3}",
    r"\x{1fd6}-\x{1fdb}\x{1fe0}-\x{1fec}\x{1ff2}-\x{1ff4}\x{1ff6}-\x{1ffc}\x{2102}\x{2107}",
    r"\x{210a}-\x{2113}\x{2115}\x{2119}-\x{211d}\x{2124}\x{2126}\x{2128}\x{212a}-\x{212d}",
    r"\x{212f}-\x{2134}\x{2139}\x{213c}-\x{213f}\x{2145}-\x{2149}\x{214e}\x{2183}\x{2184}",
    r"\x{2c00}-\x{2c7b}\x{2c7e}-\x{2ce4}\x{2ceb}-\x{2cee}\x{2cf2}\x{2cf3}\x{a640}-\x{a66d}",
    r"\x{a680}-\x{a69b}\x{a722}-\x{a76f}\x{a771}-\x{a787}\x{a78b}-\x{a78e}\x{ab70}-\x{abbf}",
    r"\x{fb00}-\x{fb06}\x{fb13}-\x{fb17}\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}\x{10400}-\x{1044f}",
    r"\x{104b0}-\x{104d3}\x{104d8}-\x{104fb}\x{10c80}-\x{10cb2}\x{10cc0}-\x{10cf2}\x{118a0}-\x{118df}",
    r"\x{1e900}-\x{1e943}",
];

const NEWLINE: &str = "[\r\n]";
const HAN: &str = r"[\x{4e00}-\x{9fa5}\x{800}-\x{4e00}\x{ac00}-\x{d7ff}]+";
const HAN_KANA: &str = r"[\x{4e00}-\x{9fa5}\x{3040}-\x{309f}\x{30a0}-\x{30ff}]+";
const PUNCTUATION: &str = r"\s?[!-/:-~\x{ff01}-\x{ff0f}\x{ff1a}-\x{ff5e}\x{2018}-\x{201f}\x{3000}-\x{3002}]+";
const V3_WORDS: &str = concat!(
    r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"##,
    r"[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
const QWEN2_WORDS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
const LLAMA3_WORDS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// The regex that `ByteLevel` has of its own: that of GPT-2.
const GPT2_WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
/// Mistral's Tekken.
const TEKKEN_WORDS: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}|",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

/// The sections of `tokenizer.json` that depend on the name.
pub struct Rules {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
    /// A pre-token that is in the vocabulary is one token, without merges.
    pub ignore_merges: bool,
}

/// The rules of a `tokenizer.ggml.pre`; `None` for a name that no model of these architectures uses.
pub fn rules(name: &str) -> Option<Rules> {
    let cased = || format!(r"\s?[{}]+", CASED.concat());
    let steps: Vec<String> = match name {
        // Single digits, as in the published tokenizer. llama.cpp groups them, but no merge joins two digits.
        "deepseek-llm" => {
            vec![NEWLINE.into(), cased(), PUNCTUATION.into(), r"\s+$".into(), HAN.into(), r"\p{N}".into()]
        }
        "deepseek-coder" => {
            vec![NEWLINE.into(), r"\s?\p{L}+".into(), r"\s?\p{P}+".into(), HAN.into(), r"\p{N}".into()]
        }
        "deepseek-v3" => vec![r"\p{N}{1,3}".into(), HAN_KANA.into(), V3_WORDS.into()],
        "qwen2" | "deepseek-r1-qwen" => vec![QWEN2_WORDS.into()],
        "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe" | "falcon3" => vec![LLAMA3_WORDS.into()],
        "tekken" => vec![TEKKEN_WORDS.into()],
        // Its first step isolates single digits.
        "smollm" => vec![r"\p{N}".into(), GPT2_WORDS.into()],
        "gpt-2" => vec![GPT2_WORDS.into()],
        _ => return None,
    };
    let mut list: Vec<Value> = steps.iter().map(|regex| split(regex)).collect();
    list.push(
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}),
    );
    let qwen = matches!(name, "qwen2" | "deepseek-r1-qwen");
    Some(Rules {
        normalizer: if qwen { json!({"type": "NFC"}) } else { Value::Null },
        pre_tokenizer: json!({"type": "Sequence", "pretokenizers": list}),
        ignore_merges: matches!(name, "llama-bpe" | "llama3" | "llama-v3" | "falcon3" | "tekken"),
    })
}

fn split(regex: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false})
}

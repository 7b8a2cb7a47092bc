//! What chat and plain completions share: how tokens are drawn, when to stop, what to report.
use std::fmt;

use engine::Sampling;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};

use crate::error::ApiError;

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Options {
    #[serde(default)]
    pub stream: bool,
    #[serde(default)]
    pub stream_options: StreamOptions,
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    /// 0 and -1 keep all.
    pub top_k: Option<i64>,
    pub min_p: Option<f32>,
    pub frequency_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    #[serde(alias = "repeat_penalty")]
    pub repetition_penalty: Option<f32>,
    /// -1 is no bound, as llama.cpp and LM Studio write it.
    #[serde(alias = "n_predict")]
    pub max_tokens: Option<i64>,
    pub max_completion_tokens: Option<i64>,
    /// -1 takes another one each time, as llama.cpp and vLLM write it.
    pub seed: Option<i64>,
    #[serde(default)]
    pub stop: Stop,
    pub n: Option<i64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct StreamOptions {
    #[serde(default)]
    pub include_usage: bool,
    /// With `include_usage`: the counts so far in every chunk, as vLLM calls it.
    #[serde(default)]
    pub continuous_usage_stats: bool,
}

/// One text, or a list of them.
#[derive(Debug, Clone, Default)]
pub struct Stop(pub Vec<String>);

impl<'de> Deserialize<'de> for Stop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Stop;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Stop, E> {
                Ok(Stop(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Stop, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Stop)
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Options {
    /// # Errors
    /// A value outside its range, named.
    pub fn check(&self) -> Result<(), ApiError> {
        let range = |param, value: Option<f32>, low: f32, high: f32| match value {
            Some(value) if !(low..=high).contains(&value) => {
                Err(ApiError::invalid(param, format!("{param} is {value}; it goes from {low} to {high}")))
            }
            _ => Ok(()),
        };
        range("temperature", self.temperature, 0.0, 2.0)?;
        range("top_p", self.top_p, 0.0, 1.0)?;
        range("min_p", self.min_p, 0.0, 1.0)?;
        range("frequency_penalty", self.frequency_penalty, -2.0, 2.0)?;
        range("presence_penalty", self.presence_penalty, -2.0, 2.0)?;
        range("repetition_penalty", self.repetition_penalty, 0.1, 2.0)?;
        if let Some(top_k) = self.top_k.filter(|&top_k| top_k < -1) {
            return Err(ApiError::invalid("top_k", format!("top_k is {top_k}; 0 and -1 keep all tokens")));
        }
        for (param, most) in
            [("max_tokens", self.max_tokens), ("max_completion_tokens", self.max_completion_tokens)]
        {
            // As OpenAI refuses it: an answer of no tokens would look like one that is complete.
            if let Some(most) = most.filter(|&most| most == 0 || most < -1) {
                let message = format!("{param} is {most}; an answer has 1 token at least (-1: no bound)");
                return Err(ApiError::invalid(param, message));
            }
        }
        if self.n.is_some_and(|n| n != 1) {
            return Err(ApiError::invalid("n", "one answer is given for each request"));
        }
        Ok(())
    }

    /// `logprobs`: how many alternatives to report for each token; nothing when absent.
    pub fn sampling(&self, logprobs: Option<usize>) -> Sampling {
        let plain = Sampling::default();
        Sampling {
            temperature: self.temperature.unwrap_or(plain.temperature),
            top_p: self.top_p.unwrap_or(plain.top_p),
            top_k: self.top_k.map_or(plain.top_k, |top_k| usize::try_from(top_k).unwrap_or(0)),
            min_p: self.min_p.unwrap_or(plain.min_p),
            frequency_penalty: self.frequency_penalty.unwrap_or(plain.frequency_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(plain.presence_penalty),
            repetition_penalty: self.repetition_penalty.unwrap_or(plain.repetition_penalty),
            // Without a seed two equal requests should differ.
            seed: self.seed.filter(|&seed| seed != -1).map_or_else(now, |seed| seed as u64),
            logprobs,
        }
    }

    /// Nothing where the context alone bounds the answer.
    pub fn max_tokens(&self) -> Bound {
        match self.max_completion_tokens.or(self.max_tokens) {
            None => Bound::Unsaid,
            Some(most) => usize::try_from(most).map_or(Bound::Context, Bound::Tokens),
        }
    }

    pub fn stops(&self) -> Vec<String> {
        self.stop.0.clone()
    }
}

/// How long an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The protocol's own default.
    Unsaid,
    /// As long as the context has room.
    Context,
    Tokens(usize),
}

impl Bound {
    /// `default` where nothing was said; nothing where only the context bounds it.
    pub fn tokens(self, default: Option<usize>) -> Option<usize> {
        match self {
            Self::Unsaid => default,
            Self::Context => None,
            Self::Tokens(most) => Some(most),
        }
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_nanos() as u64)
}

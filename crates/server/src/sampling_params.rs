//! The fields that chat and plain completions share, checked and turned into the engine's.
//! Ranges are OpenAI's where it has the field; a value outside is refused by its name, never clamped.
use engine::Sampling;
use protocol::openai::SamplingParams;

use crate::error::ApiError;

/// # Errors
/// A value outside its range, named.
pub fn check(params: &SamplingParams) -> Result<(), ApiError> {
    let range = |param, value: Option<f32>, low: f32, high: f32| match value {
        Some(value) if !(low..=high).contains(&value) => {
            Err(ApiError::invalid(param, format!("{param} is {value}; it goes from {low} to {high}")))
        }
        _ => Ok(()),
    };
    range("temperature", params.temperature, 0.0, 2.0)?;
    range("top_p", params.top_p, 0.0, 1.0)?;
    range("min_p", params.min_p, 0.0, 1.0)?;
    range("frequency_penalty", params.frequency_penalty, -2.0, 2.0)?;
    range("presence_penalty", params.presence_penalty, -2.0, 2.0)?;
    range("repetition_penalty", params.repetition_penalty, 0.1, 2.0)?;
    if let Some(top_k) = params.top_k.filter(|&top_k| top_k < -1) {
        return Err(ApiError::invalid("top_k", format!("top_k is {top_k}; 0 and -1 keep all tokens")));
    }
    for (param, most) in
        [("max_tokens", params.max_tokens), ("max_completion_tokens", params.max_completion_tokens)]
    {
        // As OpenAI refuses it: an answer of no tokens would look like one that is complete.
        if let Some(most) = most.filter(|&most| most == 0 || most < -1) {
            let message = format!("{param} is {most}; an answer has 1 token at least (-1: no bound)");
            return Err(ApiError::invalid(param, message));
        }
    }
    if params.n.is_some_and(|n| n != 1) {
        return Err(ApiError::invalid("n", "one answer per request is supported"));
    }
    Ok(())
}

/// `logprobs`: how many alternatives to report for each token; nothing when absent.
pub fn sampling(params: &SamplingParams, logprobs: Option<usize>) -> Sampling {
    let default = Sampling::default();
    Sampling {
        temperature: params.temperature.unwrap_or(default.temperature),
        top_p: params.top_p.unwrap_or(default.top_p),
        top_k: params.top_k.map_or(default.top_k, |top_k| usize::try_from(top_k).unwrap_or(0)),
        min_p: params.min_p.unwrap_or(default.min_p),
        frequency_penalty: params.frequency_penalty.unwrap_or(default.frequency_penalty),
        presence_penalty: params.presence_penalty.unwrap_or(default.presence_penalty),
        repetition_penalty: params.repetition_penalty.unwrap_or(default.repetition_penalty),
        // Without a seed two equal requests should differ.
        seed: params.seed.filter(|&seed| seed != -1).map_or_else(now, |seed| seed as u64),
        logprobs,
    }
}

/// `default` where the request has no number; nothing where only the context bounds the answer (-1).
pub fn max_tokens(params: &SamplingParams, default: Option<usize>) -> Option<usize> {
    match params.max_completion_tokens.or(params.max_tokens) {
        None => default,
        Some(most) => usize::try_from(most).ok(),
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |time| time.as_nanos() as u64)
}

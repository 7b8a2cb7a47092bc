//! Sampling parameters of a slider in the names of the protocol.
//! A length or a seed has no bearing on the distribution of one token.
use contract::SamplingView;
use protocol::openai::SamplingParams;

pub(super) fn sampling_params(view: &SamplingView) -> SamplingParams {
    SamplingParams {
        temperature: Some(view.temperature),
        top_p: Some(view.top_p),
        top_k: Some(i64::from(view.top_k)),
        min_p: Some(view.min_p),
        frequency_penalty: Some(view.frequency_penalty),
        presence_penalty: Some(view.presence_penalty),
        repetition_penalty: Some(view.repetition_penalty),
        ..SamplingParams::default()
    }
}

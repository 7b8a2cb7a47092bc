//! Token counts and timings of one answer, from the engine's to the protocol's.
//! Times become milliseconds; the speed counts the tokens after the first, which comes from prefill.
use engine::{DrafterKind, FinishReason};
use protocol::openai::{PromptTokensDetails, Usage};
use protocol::{DraftPause, DraftStats, Drafter, Timings};

fn pause(pause: &engine::DraftPause) -> DraftPause {
    let engine::DraftPause { tokens, drafted_ms, plain_ms, steps } = *pause;
    DraftPause { tokens: tokens.into(), drafted_ms, plain_ms, steps }
}

pub fn usage(timings: &engine::Timings, reason: FinishReason) -> Usage {
    // The first token comes from prefill, and `decode` begins with it.
    let decoded = timings.completion_tokens.saturating_sub(1) as f64;
    let seconds = timings.decode.as_secs_f64();
    let drafts = &timings.drafts;
    let drafter = drafts.drafter.map(|drafter| match drafter {
        DrafterKind::Mtp => Drafter::Mtp,
        DrafterKind::Lookup => Drafter::Lookup,
    });
    let prefix_tokens = timings.cached_tokens.into();
    let whaledeck = Timings {
        queued_ms: timings.queued.as_secs_f64() * 1000.0,
        first_token_ms: timings.first_token.as_secs_f64() * 1000.0,
        token_ms: if decoded > 0.0 { seconds * 1000.0 / decoded } else { 0.0 },
        tokens_per_second: if seconds > 0.0 { decoded / seconds } else { 0.0 },
        prefix_tokens,
        drafts: DraftStats {
            drafter,
            proposed: drafts.offered.clone(),
            accepted: drafts.accepted.clone(),
            paused: u32::try_from(drafts.pauses.len()).unwrap_or(u32::MAX),
            pauses: drafts.pauses.iter().map(pause).collect(),
            drafted_ms: drafts.drafted_ms,
            plain_ms: drafts.plain_ms,
        },
        context_full: reason == FinishReason::ContextFull,
    };
    Usage {
        prompt_tokens_details: Some(PromptTokensDetails { cached_tokens: prefix_tokens }),
        whaledeck: Some(whaledeck),
        ..Usage::new(timings.prompt_tokens.into(), timings.completion_tokens.into())
    }
}

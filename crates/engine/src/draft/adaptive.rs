//! Whether drafting pays in this answer: measured time per token with drafts against the time without.
//! Affects speed only, never which tokens are sampled.
use std::time::Duration;

use crate::DraftPause;

/// Steps without drafts at the start, as a baseline.
const WARMUP: u32 = 2;
/// Steps with drafts between two decisions.
const PROBE: u32 = 8;
/// While drafting is on, one step in so many has no drafts: the baseline changes with the load of the
/// machine.
const BASELINE_INTERVAL: u32 = 24;
/// Steps without drafts after the first probe that did not pay. Each further one doubles them.
const COOLDOWN: u32 = 32;
const MAX_COOLDOWN: u32 = 1024;
/// Weight of the previous steps in the moving average, per step.
const DECAY: f64 = 0.9;

/// An exponential moving average of throughput.
#[derive(Debug, Clone, Copy, Default)]
struct Throughput {
    seconds: f64,
    tokens: f64,
}

impl Throughput {
    fn add(&mut self, time: Duration, tokens: usize) {
        self.seconds = self.seconds * DECAY + time.as_secs_f64();
        self.tokens = self.tokens * DECAY + tokens as f64;
    }

    fn ms_per_token(&self) -> Option<f64> {
        (self.tokens > 0.0).then(|| self.seconds * 1000.0 / self.tokens)
    }
}

/// Switches drafting on and off for one sequence.
#[derive(Debug)]
pub struct AdaptiveDrafting {
    plain: Throughput,
    drafted: Throughput,
    drafted_steps: u32,
    /// Steps without drafts that are left before the next probe.
    cooldown: u32,
    next_cooldown: u32,
    /// Tokens of the answer: the first comes from prefill and is not recorded.
    tokens: usize,
    /// Probes that did not pay.
    pauses: Vec<DraftPause>,
}

impl Default for AdaptiveDrafting {
    fn default() -> Self {
        let (plain, drafted) = (Throughput::default(), Throughput::default());
        let (cooldown, next_cooldown) = (WARMUP, COOLDOWN);
        Self { plain, drafted, drafted_steps: 0, cooldown, next_cooldown, tokens: 1, pauses: Vec::new() }
    }
}

impl AdaptiveDrafting {
    /// Whether the next step should have drafts.
    pub fn is_on(&self) -> bool {
        self.cooldown == 0
    }

    /// When drafting was switched off.
    pub fn pauses(&self) -> &[DraftPause] {
        &self.pauses
    }

    /// Milliseconds a token with drafts and without, as last measured.
    pub fn ms_per_token(&self) -> (Option<f64>, Option<f64>) {
        let before = self.pauses.last().map(|pause| pause.drafted_ms);
        (self.drafted.ms_per_token().or(before), self.plain.ms_per_token())
    }

    /// Records that a step took `time` for `tokens` tokens, with or without drafts.
    pub fn record(&mut self, drafted: bool, time: Duration, tokens: usize) {
        self.tokens += tokens;
        if !drafted {
            self.plain.add(time, tokens);
            self.cooldown = self.cooldown.saturating_sub(1);
            return;
        }
        self.drafted.add(time, tokens);
        self.drafted_steps += 1;
        if !self.drafted_steps.is_multiple_of(PROBE) {
            return;
        }
        let (drafted_ms, plain_ms) = (self.drafted.ms_per_token(), self.plain.ms_per_token());
        if let (Some(drafted_ms), Some(plain_ms)) = (drafted_ms, plain_ms)
            && drafted_ms > plain_ms
        {
            let (tokens, steps) = (self.tokens, self.next_cooldown);
            self.pauses.push(DraftPause { tokens, drafted_ms, plain_ms, steps });
            (self.cooldown, self.next_cooldown) =
                (self.next_cooldown, (self.next_cooldown * 2).min(MAX_COOLDOWN));
            self.drafted = Throughput::default();
        } else if self.drafted_steps.is_multiple_of(BASELINE_INTERVAL) {
            self.cooldown = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps out of `steps` that had drafts, when such a step takes `drafted_ms` for `tokens` and any other
    /// 10 ms for 1.
    fn drafted(adaptive: &mut AdaptiveDrafting, steps: u32, drafted_ms: u64, tokens: usize) -> u32 {
        let mut count = 0;
        for _ in 0..steps {
            let on = adaptive.is_on();
            let (ms, tokens) = if on { (drafted_ms, tokens) } else { (10, 1) };
            adaptive.record(on, Duration::from_millis(ms), tokens);
            count += u32::from(on);
        }
        count
    }

    #[test]
    fn what_wins_goes_on_and_is_compared_now_and_then() {
        let mut adaptive = AdaptiveDrafting::default();
        let count = drafted(&mut adaptive, 500, 12, 2);
        assert!((470..490).contains(&count), "{count}");
        assert_eq!(adaptive.pauses(), []);
        let (drafted, plain) = adaptive.ms_per_token();
        assert!(
            (drafted.expect("drafted") - 6.0).abs() < 1e-6 && (plain.expect("plain") - 10.0).abs() < 1e-6
        );
    }

    #[test]
    fn what_loses_rests_longer_each_time_and_comes_back_when_it_pays() {
        let mut adaptive = AdaptiveDrafting::default();
        let count = drafted(&mut adaptive, 1000, 15, 1);
        assert!(count <= 6 * PROBE, "{count}");
        let pauses = adaptive.pauses().len();
        assert!(pauses > 2, "{pauses}");
        let first = adaptive.pauses()[0];
        // Two steps without drafts, then eight with them, and the token of the prefill.
        assert_eq!((first.tokens, first.steps), (11, COOLDOWN));
        assert!((first.drafted_ms - 15.0).abs() < 1e-6 && (first.plain_ms - 10.0).abs() < 1e-6, "{first:?}");
        let count = drafted(&mut adaptive, 3000, 12, 2);
        assert!(count > 1500, "{count}");
        assert_eq!(adaptive.pauses().len(), pauses);
    }
}

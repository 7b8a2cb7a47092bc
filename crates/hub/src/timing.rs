//! How long a download waits: for data, before a retry, for a rate limit.
//! The defaults are for a home connection and a source that is sometimes slow.

use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// The longest time without data.
    pub stall: Duration,
    /// The minimum throughput: bytes per `stall` duration.
    pub min_throughput: u64,
    /// The first pause before a retry; it doubles each time.
    pub back_off: Duration,
    pub retries: u32,
    /// The total time that one file may wait for rate limits.
    pub rate_limit_budget: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            stall: seconds(60),
            min_throughput: 16 << 10,
            back_off: seconds(1),
            retries: 5,
            rate_limit_budget: seconds(600),
        }
    }
}

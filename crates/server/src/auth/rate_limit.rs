//! A limit of requests a minute for each API key: all at once, then one by one as the minute passes.
//! It counts requests, not tokens of the model, and forgets its counts when the worker ends.
use std::num::NonZeroU32;

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use protocol::ApiErrorCode;

use crate::error::ApiError;

/// No limit when it has no limiter.
#[derive(Default)]
pub struct RateLimiter(Option<DefaultKeyedRateLimiter<String>>);

impl RateLimiter {
    /// `rate`: requests a minute; no limit when absent or 0.
    pub fn new(rate: Option<u32>) -> Self {
        let rate = rate.and_then(NonZeroU32::new);
        Self(rate.map(|rate| DefaultKeyedRateLimiter::keyed(Quota::per_minute(rate))))
    }

    /// Takes one request of the key `name`.
    ///
    /// # Errors
    /// When it is one too many, with the seconds until it is not.
    pub fn check(&self, name: &str) -> Result<(), ApiError> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        limiter.check_key(&name.to_owned()).map_err(|not_until| {
            let seconds = not_until.wait_time_from(limiter.clock().now()).as_secs_f64().ceil() as u64;
            let message = format!("too many requests with this key; retry in {seconds} s");
            ApiError::new(ApiErrorCode::RateLimited, message).retry_after(seconds)
        })
    }
}

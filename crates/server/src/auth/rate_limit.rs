//! A token bucket for each API key, which fills again over a minute.
//! It counts requests, not tokens of the model, and forgets its counts when the worker ends.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use protocol::ApiErrorCode;

use crate::error::ApiError;

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct RateLimiter {
    /// Requests a minute; no limit when absent or 0.
    rate: Option<u32>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl RateLimiter {
    pub fn new(rate: Option<u32>) -> Self {
        Self { rate, buckets: Mutex::default() }
    }

    /// Takes one request of the key `name`.
    ///
    /// # Errors
    /// When its bucket is empty, with the seconds until it is not.
    pub fn check(&self, name: &str) -> Result<(), ApiError> {
        let Some(rate) = self.rate.filter(|&rate| rate > 0) else { return Ok(()) };
        let rate = f64::from(rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let bucket = buckets.entry(name.to_owned()).or_insert(Bucket { left: rate, at: now });
        let refill = now.duration_since(bucket.at).as_secs_f64() * rate / MINUTE.as_secs_f64();
        bucket.left = (bucket.left + refill).min(rate);
        bucket.at = now;
        if bucket.left < 1.0 {
            let seconds = ((1.0 - bucket.left) * MINUTE.as_secs_f64() / rate).ceil() as u64;
            let message = format!("too many requests with this key; retry in {seconds} s");
            return Err(ApiError::new(ApiErrorCode::RateLimited, message).retry_after(seconds));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

//! A byte stream with limits: on the size of a line, an event and the answer, and on the time without a
//! complete line, so that a server that sends single bytes is given up too. Knows no JSON.
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::time::{Instant, Sleep};

/// A chunk takes some hundred bytes; tool calls and complete answers some thousands.
pub(crate) const EVENT_LIMIT: usize = 1 << 20;
/// Longer than any answer.
pub(crate) const ANSWER_LIMIT: usize = 256 << 20;

#[derive(Debug)]
pub(crate) enum StreamError {
    Transport(reqwest::Error),
    TooLong,
    Silent,
}

impl std::fmt::Display for StreamError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transport(error) => error.fmt(f),
            Self::TooLong => f.write_str("too long"),
            Self::Silent => f.write_str("silent"),
        }
    }
}

impl std::error::Error for StreamError {}

/// Yields complete lines, so that the parser never reads the same bytes twice.
pub(crate) struct SizeLimited<S> {
    bytes: S,
    /// The beginning of a line.
    held: Vec<u8>,
    /// Bytes since the last empty line, and in total.
    event: usize,
    all: usize,
    limit: Duration,
    deadline: Pin<Box<Sleep>>,
    over: bool,
}

impl<S> SizeLimited<S> {
    pub(crate) fn new(bytes: S, limit: Duration) -> Self {
        let deadline = Box::pin(tokio::time::sleep(limit));
        Self { bytes, held: Vec::new(), event: 0, all: 0, limit, deadline, over: false }
    }

    /// The lines that the chunk completes, if any.
    fn lines(&mut self, chunk: &[u8]) -> Result<Option<Vec<u8>>, StreamError> {
        self.all = self.all.saturating_add(chunk.len());
        let end = chunk.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let (complete, rest) = chunk.split_at(end);
        self.held.extend_from_slice(complete);
        let lines = if complete.is_empty() { Vec::new() } else { std::mem::take(&mut self.held) };
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            let empty = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
            self.event = if empty { 0 } else { self.event + line.len() };
            if self.event > EVENT_LIMIT {
                return Err(StreamError::TooLong);
            }
        }
        self.held.extend_from_slice(rest);
        if self.event + self.held.len() > EVENT_LIMIT || self.all > ANSWER_LIMIT {
            return Err(StreamError::TooLong);
        }
        Ok((!lines.is_empty()).then_some(lines))
    }
}

impl<S, B> Stream for SizeLimited<S>
where
    S: Stream<Item = Result<B, reqwest::Error>> + Unpin,
    B: AsRef<[u8]>,
{
    type Item = Result<Vec<u8>, StreamError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let error = loop {
            match Pin::new(&mut this.bytes).poll_next(context) {
                Poll::Ready(None) => {
                    this.over = true;
                    let rest = std::mem::take(&mut this.held);
                    return Poll::Ready((!rest.is_empty()).then_some(Ok(rest)));
                }
                Poll::Ready(Some(Ok(chunk))) => match this.lines(chunk.as_ref()) {
                    Ok(Some(lines)) => {
                        // A line, also a comment, resets the time limit; a single byte does not.
                        this.deadline.as_mut().reset(Instant::now() + this.limit);
                        return Poll::Ready(Some(Ok(lines)));
                    }
                    Ok(None) => {}
                    Err(error) => break error,
                },
                Poll::Ready(Some(Err(error))) if error.is_timeout() => break StreamError::Silent,
                Poll::Ready(Some(Err(error))) => break StreamError::Transport(error),
                Poll::Pending => match this.deadline.as_mut().poll(context) {
                    Poll::Ready(()) => break StreamError::Silent,
                    Poll::Pending => return Poll::Pending,
                },
            }
        };
        this.over = true;
        Poll::Ready(Some(Err(error)))
    }
}

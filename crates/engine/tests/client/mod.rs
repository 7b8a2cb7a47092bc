//! A client of the engine for tests: submits a request and collects its events.
//! Its options have an F32 cache and 48 tokens per chunk, so that short prompts take several chunks.
#![allow(dead_code, reason = "each test binary uses its part")]
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use engine::{
    CancelHandle, Engine, EngineError, EngineOptions, Event, FinishReason, Request, Sampling, Timings,
};
use models::CacheDtype;

pub fn options() -> EngineOptions {
    let cache_dtype = CacheDtype::F32;
    EngineOptions {
        context: 1024,
        max_sequences: 4,
        prefill_chunk: 48,
        cache_dtype,
        ..EngineOptions::default()
    }
}

pub fn request(tokens: &[u32], max_tokens: usize, seed: u64) -> Request {
    let sampling = Sampling { seed, ..Sampling::default() };
    Request { tokens: tokens.to_vec(), sampling, max_tokens: Some(max_tokens), ..Request::default() }
}

pub fn submit(engine: &Engine, request: Request) -> (CancelHandle, Receiver<Event>) {
    let (sender, receiver) = channel();
    let sink = Box::new(move |event| drop(sender.send(event)));
    (engine.submit(request, sink).expect("it is taken"), receiver)
}

pub struct Answer {
    pub tokens: Vec<u32>,
    pub end: Result<(FinishReason, Timings), EngineError>,
}

impl Answer {
    pub fn reason(&self) -> FinishReason {
        self.end.as_ref().expect("it finished").0
    }

    pub fn timings(&self) -> &Timings {
        &self.end.as_ref().expect("it finished").1
    }
}

pub fn collect(events: &Receiver<Event>) -> Answer {
    let mut tokens = Vec::new();
    loop {
        match events.recv_timeout(Duration::from_secs(60)).expect("an event comes") {
            Event::Prefill(_) => {}
            Event::Token { id, .. } => tokens.push(id),
            Event::Finished { reason, timings, .. } => return Answer { tokens, end: Ok((reason, timings)) },
            Event::Failed(error) => return Answer { tokens, end: Err(error) },
        }
    }
}

pub fn ask(engine: &Engine, request: Request) -> Answer {
    collect(&submit(engine, request).1)
}

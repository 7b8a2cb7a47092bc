//! A note of each request of other programs: who, what path, how it ended, how long and how many tokens. Never a word of what
//! was asked or answered. One line of JSON each, in a file that stays short.
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::Stream;
use serde_json::json;

/// From this size on the file is renamed and a new one begun.
const LIMIT: u64 = 4 << 20;

pub struct RequestLog {
    path: PathBuf,
    writing: Mutex<()>,
}

impl RequestLog {
    pub fn new(path: PathBuf) -> Self {
        Self { path, writing: Mutex::default() }
    }

    /// A disk that is full takes no service away.
    fn write(&self, line: &str) {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if std::fs::metadata(&self.path).is_ok_and(|data| data.len() > LIMIT) {
            let _ = std::fs::rename(&self.path, self.path.with_extension("old.jsonl"));
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        if let Ok(mut file) = options.open(&self.path) {
            let _ = writeln!(file, "{line}");
        }
    }
}

/// Tokens of an answer, counted where it is written and read where it is noted.
#[derive(Debug, Clone, Default)]
pub struct Counted(Arc<(AtomicU64, AtomicU64)>);

impl Counted {
    /// From the usage that the answer ends with.
    pub fn set(&self, usage: &serde_json::Value) {
        let count = |name: &str| usage[name].as_u64().unwrap_or(0);
        self.0.0.store(count("prompt_tokens"), Ordering::Relaxed);
        self.0.1.store(count("completion_tokens"), Ordering::Relaxed);
    }
}

/// What will be noted of one request.
pub struct Note {
    at: u64,
    key: String,
    path: String,
    status: u16,
    started: Instant,
}

impl Note {
    pub fn new(key: String, path: String, started: Instant, status: StatusCode) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Self { at, key, path, status: status.as_u16(), started }
    }

    /// The same response, which is noted when its last byte was sent or nobody hears it any more.
    pub fn upon(self, response: Response, log: Arc<RequestLog>) -> Response {
        let counted = response.extensions().get::<Counted>().cloned().unwrap_or_default();
        let (head, body) = response.into_parts();
        let heard = Heard { body: body.into_data_stream(), whole: false, note: self, counted, log };
        Response::from_parts(head, Body::from_stream(heard))
    }
}

struct Heard {
    body: BodyDataStream,
    whole: bool,
    note: Note,
    counted: Counted,
    log: Arc<RequestLog>,
}

impl Stream for Heard {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.body).poll_next(context);
        this.whole |= matches!(next, Poll::Ready(None));
        next
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let note = &self.note;
        let line = json!({
            "at": note.at,
            "key": note.key,
            "path": note.path,
            "status": note.status,
            "ms": note.started.elapsed().as_millis() as u64,
            "prompt_tokens": self.counted.0.0.load(Ordering::Relaxed),
            "completion_tokens": self.counted.0.1.load(Ordering::Relaxed),
            // False where the caller went away before the end.
            "whole": self.whole,
        });
        self.log.write(&line.to_string());
    }
}

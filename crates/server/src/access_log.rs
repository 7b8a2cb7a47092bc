//! The access log: one line of JSON for each request of another program, with key name, path, status,
//! duration and token counts, never with prompt or answer. The file is renamed when it grows.
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::Stream;
use parking_lot::Mutex;
use protocol::AccessLogEntry;
use protocol::openai::Usage;

/// From this size on the file is renamed and a new one begun.
const MAX_BYTES: u64 = 4 << 20;

pub struct AccessLog {
    path: PathBuf,
    writing: Mutex<()>,
}

impl AccessLog {
    pub fn new(path: PathBuf) -> Self {
        Self { path, writing: Mutex::default() }
    }

    /// Errors are ignored: a full disk must not stop the server.
    fn write(&self, entry: &AccessLogEntry) {
        let line = serde_json::to_string(entry).expect("an entry is plain data");
        let _lock = self.writing.lock();
        if std::fs::metadata(&self.path).is_ok_and(|data| data.len() > MAX_BYTES) {
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

/// Tokens of an answer, set where it is written and read where it is logged.
#[derive(Debug, Clone, Default)]
pub struct TokenCounts(Arc<(AtomicU64, AtomicU64)>);

impl TokenCounts {
    pub fn set(&self, usage: &Usage) {
        self.0.0.store(usage.prompt_tokens.0.into(), Ordering::Relaxed);
        self.0.1.store(usage.completion_tokens.0.into(), Ordering::Relaxed);
    }
}

/// A request that will be logged when its response has ended.
pub struct PendingEntry {
    entry: AccessLogEntry,
    started: Instant,
}

impl PendingEntry {
    pub fn new(key: String, path: String, started: Instant, status: StatusCode) -> Self {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let entry = AccessLogEntry {
            at,
            key,
            path,
            status: status.as_u16(),
            ms: 0,
            prompt_tokens: 0,
            completion_tokens: 0,
            complete: false,
        };
        Self { entry, started }
    }

    /// The same response; the entry is written when its last byte was sent or the connection closed.
    pub fn attach(self, response: Response, log: Arc<AccessLog>) -> Response {
        let counts = response.extensions().get::<TokenCounts>().cloned().unwrap_or_default();
        let (head, body) = response.into_parts();
        let body = LoggedBody { body: body.into_data_stream(), pending: self, counts, log };
        Response::from_parts(head, Body::from_stream(body))
    }
}

struct LoggedBody {
    body: BodyDataStream,
    pending: PendingEntry,
    counts: TokenCounts,
    log: Arc<AccessLog>,
}

impl Stream for LoggedBody {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let next = Pin::new(&mut this.body).poll_next(context);
        this.pending.entry.complete |= matches!(next, Poll::Ready(None));
        next
    }
}

impl Drop for LoggedBody {
    fn drop(&mut self) {
        let entry = &mut self.pending.entry;
        entry.ms = self.pending.started.elapsed().as_millis() as u64;
        entry.prompt_tokens = self.counts.0.0.load(Ordering::Relaxed);
        entry.completion_tokens = self.counts.0.1.load(Ordering::Relaxed);
        self.log.write(entry);
    }
}

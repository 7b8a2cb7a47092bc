//! A cloud service on loopback for tests: it asks for a key, lists models and streams an answer in any dialect, cut into
//! pieces at any byte, and misbehaves on demand. What it was sent is kept. Speaks raw HTTP, so that it can be wrong.
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What one path answers with.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Such as `200 OK`.
    pub status: String,
    pub headers: Vec<(String, String)>,
    /// Sent one after the other, each flushed.
    pub pieces: Vec<Vec<u8>>,
    pub end: End,
}

/// What follows the last piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Close,
    /// The connection is reset, as by a server that dies.
    Reset,
    /// Nothing more ever comes.
    Hang,
    /// One byte at a time, without an end and without a line.
    Trickle(Duration),
    /// A line of so many bytes.
    Line(usize),
}

/// One request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Answer {
    pub fn new(status: &str, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status: status.to_owned(), headers, pieces: vec![body.into()], end: End::Close }
    }

    pub fn json(status: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json", body)
    }

    pub fn stream(body: impl Into<Vec<u8>>) -> Self {
        Self::new("200 OK", "text/event-stream", body)
    }

    #[must_use]
    pub fn with(mut self, header: &str, value: &str) -> Self {
        self.headers.push((header.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The body in two pieces.
    #[must_use]
    pub fn split(mut self, at: usize) -> Self {
        let mut all = self.pieces.concat();
        let rest = all.split_off(at.min(all.len()));
        self.pieces = vec![all, rest];
        self
    }
}

struct State {
    /// The header that must hold this value.
    door: Option<(String, String)>,
    models: Mutex<Answer>,
    chat: Mutex<Answer>,
    asked: Mutex<Vec<Asked>>,
}

/// Ends with its value.
pub struct TestCloud {
    state: Arc<State>,
    address: String,
    task: JoinHandle<()>,
}

/// The stream of an answer in DeepSeek's dialect.
pub const DEEPSEEK: &str = ": keep-alive\n\n\
    data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"想一想\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"A whale \",\"reasoning_content\":null}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"是鲸。\"},\"finish_reason\":null}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\
    \"completion_tokens\":6,\"prompt_cache_hit_tokens\":0}}\n\ndata: [DONE]\n\n";

/// The same answer as `transformers serve` 5.23 writes it: a role alone, its model with a revision, the counts in the last
/// delta, and no `[DONE]`.
pub const TRANSFORMERS: &str = "data: {\"id\":\"a52e\",\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"index\":0}],\
    \"created\":1795687031,\"model\":\"/models/guide@main\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"\"}\n\n\
    data: {\"id\":\"a52e\",\"choices\":[{\"delta\":{\"reasoning_content\":\"想一想\"},\"index\":0}],\"created\":1795687032,\
    \"model\":\"/models/guide@main\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"\"}\n\n\
    data: {\"id\":\"a52e\",\"choices\":[{\"delta\":{\"content\":\"A whale \"},\"index\":0}],\"created\":1795687032,\
    \"model\":\"/models/guide@main\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"\"}\n\n\
    data: {\"id\":\"a52e\",\"choices\":[{\"delta\":{\"content\":\"是鲸。\"},\"index\":0}],\"created\":1795687032,\
    \"model\":\"/models/guide@main\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"\"}\n\n\
    data: {\"id\":\"a52e\",\"choices\":[{\"delta\":{},\"index\":0,\"finish_reason\":\"stop\"}],\"created\":1795687032,\
    \"model\":\"/models/guide@main\",\"object\":\"chat.completion.chunk\",\"system_fingerprint\":\"\",\
    \"usage\":{\"completion_tokens\":6,\"prompt_tokens\":9,\"total_tokens\":15}}\n\n";

impl TestCloud {
    /// Lets in whoever sends `Authorization: Bearer <key>`, lists two models and answers in DeepSeek's dialect.
    pub async fn start(key: &str) -> io::Result<Self> {
        Self::with_door(Some(("authorization", &format!("Bearer {key}")))).await
    }

    /// As [`TestCloud::start`], with another header to show, or none.
    pub async fn with_door(door: Option<(&str, &str)>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let models =
            "{\"object\":\"list\",\"data\":[{\"id\":\"deepseek-flash\"},{\"id\":\"deepseek/v4-pro\"}]}";
        let state = Arc::new(State {
            door: door.map(|(name, value)| (name.to_owned(), value.to_owned())),
            models: Mutex::new(Answer::json("200 OK", models)),
            chat: Mutex::new(Answer::stream(DEEPSEEK)),
            asked: Mutex::default(),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A caller that goes away is no failure of the server.
                tokio::spawn(serve(socket, shared.clone()));
            }
        });
        Ok(Self { state, address, task })
    }

    /// Without a path.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn answer_chat(&self, answer: Answer) {
        *lock(&self.state.chat) = answer;
    }

    pub fn answer_models(&self, answer: Answer) {
        *lock(&self.state.models) = answer;
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state.asked).clone()
    }
}

impl Drop for TestCloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut socket: TcpStream, state: Arc<State>) -> io::Result<()> {
    let Some(asked) = read(&mut socket).await? else { return Ok(()) };
    let let_in = state.door.as_ref().is_none_or(|(name, value)| asked.header(name) == Some(value));
    let path = asked.path.split('?').next().unwrap_or_default().to_owned();
    lock(&state.asked).push(asked);
    let answer = if path.ends_with("/models") {
        lock(&state.models).clone()
    } else if path.ends_with("/chat/completions") {
        lock(&state.chat).clone()
    } else {
        Answer::json("404 Not Found", "{\"detail\":\"Not Found\"}")
    };
    let refused = "{\"error\":{\"message\":\"Authentication Fails\",\"type\":\"authentication_error\"}}";
    let answer = if let_in { answer } else { Answer::json("401 Unauthorized", refused) };
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", answer.status);
    answer.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    socket.set_nodelay(true)?;
    socket.write_all((head + "\r\n").as_bytes()).await?;
    for piece in &answer.pieces {
        socket.write_all(piece).await?;
        socket.flush().await?;
        tokio::task::yield_now().await;
    }
    match answer.end {
        End::Close => socket.shutdown().await,
        End::Reset => socket.set_zero_linger(),
        End::Hang => std::future::pending().await,
        End::Trickle(pause) => loop {
            socket.write_all(b"x").await?;
            tokio::time::sleep(pause).await;
        },
        End::Line(mut left) => {
            let piece = [b'x'; 1 << 16];
            while left > 0 {
                let some = left.min(piece.len());
                socket.write_all(&piece[..some]).await?;
                left -= some;
            }
            socket.shutdown().await
        }
    }
}

/// Nothing for a caller that closes before a whole request.
async fn read(socket: &mut TcpStream) -> io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        // A caller that begins with TLS hears what it cannot read.
        if bytes.first() == Some(&0x16) {
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await?;
            return Ok(None);
        }
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut lines = head.lines();
            let mut first = lines.next().unwrap_or_default().split(' ').map(str::to_owned);
            let pairs = lines.filter_map(|line| line.split_once(": "));
            let headers: Vec<_> =
                pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
            let asked = Asked {
                method: first.next().unwrap_or_default(),
                path: first.next().unwrap_or_default(),
                headers,
                body: String::from_utf8_lossy(&bytes[end..]).into_owned(),
            };
            let length = asked.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() - end >= length {
                return Ok(Some(asked));
            }
        }
        match socket.read(&mut buffer).await? {
            0 => return Ok(None),
            some => bytes.extend_from_slice(&buffer[..some]),
        }
    }
}

//! A cloud service on loopback: it checks an API key, lists models and streams an answer in any dialect,
//! split at any byte, with faults on demand. It records the requests. Writes raw HTTP, so that a response can
//! be malformed.
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::tool_caller;

/// The response of one path.
#[derive(Debug, Clone)]
pub struct CloudResponse {
    /// Such as `200 OK`.
    pub status: String,
    pub headers: Vec<(String, String)>,
    /// Parts of the body; each is flushed before the next.
    pub parts: Vec<Vec<u8>>,
    pub end: StreamEnd,
}

/// What follows the last part of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    Close,
    /// Reset the connection, as when the server crashes.
    Reset,
    /// Keep the connection open and send nothing.
    Hang,
    /// Send one byte at a time, without a line break, for ever.
    Trickle(Duration),
    /// Send a line of so many bytes.
    Line(usize),
}

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudRequest {
    pub method: String,
    /// Including the query.
    pub path: String,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl CloudRequest {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl CloudResponse {
    pub fn new(status: &str, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status: status.to_owned(), headers, parts: vec![body.into()], end: StreamEnd::Close }
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
    pub fn with_end(mut self, end: StreamEnd) -> Self {
        self.end = end;
        self
    }

    /// Splits the body into two parts.
    #[must_use]
    pub fn split(mut self, at: usize) -> Self {
        let mut all = self.parts.concat();
        let rest = all.split_off(at.min(all.len()));
        self.parts = vec![all, rest];
        self
    }
}

struct State {
    /// Header and value that a request must have.
    auth_header: Option<(String, String)>,
    models: Mutex<CloudResponse>,
    chat: Mutex<CloudResponse>,
    requests: Mutex<Vec<CloudRequest>>,
}

/// Dropping it stops the server.
pub struct TestCloud {
    state: Arc<State>,
    address: String,
    task: JoinHandle<()>,
}

/// A streamed answer in DeepSeek's dialect.
pub const DEEPSEEK: &str = ": keep-alive\n\n\
    data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"reasoning_content\":\"\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"想一想\"}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"A whale \",\"reasoning_content\":null}}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"是鲸。\"},\"finish_reason\":null}]}\n\n\
    data: {\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\
    \"completion_tokens\":6,\"prompt_cache_hit_tokens\":0}}\n\ndata: [DONE]\n\n";

/// The same answer as `transformers serve` 5.23 sends it: a delta with the role only, the model with a
/// revision, the usage in the last delta, and no `[DONE]`.
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
    /// Accepts `Authorization: Bearer <key>`, lists two models and answers in DeepSeek's dialect. A request
    /// that offers tools is answered by `tool_caller`.
    pub async fn start(key: &str) -> io::Result<Self> {
        Self::with_auth_header(Some(("authorization", &format!("Bearer {key}")))).await
    }

    /// As [`TestCloud::start`], with another required header or none.
    pub async fn with_auth_header(auth_header: Option<(&str, &str)>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = format!("http://{}", listener.local_addr()?);
        let models =
            "{\"object\":\"list\",\"data\":[{\"id\":\"deepseek-flash\"},{\"id\":\"deepseek/v4-pro\"}]}";
        let state = Arc::new(State {
            auth_header: auth_header.map(|(name, value)| (name.to_owned(), value.to_owned())),
            models: Mutex::new(CloudResponse::json("200 OK", models)),
            chat: Mutex::new(CloudResponse::stream(DEEPSEEK)),
            requests: Mutex::default(),
        });
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A disconnected client is no failure of the server.
                tokio::spawn(serve(socket, shared.clone()));
            }
        });
        Ok(Self { state, address, task })
    }

    /// Base address, without a path.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn set_chat_response(&self, response: CloudResponse) {
        *self.state.chat.lock() = response;
    }

    pub fn set_models_response(&self, response: CloudResponse) {
        *self.state.models.lock() = response;
    }

    pub fn requests(&self) -> Vec<CloudRequest> {
        self.state.requests.lock().clone()
    }
}

impl Drop for TestCloud {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut socket: TcpStream, state: Arc<State>) -> io::Result<()> {
    let Some(request) = read(&mut socket).await? else { return Ok(()) };
    let authorized =
        state.auth_header.as_ref().is_none_or(|(name, value)| request.header(name) == Some(value));
    let path = request.path.split('?').next().unwrap_or_default().to_owned();
    let (tools, pause) = (tool_caller::answer(&request.body), tool_caller::pause(&request.body));
    state.requests.lock().push(request);
    let response = if path.ends_with("/models") {
        state.models.lock().clone()
    } else if path.ends_with("/chat/completions") {
        tools.map_or_else(|| state.chat.lock().clone(), CloudResponse::stream)
    } else {
        CloudResponse::json("404 Not Found", "{\"detail\":\"Not Found\"}")
    };
    tokio::time::sleep(pause).await;
    let auth_error = "{\"error\":{\"message\":\"Authentication Fails\",\"type\":\"authentication_error\"}}";
    let response = if authorized { response } else { CloudResponse::json("401 Unauthorized", auth_error) };
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status);
    response.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
    socket.set_nodelay(true)?;
    socket.write_all((head + "\r\n").as_bytes()).await?;
    for part in &response.parts {
        socket.write_all(part).await?;
        socket.flush().await?;
        tokio::task::yield_now().await;
    }
    match response.end {
        StreamEnd::Close => socket.shutdown().await,
        StreamEnd::Reset => socket.set_zero_linger(),
        StreamEnd::Hang => std::future::pending().await,
        StreamEnd::Trickle(pause) => loop {
            socket.write_all(b"x").await?;
            tokio::time::sleep(pause).await;
        },
        StreamEnd::Line(mut left) => {
            let part = [b'x'; 1 << 16];
            while left > 0 {
                let some = left.min(part.len());
                socket.write_all(&part[..some]).await?;
                left -= some;
            }
            socket.shutdown().await
        }
    }
}

/// `None` when the client closes before the end of a request.
async fn read(socket: &mut TcpStream) -> io::Result<Option<CloudRequest>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        // A TLS client hello gets a plain-text error.
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
            let request = CloudRequest {
                method: first.next().unwrap_or_default(),
                path: first.next().unwrap_or_default(),
                headers,
                body: String::from_utf8_lossy(&bytes[end..]).into_owned(),
            };
            let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if bytes.len() - end >= length {
                return Ok(Some(request));
            }
        }
        match socket.read(&mut buffer).await? {
            0 => return Ok(None),
            some => bytes.extend_from_slice(&buffer[..some]),
        }
    }
}

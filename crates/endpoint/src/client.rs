//! The requests: chat, health, models, token counts. No redirect is followed, and no body is read without a
//! size limit.
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt, stream};
use outbound::Outbound;
use protocol::openai::StreamOptions;
use protocol::{HealthStatus, TokenizeResponse};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bounds::{SizeLimited, StreamError};
use crate::failure::{ERROR_LIMIT, in_stream, refused, step_of};
use crate::think::ReasoningSplitter;
use crate::wire::{Chunk, RequestBody};
use crate::{Address, Auth, ChatDelta, ChatRequest, Continuation, Dialect, EndpointError, Step};

/// The events of one answer. Dropping it closes the connection, which cancels the answer.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatDelta, EndpointError>> + Send>>;

/// Our worker sends a comment every 15 seconds while it works, as DeepSeek's service does.
const IDLE_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of a list of models, and of an answer in one body.
const BODY_LIMIT: usize = 16 << 20;

/// One server.
#[derive(Clone)]
pub struct Endpoint {
    address: Result<Address, String>,
    api_key: Option<String>,
    dialect: Dialect,
    idle_limit: Duration,
    outbound: Outbound,
    /// Or why there is no client, and never a client that ignores the proxy settings.
    http: Result<reqwest::Client, String>,
}

impl std::fmt::Debug for Endpoint {
    /// Without the key, because debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.api_key.as_ref().map(|_| "hidden");
        f.debug_struct("Endpoint")
            .field("address", &self.url())
            .field("api_key", &key)
            .finish_non_exhaustive()
    }
}

/// Whether a server has loaded its model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    Loading { done: u64, total: u64 },
    Ready,
}

impl Endpoint {
    /// Our own worker, at an address such as `http://127.0.0.1:8080`.
    pub fn new(base_url: impl Into<String>, api_key: Option<String>) -> Self {
        Self::with_idle_limit(base_url, api_key, IDLE_LIMIT)
    }

    /// As [`Endpoint::new`], with a limit for silence: no line for that long ends a call as `Silent`.
    pub fn with_idle_limit(base_url: impl Into<String>, api_key: Option<String>, limit: Duration) -> Self {
        let base_url = base_url.into();
        let address = Address::for_worker(&base_url).ok_or(base_url);
        Self::build(address, api_key, Dialect::worker(), limit, Outbound::default())
    }

    /// A cloud service or another engine, in its dialect.
    pub fn for_service(address: Address, api_key: Option<String>, dialect: Dialect) -> Self {
        Self::build(Ok(address), api_key, dialect, IDLE_LIMIT, Outbound::default())
    }

    /// With another limit for the longest silence.
    #[must_use]
    pub fn with_limit(self, limit: Duration) -> Self {
        Self::build(self.address, self.api_key, self.dialect, limit, self.outbound)
    }

    /// With another proxy and other certificates than the system's own.
    #[must_use]
    pub fn with_proxy(self, outbound: Outbound) -> Self {
        Self::build(self.address, self.api_key, self.dialect, self.idle_limit, outbound)
    }

    fn build(
        address: Result<Address, String>,
        key: Option<String>,
        dialect: Dialect,
        limit: Duration,
        outbound: Outbound,
    ) -> Self {
        let builder = outbound
            .client()
            .connect_timeout(Duration::from_secs(10).min(limit))
            .read_timeout(limit)
            // An idle connection may be closed by the server without notice, as `transformers serve` does
            // after a failure, and a request that was lost must not be sent twice.
            .pool_max_idle_per_host(0)
            // Another host must never get the key or the prompt.
            .redirect(redirect::Policy::none());
        // A local server is never reached through a proxy, which would see the key.
        let local = address.as_ref().is_ok_and(|address| is_local(address.host()));
        let http = if local { builder.no_proxy() } else { builder }.build().map_err(|error| reason(&error));
        // A local server is reached directly, so a proxy cannot be the cause of an error.
        let outbound = if local { Outbound::default() } else { outbound };
        Self { address, api_key: key, dialect, idle_limit: limit, outbound, http }
    }

    /// Starts an answer and streams it.
    ///
    /// # Errors
    /// When the server refuses; later errors are items of the stream.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, EndpointError> {
        let mut address = self.address()?.clone();
        let continues = request.messages.last().is_some_and(|message| message.prefix);
        if continues && self.dialect.continuation == Some(Continuation::Beta) {
            address = address.beta();
        }
        let mut body = self.body(request);
        body.request.sampling.stream = true;
        body.request.sampling.stream_options =
            StreamOptions { include_usage: true, continuous_usage_stats: self.dialect.continuous_usage };
        let response =
            self.send(self.call(Method::POST, address.call("chat/completions"))?.json(&body)).await?;
        if is_json(&response) {
            return self.complete(response).await;
        }
        Ok(self.streamed(response))
    }

    /// The answer of a server that cannot stream, as a stream of one item.
    async fn complete(&self, response: Response) -> Result<ChatStream, EndpointError> {
        let text = self.text(response, BODY_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let mut delta = read(&text, self.key())?;
        let mut splitter = ReasoningSplitter::default();
        splitter.part(&mut delta);
        delta.finish.get_or_insert_with(|| "stop".to_owned());
        Ok(Box::pin(stream::iter([delta].into_iter().chain(splitter.rest()).map(Ok))))
    }

    fn streamed(&self, response: Response) -> ChatStream {
        let answer = AnswerStream {
            events: SizeLimited::new(Box::pin(response.bytes_stream()), self.idle_limit).eventsource(),
            splitter: ReasoningSplitter::default(),
            finished: false,
            over: false,
            idle_limit: self.idle_limit,
            key: self.api_key.clone(),
        };
        Box::pin(
            stream::unfold(answer, |mut answer| async { Some((answer.next().await?, answer)) })
                .flat_map(stream::iter),
        )
    }

    /// # Errors
    /// When the server is not reached.
    pub async fn health(&self) -> Result<Health, EndpointError> {
        let call = self.call(Method::GET, self.address()?.root("health"))?.timeout(Duration::from_secs(5));
        let response = call.send().await.map_err(|error| self.unreachable(&error))?;
        match response.status().as_u16() {
            200 => Ok(Health::Ready),
            status => {
                let headers = response.headers().clone();
                let text = self.text(response, ERROR_LIMIT).await.ok().flatten().unwrap_or_default();
                match serde_json::from_str(&text) {
                    Ok(HealthStatus::Loading { done, total }) if status == 503 => {
                        Ok(Health::Loading { done: done.0, total: total.0 })
                    }
                    _ => Err(refused(status, &headers, &text, self.key())),
                }
            }
        }
    }

    /// Ids of the models that the server has.
    ///
    /// # Errors
    /// When the server refuses or answers something else.
    pub async fn models(&self) -> Result<Vec<String>, EndpointError> {
        let response = self.send(self.call(Method::GET, self.address()?.call("models"))?).await?;
        let text = self.text(response, BODY_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let list: Value =
            serde_json::from_str(&text).map_err(|error| EndpointError::Malformed(error.to_string()))?;
        // Together sends the list without an object around it.
        let models = list["data"].as_array().or(list.as_array());
        let models = models.ok_or_else(|| EndpointError::Malformed("it is no list of models".into()))?;
        Ok(models.iter().filter_map(|model| model["id"].as_str().map(str::to_owned)).collect())
    }

    /// How many tokens the prompt of these messages has, and how many a conversation may have; our own worker
    /// only.
    ///
    /// # Errors
    /// When the server does not count, or refuses the conversation.
    pub async fn count_tokens(&self, request: &ChatRequest) -> Result<(u32, u32), EndpointError> {
        let call = self.call(Method::POST, self.address()?.root("tokenize"))?.json(&self.body(request));
        let response = self.send(call).await?;
        let text = self.text(response, BODY_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let reply: TokenizeResponse =
            serde_json::from_str(&text).map_err(|error| EndpointError::Malformed(error.to_string()))?;
        Ok((reply.count.0, reply.max_model_len.0))
    }

    /// The request in the dialect of the server.
    fn body(&self, request: &ChatRequest) -> RequestBody {
        let thinking = self.dialect.thinking_param(request.thinking);
        RequestBody { request: self.dialect.apply(request).to_body(), thinking }
    }

    /// A path beside the protocol, such as `health` or `metrics`, within ten seconds.
    ///
    /// # Errors
    /// When the server does not have it.
    pub async fn root_text(&self, path: &str) -> Result<String, EndpointError> {
        let url = self.address()?.root(path.trim_start_matches('/'));
        let limit = Duration::from_secs(10);
        let read = async {
            let response = self.send(self.call(Method::GET, url)?).await?;
            self.text(response, BODY_LIMIT).await?.ok_or(EndpointError::TooLong)
        };
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(silent(limit)))
    }

    /// A path of our own worker beside the protocol: the JSON that it answers to `body`.
    ///
    /// # Errors
    /// When the worker refuses or answers something else.
    pub async fn worker_call<R: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<R, EndpointError> {
        let call = self.call(Method::POST, self.address()?.root(path))?.json(body);
        let response = self.send(call).await?;
        let text = self.text(response, BODY_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        serde_json::from_str(&text).map_err(|error| EndpointError::Malformed(error.to_string()))
    }

    fn address(&self) -> Result<&Address, EndpointError> {
        self.address.as_ref().map_err(|url| EndpointError::Unreachable {
            url: url.clone(),
            reason: "it is no address".into(),
            step: Step::Name,
        })
    }

    fn url(&self) -> String {
        self.address.as_ref().map_or_else(Clone::clone, ToString::to_string)
    }

    fn key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    fn call(&self, method: Method, url: Url) -> Result<RequestBuilder, EndpointError> {
        let http = self.http.as_ref().map_err(|reason| EndpointError::Unreachable {
            url: self.url(),
            reason: reason.clone(),
            // Building a client fails for its certificates only; a proxy error comes with a request.
            step: Step::Tls,
        })?;
        let call = http.request(method, url);
        let Some(key) = &self.api_key else { return Ok(call) };
        let (name, value) = match self.dialect.auth {
            Auth::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
            Auth::ApiKey => (HeaderName::from_static("api-key"), key.clone()),
        };
        Ok(match HeaderValue::from_str(&value) {
            Ok(mut value) => {
                // Debug output of a request hides it.
                value.set_sensitive(true);
                call.header(name, value)
            }
            // The server refuses the request as one without a key; keys are validated before they are stored.
            Err(_) => call,
        })
    }

    /// The headers have the same time limit as a line, however slowly they arrive.
    async fn send(&self, call: RequestBuilder) -> Result<Response, EndpointError> {
        let response = tokio::time::timeout(self.idle_limit, call.send())
            .await
            .map_err(|_| silent(self.idle_limit))?
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // Only a proxy answers so, to a request without a tunnel.
        if status == 407 {
            let reason = "the proxy wants a name and a password".into();
            return Err(EndpointError::Unreachable { url: self.url(), reason, step: Step::ProxyLogin });
        }
        // The body of an error is waited for only briefly.
        let text = tokio::time::timeout(Duration::from_secs(10), self.text(response, ERROR_LIMIT)).await;
        let text = text.ok().and_then(Result::ok).flatten().unwrap_or_default();
        Err(refused(status, &headers, &text, self.key()))
    }

    /// The body, or nothing when it is longer than `most`. It has a time limit, however slowly it arrives.
    async fn text(&self, response: Response, most: usize) -> Result<Option<String>, EndpointError> {
        let mut bytes = response.bytes_stream();
        let read = async {
            let mut all = Vec::new();
            while let Some(chunk) = bytes.next().await {
                let chunk = chunk.map_err(|error| {
                    if error.is_timeout() { silent(self.idle_limit) } else { EndpointError::Cut }
                })?;
                if all.len() + chunk.len() > most {
                    return Ok(None);
                }
                all.extend_from_slice(&chunk);
            }
            Ok(Some(String::from_utf8_lossy(&all).into_owned()))
        };
        tokio::time::timeout(self.idle_limit, read).await.unwrap_or_else(|_| Err(silent(self.idle_limit)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> EndpointError {
        if error.is_timeout() && !error.is_connect() {
            return silent(self.idle_limit);
        }
        EndpointError::Unreachable {
            url: self.url(),
            reason: reason(error),
            step: step_of(&self.outbound, error),
        }
    }
}

/// One streamed answer.
struct AnswerStream<E> {
    events: E,
    splitter: ReasoningSplitter,
    /// A finish reason came.
    finished: bool,
    over: bool,
    idle_limit: Duration,
    key: Option<String>,
}

impl<E> AnswerStream<E>
where
    E: Stream<Item = Result<Event, EventStreamError<StreamError>>> + Unpin,
{
    /// The deltas of the next event; nothing at the end.
    async fn next(&mut self) -> Option<Vec<Result<ChatDelta, EndpointError>>> {
        if self.over {
            return None;
        }
        let failed = match self.events.next().await {
            Some(Ok(event)) if event.data == "[DONE]" => None,
            Some(Ok(event)) => match read(&event.data, self.key.as_deref()) {
                Ok(mut delta) => {
                    self.splitter.part(&mut delta);
                    self.finished |= delta.finish.is_some();
                    return Some(vec![Ok(delta)]);
                }
                Err(error) => Some(error),
            },
            // A stream that ends without `[DONE]` and without a finish reason was cut.
            None if self.finished => None,
            None => Some(EndpointError::Cut),
            Some(Err(EventStreamError::Transport(broken))) => Some(ended(&broken, self.idle_limit)),
            Some(Err(error)) => Some(EndpointError::Malformed(error.to_string())),
        };
        self.over = true;
        // Text that was held back as a possible tag is emitted too.
        Some(self.splitter.rest().into_iter().map(Ok).chain(failed.map(Err)).collect())
    }
}

fn ended(broken: &StreamError, limit: Duration) -> EndpointError {
    match broken {
        StreamError::Silent => silent(limit),
        StreamError::TooLong => EndpointError::TooLong,
        StreamError::Transport(_) => EndpointError::Cut,
    }
}

fn silent(limit: Duration) -> EndpointError {
    EndpointError::Silent { seconds: limit.as_secs() }
}

/// The innermost error, which names the reason; the outer ones only say that a request was made.
fn reason(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().map(|address| address.to_canonical());
    bare == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Whether an address is of this computer, which is reached without a network.
pub fn on_this_computer(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(is_local))
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn read(data: &str, key: Option<&str>) -> Result<ChatDelta, EndpointError> {
    let chunk: Chunk = serde_json::from_str(data).map_err(|error| match unescaped_error(data) {
        Some(message) => in_stream(&Value::from(message), key),
        None => EndpointError::Malformed(error.to_string()),
    })?;
    if chunk.error.is_null() { Ok(chunk.into()) } else { Err(in_stream(&chunk.error, key)) }
}

/// The text of an error that was put between quotes without escaping, as `transformers serve` does.
fn unescaped_error(data: &str) -> Option<&str> {
    data.strip_prefix("{\"error\": \"")?.strip_suffix("\"}")
}

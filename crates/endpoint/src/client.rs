//! The calls: chat, health, models. Nothing is followed to another address, and nothing is read without a bound.
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures_util::{Stream, StreamExt, stream};
use outbound::Outbound;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use serde::Deserialize;
use serde_json::Value;

use crate::bounds::{Bounded, Broken};
use crate::failure::{ERROR_LIMIT, in_stream, refused, step_of};
use crate::think::Splitter;
use crate::wire::{Chunk, Counted, StreamOptions, Streamed};
use crate::{Address, Auth, ChatDelta, ChatRequest, Continues, Dialect, EndpointError, Step};

/// The events of one answer. Dropping it closes the connection, which cancels the answer.
pub type ChatStream = Pin<Box<dyn Stream<Item = Result<ChatDelta, EndpointError>> + Send>>;

/// Our worker sends a comment every 15 seconds while it works, as DeepSeek's service does.
const IDLE_LIMIT: Duration = Duration::from_secs(120);
/// Of a list of models, and of an answer that comes whole.
const WHOLE_LIMIT: usize = 16 << 20;

/// One server.
#[derive(Clone)]
pub struct Endpoint {
    address: Result<Address, String>,
    api_key: Option<String>,
    dialect: Dialect,
    idle_limit: Duration,
    outbound: Outbound,
    /// Or why there is no client, which never means one that goes another way.
    http: Result<reqwest::Client, String>,
}

impl std::fmt::Debug for Endpoint {
    /// Without the key: what is printed ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.api_key.as_ref().map(|_| "hidden");
        f.debug_struct("Endpoint")
            .field("address", &self.url())
            .field("api_key", &key)
            .finish_non_exhaustive()
    }
}

/// How far a server is.
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

    /// As [`Endpoint::new`], with the longest silence to bear: no line for that long ends a call as `Silent`.
    pub fn with_idle_limit(base_url: impl Into<String>, api_key: Option<String>, limit: Duration) -> Self {
        let base_url = base_url.into();
        let address = Address::of_own(&base_url).ok_or(base_url);
        Self::build(address, api_key, Dialect::own(), limit, Outbound::default())
    }

    /// A service with a dialect of its own.
    pub fn of_service(address: Address, api_key: Option<String>, dialect: Dialect) -> Self {
        Self::build(Ok(address), api_key, dialect, IDLE_LIMIT, Outbound::default())
    }

    /// With another longest silence.
    #[must_use]
    pub fn bearing(self, limit: Duration) -> Self {
        Self::build(self.address, self.api_key, self.dialect, limit, self.outbound)
    }

    /// With another way out of this computer than the system's own.
    #[must_use]
    pub fn through(self, outbound: Outbound) -> Self {
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
            // A kept connection may be closed at the other end without a word, as `transformers serve` does after a failure, and a
            // question that was lost on one must not be asked twice.
            .pool_max_idle_per_host(0)
            // Another address must never see the key, nor the words.
            .redirect(redirect::Policy::none());
        // What runs on this computer is never asked through a proxy, which would see the key.
        let local = address.as_ref().is_ok_and(|address| is_local(address.host()));
        let http = if local { builder.no_proxy() } else { builder }.build().map_err(|error| reason(&error));
        // What runs on this computer is asked for itself: no proxy can be what is in the way.
        let outbound = if local { Outbound::default() } else { outbound };
        Self { address, api_key: key, dialect, idle_limit: limit, outbound, http }
    }

    /// Starts an answer and streams it.
    ///
    /// # Errors
    /// When the server refuses; errors in mid-answer come as items of the stream.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatStream, EndpointError> {
        let mut address = self.address()?.clone();
        let goes_on = request.messages.last().is_some_and(|message| message.prefix);
        if goes_on && self.dialect.continues == Some(Continues::Beta) {
            address = address.beta();
        }
        let switch = self.dialect.switch(request.thinking);
        let request = &self.dialect.spoken(request);
        let continuous_usage_stats = self.dialect.continuous_usage;
        let stream_options = StreamOptions { include_usage: true, continuous_usage_stats };
        let body = Streamed { request, switch, stream: true, stream_options };
        let response =
            self.send(self.call(Method::POST, address.call("chat/completions"))?.json(&body)).await?;
        if is_json(&response) {
            return self.whole(response).await;
        }
        Ok(self.streamed(response))
    }

    /// A server that cannot stream answers in one piece.
    async fn whole(&self, response: Response) -> Result<ChatStream, EndpointError> {
        let text = self.text(response, WHOLE_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let mut delta = read(&text, self.key())?;
        let mut splitter = Splitter::default();
        splitter.part(&mut delta);
        delta.finish.get_or_insert_with(|| "stop".to_owned());
        Ok(Box::pin(stream::iter([delta].into_iter().chain(splitter.rest()).map(Ok))))
    }

    fn streamed(&self, response: Response) -> ChatStream {
        let heard = Heard {
            events: Bounded::new(Box::pin(response.bytes_stream()), self.idle_limit).eventsource(),
            splitter: Splitter::default(),
            finished: false,
            over: false,
            idle_limit: self.idle_limit,
            key: self.api_key.clone(),
        };
        Box::pin(
            stream::unfold(heard, |mut heard| async { Some((heard.next().await?, heard)) })
                .flat_map(stream::iter),
        )
    }

    /// # Errors
    /// When nothing answers.
    pub async fn health(&self) -> Result<Health, EndpointError> {
        #[derive(Deserialize)]
        struct Reply {
            status: String,
            #[serde(default)]
            done: u64,
            #[serde(default)]
            total: u64,
        }
        let call = self.call(Method::GET, self.address()?.root("health"))?.timeout(Duration::from_secs(5));
        let response = call.send().await.map_err(|error| self.unreachable(&error))?;
        match response.status().as_u16() {
            200 => Ok(Health::Ready),
            status => {
                let headers = response.headers().clone();
                let text = self.text(response, ERROR_LIMIT).await.ok().flatten().unwrap_or_default();
                match serde_json::from_str::<Reply>(&text) {
                    Ok(reply) if status == 503 && reply.status == "loading" => {
                        Ok(Health::Loading { done: reply.done, total: reply.total })
                    }
                    _ => Err(refused(status, &headers, &text, self.key())),
                }
            }
        }
    }

    /// Ids of the models the server offers.
    ///
    /// # Errors
    /// When the server refuses or answers something else.
    pub async fn models(&self) -> Result<Vec<String>, EndpointError> {
        let response = self.send(self.call(Method::GET, self.address()?.call("models"))?).await?;
        let text = self.text(response, WHOLE_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let list: Value =
            serde_json::from_str(&text).map_err(|error| EndpointError::Malformed(error.to_string()))?;
        // Together sends the list itself.
        let models = list["data"].as_array().or(list.as_array());
        let models = models.ok_or_else(|| EndpointError::Malformed("it is no list of models".into()))?;
        Ok(models.iter().filter_map(|model| model["id"].as_str().map(str::to_owned)).collect())
    }

    /// How many tokens the prompt of these messages has, and how many a conversation may have; our own worker only.
    ///
    /// # Errors
    /// When the server does not count, or refuses the conversation.
    pub async fn count_tokens(&self, request: &ChatRequest) -> Result<(u32, u32), EndpointError> {
        #[derive(Deserialize)]
        struct Reply {
            count: u32,
            max_model_len: u32,
        }
        let switch = self.dialect.switch(request.thinking);
        let request = &self.dialect.spoken(request);
        let body = Counted { request, switch };
        let call = self.call(Method::POST, self.address()?.root("tokenize"))?.json(&body);
        let response = self.send(call).await?;
        let text = self.text(response, WHOLE_LIMIT).await?.ok_or(EndpointError::TooLong)?;
        let reply: Reply =
            serde_json::from_str(&text).map_err(|error| EndpointError::Malformed(error.to_string()))?;
        Ok((reply.count, reply.max_model_len))
    }

    /// A page beside the protocol, such as `health` or `metrics`, within ten seconds.
    ///
    /// # Errors
    /// When the server does not answer with it.
    pub async fn root_text(&self, path: &str) -> Result<String, EndpointError> {
        let url = self.address()?.root(path.trim_start_matches('/'));
        let limit = Duration::from_secs(10);
        let read = async {
            let response = self.send(self.call(Method::GET, url)?).await?;
            self.text(response, WHOLE_LIMIT).await?.ok_or(EndpointError::TooLong)
        };
        tokio::time::timeout(limit, read).await.unwrap_or_else(|_| Err(silent(limit)))
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
            // A client is refused for what it trusts; a proxy is only met on the way.
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
                // Shown as such by whoever prints a request.
                value.set_sensitive(true);
                call.header(name, value)
            }
            // Refused by the server as no key at all; keys are checked before they are kept.
            Err(_) => call,
        })
    }

    /// Heads are waited for no longer than a line would be, however slowly they trickle.
    async fn send(&self, call: RequestBuilder) -> Result<Response, EndpointError> {
        let response = tokio::time::timeout(self.idle_limit, call.send())
            .await
            .map_err(|_| silent(self.idle_limit))?
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        // Only a proxy answers so, to a request that it was to pass on without a tunnel.
        if status == 407 {
            let reason = "the proxy wants a name and a password".into();
            return Err(EndpointError::Unreachable { url: self.url(), reason, step: Step::ProxyLogin });
        }
        // What a server says about a refusal is worth a moment, not a wait.
        let text = tokio::time::timeout(Duration::from_secs(10), self.text(response, ERROR_LIMIT)).await;
        let text = text.ok().and_then(Result::ok).flatten().unwrap_or_default();
        Err(refused(status, &headers, &text, self.key()))
    }

    /// The body, or nothing when it is longer than `most`. However slowly it trickles, it ends in time.
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

/// One answer while it is heard.
struct Heard<E> {
    events: E,
    splitter: Splitter,
    /// A finish reason came.
    finished: bool,
    over: bool,
    idle_limit: Duration,
    key: Option<String>,
}

impl<E> Heard<E>
where
    E: Stream<Item = Result<Event, EventStreamError<Broken>>> + Unpin,
{
    /// What the next event brings; nothing at the end.
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
            // A stream that ends before `[DONE]` or a finish reason was cut.
            None if self.finished => None,
            None => Some(EndpointError::Cut),
            Some(Err(EventStreamError::Transport(broken))) => Some(ended(&broken, self.idle_limit)),
            Some(Err(error)) => Some(EndpointError::Malformed(error.to_string())),
        };
        self.over = true;
        // What was held back as a beginning of a tag arrived too.
        Some(self.splitter.rest().into_iter().map(Ok).chain(failed.map(Err)).collect())
    }
}

fn ended(broken: &Broken, limit: Duration) -> EndpointError {
    match broken {
        Broken::Silent => silent(limit),
        Broken::TooLong => EndpointError::TooLong,
        Broken::Transport(_) => EndpointError::Cut,
    }
}

fn silent(limit: Duration) -> EndpointError {
    EndpointError::Silent { seconds: limit.as_secs() }
}

/// The last reason is the one that says something; the first ones only say that a request was made.
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

/// Whether an address is of this computer, which needs no network to be reached.
pub fn on_this_computer(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.host_str().is_some_and(is_local))
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/json"))
}

fn read(data: &str, key: Option<&str>) -> Result<ChatDelta, EndpointError> {
    let chunk: Chunk = serde_json::from_str(data).map_err(|error| match unescaped(data) {
        Some(words) => in_stream(&Value::from(words), key),
        None => EndpointError::Malformed(error.to_string()),
    })?;
    if chunk.error.is_null() { Ok(chunk.into()) } else { Err(in_stream(&chunk.error, key)) }
}

/// The words of an error that were put between quotes as they are, as `transformers serve` does.
fn unescaped(data: &str) -> Option<&str> {
    data.strip_prefix("{\"error\": \"")?.strip_suffix("\"}")
}

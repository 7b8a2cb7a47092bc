//! Why an endpoint did not answer; Display completes "failed to".
//! Texts of the server are carried along for the log. The words for the user are chosen in `app`.

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    #[error("reach {url}: {reason}")]
    Unreachable { url: String, reason: String, step: Step },
    #[error("be let in: the key was refused")]
    Unauthorized,
    #[error("be served: the account has no credit left {message}")]
    NoCredit { message: String },
    #[error("be served now: too many requests")]
    RateLimited { retry_after: Option<u64> },
    /// Redirects are not followed: the other address would get the key.
    #[error("be served at this address: it points to {to}")]
    Moved { to: String },
    /// Tokens of the prompt and of the context, where the server reports them.
    #[error("fit the prompt: {message}")]
    ContextLength { tokens: Option<u64>, context: Option<u64>, message: String },
    #[error("load the model first: it is still loading")]
    Loading,
    #[error("be answered: status {status}, {message}")]
    Server { status: u16, code: String, message: String },
    #[error("hear from the server: nothing came for {seconds} s")]
    Silent { seconds: u64 },
    #[error("hear the answer to its end: the connection was cut")]
    Cut,
    #[error("understand the answer: {0}")]
    Malformed(String),
    /// A line, an event or a list without end; given up before it fills the memory.
    #[error("read the answer: it is longer than any real one")]
    TooLong,
}

/// The step at which a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The proxy was not reached, or refused.
    Proxy,
    /// The proxy needs a name and a password, or others than it got.
    ProxyLogin,
    Name,
    Connect,
    Tls,
}

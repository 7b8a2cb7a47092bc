//! Errors of downloads, by the action they need. Messages for the user are in `app`, by error code.
//! Hosts are named without path and query, because a download link may be signed.

use std::time::Duration;

use outbound::{ConnectFailure, connect_failure};

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("reach {host}: {cause}")]
    NoNetwork { host: String, cause: String },
    /// The proxy cannot be reached or rejects the connection.
    #[error("reach {host} through the proxy: {cause}")]
    Proxy { host: String, cause: String },
    /// The proxy requires credentials, or rejects them.
    #[error("reach {host} through the proxy: it requires a user name and a password")]
    ProxyAuth { host: String },
    #[error("trust {host}: {cause}")]
    Tls { host: String, cause: String },
    /// `status` is 0 if the response body was invalid.
    #[error("get an answer from {host}: {reason}")]
    SourceRefused { host: String, status: u16, reason: String },
    /// The storage rejects a link that the source has just given.
    #[error("get the file from {host}: it answers {status} to a fresh link")]
    LinkRefused { host: String, status: u16 },
    /// A server error, which may be temporary.
    #[error("get an answer from {host}: it answers {status}")]
    SourceFailed { host: String, status: u16 },
    /// A web page instead of the response, usually the login page of a network.
    #[error("get an answer of the source: {host} sent a web page")]
    WebPage { host: String },
    /// The response is not the announced file; none of its bytes was kept.
    #[error("accept the response of {host}: {reason}")]
    UnexpectedContent { host: String, reason: String },
    /// `wait` is the duration that the source gave, if any.
    #[error("continue at {host}: it limits the rate of requests{}", wait.map_or(String::new(), |w| format!(" for {} s", w.as_secs())))]
    SourceRateLimited { host: String, wait: Option<Duration> },
    #[error("find it on the source: {0}")]
    NotOnSource(String),
    #[error("get access: the makers of {0} have to grant it first")]
    GatedModel(String),
    #[error("sign in at {host}: it requires a valid access token")]
    TokenNeeded { host: String },
    #[error("verify {0}: its hash is not the announced one")]
    HashMismatch(String),
    #[error("verify {path}: it has {got} bytes instead of {expected}")]
    SizeMismatch { path: String, expected: u64, got: u64 },
    #[error("store {needed} more bytes: {free} are free")]
    DiskFull { needed: u64, free: u64 },
    #[error("get any data of {0}: nothing arrived in time")]
    DownloadStalled(String),
    #[error("write to {0}: another transfer of the same model is using it")]
    Busy(String),
    #[error("finish: cancelled")]
    Cancelled,
    #[error("use the disk: {0}")]
    Io(#[from] std::io::Error),
}

impl HubError {
    pub(crate) fn network(host: &str, error: reqwest::Error) -> Self {
        // The URL may be signed, so it must not appear in logs.
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
        let (host, cause) = (host.to_owned(), format!("{error}{cause}"));
        match connect_failure(&error) {
            ConnectFailure::Proxy => Self::Proxy { host, cause },
            ConnectFailure::ProxyAuth => Self::ProxyAuth { host },
            ConnectFailure::Tls => Self::Tls { host, cause },
            ConnectFailure::Dns | ConnectFailure::Connect => Self::NoNetwork { host, cause },
        }
    }

    /// An invalid response of the source.
    pub(crate) fn unusable(host: &str, reason: impl Into<String>) -> Self {
        Self::SourceRefused { host: host.to_owned(), status: 0, reason: reason.into() }
    }

    /// Whether a retry may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NoNetwork { .. }
                | Self::Proxy { .. }
                | Self::LinkRefused { .. }
                | Self::SourceFailed { .. }
                | Self::WebPage { .. }
                | Self::UnexpectedContent { .. }
                | Self::DownloadStalled(_)
                | Self::SizeMismatch { .. }
        )
    }
}

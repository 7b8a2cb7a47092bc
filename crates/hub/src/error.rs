//! What can go wrong with a download, in kinds that somebody can act on differently.
//! It does not know the words a person reads.

use std::time::Duration;

use outbound::{ConnectFailure, connect_failure};

#[derive(Debug, thiserror::Error)]
pub enum HubError {
    #[error("reach {host}: {cause}")]
    NoNetwork { host: String, cause: String },
    /// The proxy was not reached, or let nothing through.
    #[error("reach {host} through the proxy: {cause}")]
    Proxy { host: String, cause: String },
    /// It wants a name and a password, or others than it got.
    #[error("reach {host} through the proxy: it wants a name and a password")]
    ProxyLogin { host: String },
    #[error("trust {host}: {cause}")]
    NotTrusted { host: String, cause: String },
    /// `status` is 0 where the answer itself was unusable.
    #[error("get an answer from {host}: {reason}")]
    SourceRefused { host: String, status: u16, reason: String },
    /// The storage behind a source takes no link that the source gives.
    #[error("get the file from {host}: it answers {status} to a fresh link")]
    LinkRefused { host: String, status: u16 },
    /// Its own trouble, which may pass.
    #[error("get an answer from {host}: it answers {status}")]
    SourceFailed { host: String, status: u16 },
    /// A page came in place of what was asked for: mostly the login page of the network.
    #[error("get an answer of the source: {host} sent a web page")]
    WebPage { host: String },
    /// Bytes of something else came in place of a file; none was kept.
    #[error("take what {host} sent: {reason}")]
    Foreign { host: String, reason: String },
    /// `wait` is what the source asked for, where it said so.
    #[error("go on at {host}: it asks for fewer requests{}", wait.map_or(String::new(), |w| format!(" for {} s", w.as_secs())))]
    SourceRateLimited { host: String, wait: Option<Duration> },
    #[error("find it on the source: {0}")]
    NotOnSource(String),
    #[error("get access: the makers of {0} have to grant it first")]
    GatedModel(String),
    #[error("sign in at {host}: it takes no request without a valid access token")]
    TokenNeeded { host: String },
    #[error("trust {0}: its content is not the announced one")]
    HashMismatch(String),
    #[error("take {path}: it has {got} bytes instead of {expected}")]
    SizeMismatch { path: String, expected: u64, got: u64 },
    #[error("keep {needed} more bytes: {free} are free")]
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
        // The address may be a signed one, which is nobody else's business.
        let error = error.without_url();
        let cause = std::error::Error::source(&error).map(|c| format!(": {c}")).unwrap_or_default();
        let (host, cause) = (host.to_owned(), format!("{error}{cause}"));
        match connect_failure(&error) {
            ConnectFailure::Proxy => Self::Proxy { host, cause },
            ConnectFailure::ProxyAuth => Self::ProxyLogin { host },
            ConnectFailure::Tls => Self::NotTrusted { host, cause },
            ConnectFailure::Dns | ConnectFailure::Connect => Self::NoNetwork { host, cause },
        }
    }

    /// An answer that makes no sense from this source.
    pub(crate) fn unusable(host: &str, reason: impl Into<String>) -> Self {
        Self::SourceRefused { host: host.to_owned(), status: 0, reason: reason.into() }
    }

    /// Worth another try soon, from the bytes already here.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::NoNetwork { .. }
                | Self::Proxy { .. }
                | Self::LinkRefused { .. }
                | Self::SourceFailed { .. }
                | Self::WebPage { .. }
                | Self::Foreign { .. }
                | Self::DownloadStalled(_)
                | Self::SizeMismatch { .. }
        )
    }
}

//! The network configuration: the proxy, and certificates trusted in addition to those of the operating
//! system. Every HTTP client of the workspace is built here, so that one setting applies to all. Knows no
//! settings file and sends nothing.
mod ip_ranges;

use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Url};

pub use self::ip_ranges::is_public;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// The system's proxy settings on Windows and macOS, and `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY` on all systems.
    #[default]
    System,
    /// No proxy, ignoring the system's settings.
    Direct,
    At(ProxyAddress),
}

/// `http://`, `https://`, `socks5://` or `socks5h://`, a host and a port. With `socks5h` the proxy resolves
/// host names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    url: Url,
    credentials: Option<ProxyCredentials>,
}

/// Proxy credentials: sent as Basic authentication to HTTP proxies, and by RFC 1929 to SOCKS5 proxies.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for ProxyCredentials {
    /// Hides both fields, because debug output is logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyCredentials(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error("parse the proxy: it must begin with http://, https://, socks5:// or socks5h:// and have a host")]
    InvalidProxy,
    #[error("use the proxy: a user name or password in its address would be stored in plain text")]
    CredentialsInUrl,
    #[error("read certificates from {}: {why}", path.display())]
    Certificates { path: PathBuf, why: String },
}

impl ProxyAddress {
    /// # Errors
    /// An invalid address, or one with a user name or password.
    pub fn parse(text: &str) -> Result<Self, OutboundError> {
        let url = Url::parse(text.trim()).map_err(|_| OutboundError::InvalidProxy)?;
        let known = ["http", "https", "socks5", "socks5h"].contains(&url.scheme());
        if !known || url.host_str().is_none_or(str::is_empty) {
            return Err(OutboundError::InvalidProxy);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::CredentialsInUrl);
        }
        Ok(Self { url, credentials: None })
    }

    /// Adds the proxy credentials.
    #[must_use]
    pub fn with_credentials(self, credentials: Option<ProxyCredentials>) -> Self {
        Self { credentials, ..self }
    }
}

#[derive(Clone, Default)]
pub struct Outbound {
    proxy: Proxy,
    trusted: Vec<Certificate>,
}

impl Outbound {
    /// `certificates` is a PEM file with one or more certificates, trusted in addition to those of the
    /// system.
    ///
    /// # Errors
    /// The file cannot be read or contains no certificate.
    pub fn new(proxy: Proxy, certificates: Option<&Path>) -> Result<Self, OutboundError> {
        let trusted = certificates.map(read_certificates).transpose()?.unwrap_or_default();
        Ok(Self { proxy, trusted })
    }

    /// Whether a proxy address is configured, which all connections use.
    pub fn has_proxy(&self) -> bool {
        matches!(self.proxy, Proxy::At(_))
    }

    pub fn client(&self) -> ClientBuilder {
        let builder = reqwest::Client::builder().tls_certs_merge(self.trusted.iter().cloned());
        match &self.proxy {
            Proxy::System => builder,
            Proxy::Direct => builder.no_proxy(),
            Proxy::At(address) => {
                let proxy = reqwest::Proxy::all(address.url.clone());
                let proxy = proxy.expect("a proxy address was parsed as one");
                let proxy = match &address.credentials {
                    Some(credentials) => proxy.basic_auth(&credentials.user, &credentials.password),
                    None => proxy,
                };
                builder.no_proxy().proxy(proxy)
            }
        }
    }
}

fn read_certificates(path: &Path) -> Result<Vec<Certificate>, OutboundError> {
    let bad = |why: String| OutboundError::Certificates { path: path.to_owned(), why };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| bad(error.to_string()))?;
    if found.is_empty() {
        return Err(bad("it has no certificate in PEM format".into()));
    }
    // Invalid data inside a PEM block is detected only when a client is built.
    let client = reqwest::Client::builder().tls_certs_only(found.iter().cloned());
    client.build().map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        bad(cause.unwrap_or_else(|| error.to_string()))
    })?;
    Ok(found)
}

/// The step at which a connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectFailure {
    Proxy,
    /// The proxy requires credentials, or rejects them.
    ProxyAuth,
    /// The host name cannot be resolved.
    Dns,
    /// The certificate is not trusted, or the server does not use TLS.
    Tls,
    Connect,
}

/// Classifies the error of a failed connection.
pub fn connect_failure(error: &reqwest::Error) -> ConnectFailure {
    let causes = || {
        let first = std::error::Error::source(error);
        std::iter::successors(first, |inner| inner.source()).map(|inner| inner.to_string().to_lowercase())
    };
    // Checked first, because the proxy's authentication error is wrapped in a tunnel error.
    let auth_errors =
        ["proxy authorization required", "user/pass authentication", "credentials not accepted"];
    if causes().any(|text| auth_errors.iter().any(|word| text.contains(word))) {
        return ConnectFailure::ProxyAuth;
    }
    for text in causes() {
        let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
        if has(&["tunnel error", "socks"]) {
            return ConnectFailure::Proxy;
        }
        if has(&["dns error", "failed to lookup address"]) {
            return ConnectFailure::Dns;
        }
        if has(&["certificate", "tls", "handshake", "invalidcontenttype", "received corrupt message"]) {
            return ConnectFailure::Tls;
        }
    }
    ConnectFailure::Connect
}

impl Outbound {
    /// As [`connect_failure`]. With a configured proxy, DNS and connect errors are those of the proxy.
    pub fn connect_failure(&self, error: &reqwest::Error) -> ConnectFailure {
        match connect_failure(error) {
            ConnectFailure::Dns | ConnectFailure::Connect if self.has_proxy() => ConnectFailure::Proxy,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_has_a_known_kind_and_no_secret() {
        for good in [
            "http://proxy.example:8080",
            " https://10.0.0.1 ",
            "socks5://localhost:1080",
            "socks5h://[::1]:9",
        ] {
            assert!(ProxyAddress::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "proxy:8080", "ftp://proxy", "socks4://proxy", "http://"] {
            assert!(matches!(ProxyAddress::parse(bad), Err(OutboundError::InvalidProxy)), "{bad}");
        }
        let secret = ProxyAddress::parse("http://me:secret@proxy:1");
        assert!(matches!(secret, Err(OutboundError::CredentialsInUrl)));
        let credentials = ProxyCredentials { user: "me".into(), password: "hunter2".into() };
        let address =
            ProxyAddress::parse("http://proxy:1").expect("is one").with_credentials(Some(credentials));
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("company.pem");
        let why = || match Outbound::new(Proxy::System, Some(&path)) {
            Err(OutboundError::Certificates { path: reported, why }) if reported == path => why,
            other => panic!("{:?}", other.err()),
        };
        assert!(!why().is_empty(), "it is not there");
        std::fs::write(&path, "hello").expect("is written");
        assert!(why().contains("no certificate"));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .expect("is written");
        assert!(!why().is_empty(), "what is inside is none");
        assert!(Outbound::new(Proxy::Direct, None).is_ok_and(|outbound| outbound.client().build().is_ok()));
    }
}

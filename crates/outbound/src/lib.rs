//! How connections leave this computer: through which proxy, and whose certificates are trusted beside those of the
//! operating system. Every HTTP client of the house begins here, so that one setting holds for all. Knows no settings file
//! and sends nothing itself.
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Url};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As the operating system says: its settings on Windows and macOS, and `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
    /// `NO_PROXY` everywhere.
    #[default]
    System,
    /// None, whatever the system says.
    Direct,
    At(ProxyAddress),
}

/// `http://`, `https://`, `socks5://` or `socks5h://`, a host and a port. Under `socks5h` the proxy looks names up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyAddress {
    url: Url,
    login: Option<Login>,
}

/// What a proxy wants before it lets anyone through. HTTP proxies get it as Basic, SOCKS5 ones as RFC 1929 says.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl std::fmt::Debug for Login {
    /// Without either: what is printed ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(hidden)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    #[error(
        "understand the proxy: it begins with http://, https://, socks5:// or socks5h:// and names a computer"
    )]
    NotAProxy,
    #[error("use the proxy: a name or a password in its address would be stored in the open")]
    HoldsSecrets,
    #[error("read certificates from {}: {why}", path.display())]
    Certificates { path: PathBuf, why: String },
}

impl ProxyAddress {
    /// # Errors
    /// When it is no such address, or holds a name or a password.
    pub fn parse(text: &str) -> Result<Self, OutboundError> {
        let url = Url::parse(text.trim()).map_err(|_| OutboundError::NotAProxy)?;
        let known = ["http", "https", "socks5", "socks5h"].contains(&url.scheme());
        if !known || url.host_str().is_none_or(str::is_empty) {
            return Err(OutboundError::NotAProxy);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutboundError::HoldsSecrets);
        }
        Ok(Self { url, login: None })
    }

    /// With the name and the password that the proxy asks for.
    #[must_use]
    pub fn with_login(self, login: Option<Login>) -> Self {
        Self { login, ..self }
    }
}

#[derive(Clone, Default)]
pub struct Outbound {
    proxy: Proxy,
    trusted: Vec<Certificate>,
}

impl Outbound {
    /// `certificates` is a file with one certificate or several in PEM form, trusted beside those of the system.
    ///
    /// # Errors
    /// When that file cannot be read or holds no certificate.
    pub fn new(proxy: Proxy, certificates: Option<&Path>) -> Result<Self, OutboundError> {
        let trusted = certificates.map(read).transpose()?.unwrap_or_default();
        Ok(Self { proxy, trusted })
    }

    /// Whether every connection goes to a proxy that was chosen here.
    pub fn chosen_proxy(&self) -> bool {
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
                let proxy = match &address.login {
                    Some(login) => proxy.basic_auth(&login.user, &login.password),
                    None => proxy,
                };
                builder.no_proxy().proxy(proxy)
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<Certificate>, OutboundError> {
    let bad = |why: String| OutboundError::Certificates { path: path.to_owned(), why };
    let bytes = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|error| bad(error.to_string()))?;
    if found.is_empty() {
        return Err(bad("it holds no certificate in PEM form".into()));
    }
    // What is no certificate inside of its frame is noticed only when a client is made.
    let client = reqwest::Client::builder().tls_certs_only(found.iter().cloned());
    client.build().map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        bad(cause.unwrap_or_else(|| error.to_string()))
    })?;
    Ok(found)
}

/// What broke off before the other side was reached at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    Proxy,
    /// The proxy wants a name and a password, or others than it got.
    ProxyLogin,
    /// The computer of the address has no name that is known.
    Name,
    /// Its certificate is not trusted, or it speaks no TLS.
    Trust,
    Connect,
}

/// Where a connection that was not made broke off.
pub fn obstacle(error: &reqwest::Error) -> Obstacle {
    let causes = || {
        let first = std::error::Error::source(error);
        std::iter::successors(first, |inner| inner.source()).map(|inner| inner.to_string().to_lowercase())
    };
    // What a proxy says of its door stands deep inside of what says that there was a proxy.
    let door = ["proxy authorization required", "user/pass authentication", "credentials not accepted"];
    if causes().any(|text| door.iter().any(|word| text.contains(word))) {
        return Obstacle::ProxyLogin;
    }
    for text in causes() {
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["tunnel error", "socks"]) {
            return Obstacle::Proxy;
        }
        if says(&["dns error", "failed to lookup address"]) {
            return Obstacle::Name;
        }
        if says(&["certificate", "tls", "handshake", "invalidcontenttype", "received corrupt message"]) {
            return Obstacle::Trust;
        }
    }
    Obstacle::Connect
}

impl Outbound {
    /// As [`obstacle`]: where a proxy was chosen, nothing else is ever looked up or connected to.
    pub fn obstacle(&self, error: &reqwest::Error) -> Obstacle {
        match obstacle(error) {
            Obstacle::Name | Obstacle::Connect if self.chosen_proxy() => Obstacle::Proxy,
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
            assert!(matches!(ProxyAddress::parse(bad), Err(OutboundError::NotAProxy)), "{bad}");
        }
        let secret = ProxyAddress::parse("http://me:secret@proxy:1");
        assert!(matches!(secret, Err(OutboundError::HoldsSecrets)));
        let login = Login { user: "me".into(), password: "hunter2".into() };
        let address = ProxyAddress::parse("http://proxy:1").expect("is one").with_login(Some(login));
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_file_without_a_certificate_is_refused_and_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("company.pem");
        let why = || match Outbound::new(Proxy::System, Some(&path)) {
            Err(OutboundError::Certificates { path: told, why }) if told == path => why,
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

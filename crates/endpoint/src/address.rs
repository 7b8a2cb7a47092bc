//! Base URLs as users paste them, and the URLs of requests. An address that ends in a version, such as
//! `/v1` or `/api/v3`, is kept; to any other one `/v1` is appended. An address that would send or store a
//! secret unencrypted is refused.
use std::net::IpAddr;

use reqwest::Url;

/// The base URL of a service, without the path of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Url);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("understand the address: it begins with https:// or http:// and names a computer")]
    NotAnAddress,
    #[error("use the address: without https a key could be read on the way")]
    NeedsHttps,
    #[error("use the address: a name, a password or a query in it would be stored in the open")]
    HoldsSecrets,
}

impl Address {
    /// For a service that gets a key. Plain HTTP is accepted on this computer and on a private network only.
    ///
    /// # Errors
    /// As [`AddressError`] says.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut url = Url::parse(text.trim()).map_err(|_| AddressError::NotAnAddress)?;
        let host = url.host_str().ok_or(AddressError::NotAnAddress)?.to_owned();
        // A placeholder that was not replaced.
        if text.contains(['{', '}']) {
            return Err(AddressError::NotAnAddress);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_private(&host) => {}
            "http" => return Err(AddressError::NeedsHttps),
            _ => return Err(AddressError::NotAnAddress),
        }
        // Azure's version of its protocol is no secret; any other query may hold a key.
        let harmless = url.query_pairs().all(|(name, _)| name == "api-version");
        if !url.username().is_empty() || url.password().is_some() || !harmless {
            return Err(AddressError::HoldsSecrets);
        }
        url.set_fragment(None);
        Ok(Self(based(url)))
    }

    /// The host name or IP address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Whether scheme, host and port are the same, so that a key for one may be sent to the other.
    pub fn same_server(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// The URL of one request, such as `chat/completions`.
    pub(crate) fn call(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{path}", self.0.path().trim_end_matches('/')));
        url
    }

    /// DeepSeek's `/beta` beside its `/v1`.
    pub(crate) fn beta(&self) -> Self {
        let mut url = self.0.clone();
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{}/beta", path.strip_suffix("/v1").unwrap_or(&path)));
        Self(url)
    }

    /// An address that the user or this app chose, which gets no key of a cloud service: any scheme and host
    /// is accepted.
    pub fn for_worker(text: &str) -> Option<Self> {
        Url::parse(text).ok().map(based).map(Self)
    }

    /// A path beside `/v1`, such as `/health`.
    pub(crate) fn root(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let own = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{}/{path}", own.strip_suffix("/v1").unwrap_or(&own)));
        url
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Without the path of a request that was pasted along, and with `/v1` where no version is named.
fn based(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/');
    let path = ["/chat/completions", "/completions", "/models"]
        .iter()
        .find_map(|call| path.strip_suffix(call))
        .unwrap_or(path);
    let last = path.rsplit('/').next().unwrap_or_default();
    let versioned = matches!(last, "beta" | "openai")
        || last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let path = if versioned { path.to_owned() } else { format!("{path}/v1") };
    url.set_path(&path);
    url
}

fn is_private(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        // A name without a dot belongs to the local network.
        Err(_) => !host.contains('.') || host.ends_with(".local") || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_in_the_address_is_not_doubled() {
        for (pasted, call) in [
            ("https://api.deepseek.com", "https://api.deepseek.com/v1/models"),
            (" https://api.deepseek.com/v1/ ", "https://api.deepseek.com/v1/models"),
            ("https://ark.cn-beijing.volces.com/api/v3", "https://ark.cn-beijing.volces.com/api/v3/models"),
            ("https://qianfan.baidubce.com/v2", "https://qianfan.baidubce.com/v2/models"),
            ("https://x.example/v1beta/openai/", "https://x.example/v1beta/openai/models"),
            ("https://x.example/v1/chat/completions", "https://x.example/v1/models"),
            ("https://x.example/models", "https://x.example/v1/models"),
            ("https://x.example/vllm", "https://x.example/vllm/v1/models"),
            ("https://x.example/openai/v1?api-version=1", "https://x.example/openai/v1/models?api-version=1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/models"),
            ("http://[::1]:8080", "http://[::1]:8080/v1/models"),
            ("http://192.168.1.7:30000/v1", "http://192.168.1.7:30000/v1/models"),
        ] {
            let address = Address::parse(pasted).unwrap_or_else(|error| panic!("{pasted}: {error}"));
            assert_eq!(address.call("models").as_str(), call, "{pasted}");
            let again = Address::parse(&address.to_string()).expect("what is stored is read");
            assert_eq!(again, address, "{pasted}");
        }
        let beta = Address::parse("https://api.deepseek.com").expect("is one").beta();
        assert_eq!(beta.call("chat/completions").as_str(), "https://api.deepseek.com/beta/chat/completions");
    }

    #[test]
    fn what_would_show_a_secret_is_refused() {
        for (text, error) in [
            ("", AddressError::NotAnAddress),
            ("api.deepseek.com", AddressError::NotAnAddress),
            ("ftp://x.example", AddressError::NotAnAddress),
            ("https://{resource}.x.example", AddressError::NotAnAddress),
            ("http://x.example/v1", AddressError::NeedsHttps),
            ("http://8.8.8.8", AddressError::NeedsHttps),
            ("https://me:word@x.example", AddressError::HoldsSecrets),
            ("https://x.example/v1?key=abc", AddressError::HoldsSecrets),
        ] {
            assert_eq!(Address::parse(text), Err(error), "{text}");
        }
    }
}

//! Fetches a page of the web. A model chooses the address, and a page that it read may have told it to, so
//! nothing of this computer or its network is reached, whatever a name resolves to or a page redirects to.
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use outbound::{Outbound, is_public};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Response, Url, redirect};

use crate::ToolError;

/// Of one page, redirects included.
const TIMEOUT: Duration = Duration::from_secs(30);
const MOST_BYTES: usize = 10 << 20;
const MOST_REDIRECTS: usize = 5;
/// Some sites answer nothing to a program without one.
const AGENT: &str = concat!("Mozilla/5.0 (compatible; Whaledeck/", env!("CARGO_PKG_VERSION"), ")");

/// A page as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// After redirects.
    pub url: String,
    /// A name whose extension is that of the content.
    pub file_name: String,
    pub content: Vec<u8>,
}

/// `anywhere` lets addresses of this computer and its network through, for tests.
///
/// # Errors
/// Why the page is not read.
pub async fn read_web_page(outbound: &Outbound, url: &str, anywhere: bool) -> Result<Page, ToolError> {
    tokio::time::timeout(TIMEOUT, fetch(outbound, url, anywhere))
        .await
        .unwrap_or(Err(ToolError::Timeout(TIMEOUT)))
}

async fn fetch(outbound: &Outbound, url: &str, anywhere: bool) -> Result<Page, ToolError> {
    let mut url = Url::parse(url.trim())
        .map_err(|_| ToolError::failed(format!("`{url}` is not an address of the web")))?;
    for _ in 0..=MOST_REDIRECTS {
        let response = get(outbound, &url, anywhere).await?;
        let status = response.status();
        if !status.is_redirection() {
            return page(url, response).await;
        }
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.ok_or_else(|| ToolError::failed(format!("it answers {status} without an address")))?;
        url = url
            .join(to)
            .map_err(|_| ToolError::failed(format!("it leads to `{to}`, which is not an address")))?;
    }
    Err(ToolError::failed("it leads from one address to the next without end"))
}

async fn get(outbound: &Outbound, url: &Url, anywhere: bool) -> Result<Response, ToolError> {
    let (Some(host), Some(port), "http" | "https") =
        (url.host_str(), url.port_or_known_default(), url.scheme())
    else {
        return Err(ToolError::failed("only http and https addresses are read"));
    };
    let mut builder = outbound.client().redirect(redirect::Policy::none()).user_agent(AGENT);
    // A URL has brackets around an IPv6 address, a resolver takes none.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // A proxy resolves names itself, and may be the only way to resolve any.
    if !outbound.has_proxy() {
        let resolved = tokio::net::lookup_host((bare, port)).await;
        let addresses: Vec<SocketAddr> =
            resolved.map_err(|error| ToolError::failed(error.to_string()))?.collect();
        if addresses.is_empty() || (!anywhere && !addresses.iter().all(|address| is_public(address.ip()))) {
            return Err(ToolError::failed(format!(
                "{host} is of this computer or its network, which tools do not reach"
            )));
        }
        // The name is not resolved again, which prevents DNS rebinding.
        builder = builder.resolve_to_addrs(host, &addresses);
    } else if !anywhere && bare.parse().is_ok_and(|address| !is_public(address)) {
        return Err(ToolError::failed(format!(
            "{host} is of this computer or its network, which tools do not reach"
        )));
    }
    let client = builder.build().map_err(|error| ToolError::failed(root_cause(&error)))?;
    client.get(url.clone()).send().await.map_err(|error| ToolError::failed(root_cause(&error)))
}

async fn page(url: Url, response: Response) -> Result<Page, ToolError> {
    let status = response.status();
    if !status.is_success() {
        return Err(ToolError::failed(format!("{url} answers {status}")));
    }
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let file_name = file_name(kind, &url);
    let (mut content, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ToolError::failed(root_cause(&error)))?;
        if content.len() + chunk.len() > MOST_BYTES {
            return Err(ToolError::failed(format!("{url} is larger than {} MB", MOST_BYTES >> 20)));
        }
        content.extend_from_slice(&chunk);
    }
    Ok(Page { url: url.into(), file_name, content })
}

/// By the type that the server names; where it names none that is known, by the path.
fn file_name(kind: &str, url: &Url) -> String {
    let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let extension = match kind.as_str() {
        "text/html" | "application/xhtml+xml" => "html",
        "application/pdf" => "pdf",
        "text/markdown" => "md",
        "text/csv" => "csv",
        "application/json" => "json",
        _ if kind.starts_with("text/") => "txt",
        _ => {
            let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or("");
            return if last.contains('.') { last.to_owned() } else { "page.html".to_owned() };
        }
    };
    format!("page.{extension}")
}

/// The innermost error, which names the reason.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_named_by_its_type() {
        let at = |kind: &str, url: &str| file_name(kind, &Url::parse(url).expect("an address"));
        assert_eq!(at("text/html; charset=gbk", "https://a.b/c.pdf"), "page.html");
        assert_eq!(at("application/pdf", "https://a.b/"), "page.pdf");
        assert_eq!(at("application/octet-stream", "https://a.b/x/report.docx?y=1"), "report.docx");
        assert_eq!(at("", "https://a.b/"), "page.html");
        assert_eq!(at("text/x-rust", "https://a.b/"), "page.txt");
    }

    #[tokio::test]
    async fn nothing_of_this_computer_is_reached() {
        for url in [
            "http://127.0.0.1:1/",
            "http://localhost/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://169.254.169.254/latest",
            "http://10.0.0.1/",
            "http://0x7f000001/",
            "file:///etc/passwd",
            "ftp://example.com/",
            "no address",
        ] {
            let refused = read_web_page(&Outbound::default(), url, false).await;
            let error = refused.expect_err(url).to_string();
            assert!(
                error.contains("does not reach")
                    || error.contains("do not reach")
                    || error.contains("address"),
                "{url}: {error}"
            );
        }
    }
}

//! The bytes of an image: from a data URL, and from files and hosts only where the worker was started with a
//! flag that allows them. A file must be in a named folder. A fetch is limited in bytes and time, follows no
//! redirect to another host, and never reaches a private address unless its host was named, which prevents
//! server-side request forgery.
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use futures_util::StreamExt;
use outbound::is_public;
use protocol::ApiErrorCode;
use reqwest::{Client, Response, Url, redirect};

use crate::error::ApiError;

/// Time limit of one fetch, redirects included.
const TIMEOUT: Duration = Duration::from_secs(20);
const MAX_REDIRECTS: usize = 3;

/// Padding is optional: some clients leave it out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What may be read besides data URLs; nothing by default.
#[derive(Debug, Clone, Default)]
pub struct ImageFetcher {
    /// Canonical paths.
    folders: Vec<PathBuf>,
    /// As `name` or `name:port`. Their addresses may be private.
    hosts: Vec<String>,
    /// Every host with a public address.
    web: bool,
}

impl ImageFetcher {
    /// # Errors
    /// A folder that is not there.
    pub fn new(folders: &[PathBuf], hosts: &[String], web: bool) -> std::io::Result<Self> {
        let folders = folders.iter().map(std::fs::canonicalize).collect::<Result<_, _>>()?;
        Ok(Self { folders, hosts: hosts.iter().map(|host| host.to_lowercase()).collect(), web })
    }

    /// # Errors
    /// An address that may not be read, or that gives no bytes within the bounds.
    pub async fn fetch(&self, url: &str) -> Result<Vec<u8>, ApiError> {
        if let Some((scheme, rest)) = url.trim().split_once(':')
            && scheme.eq_ignore_ascii_case("data")
        {
            return data(rest);
        }
        let url =
            Url::parse(url).map_err(|_| refused("it is neither a data URL nor a URL of a file or host"))?;
        match url.scheme() {
            "file" => self.file(&url).await,
            "http" | "https" => {
                let fetched = tokio::time::timeout(TIMEOUT, self.http(url)).await;
                fetched.unwrap_or_else(|_| {
                    Err(not_fetched(format!("it took more than {} seconds", TIMEOUT.as_secs())))
                })
            }
            _ => Err(refused("images are accepted as data URLs, and from file and http URLs where allowed")),
        }
    }

    async fn file(&self, url: &Url) -> Result<Vec<u8>, ApiError> {
        // The same message whether or not the file exists: a refusal reveals nothing about the disk.
        let refusal = || refused("this worker may not read that file");
        let path = url.to_file_path().map_err(|()| refusal())?;
        let path = tokio::fs::canonicalize(path).await.map_err(|_| refusal())?;
        if !self.folders.iter().any(|folder| path.starts_with(folder)) {
            return Err(refusal());
        }
        let failed = |error: std::io::Error| not_fetched(error.to_string());
        let meta = tokio::fs::metadata(&path).await.map_err(failed)?;
        if !meta.is_file() {
            return Err(refusal());
        }
        if meta.len() > vision::MAX_BYTES as u64 {
            return Err(too_large());
        }
        tokio::fs::read(&path).await.map_err(failed)
    }

    async fn http(&self, mut url: Url) -> Result<Vec<u8>, ApiError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.get(&url).await?;
            if !response.status().is_redirection() {
                return body(response).await;
            }
            let to = response.headers().get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| url.join(to).ok());
            let to = to.ok_or_else(|| not_fetched("its redirect has no target".to_owned()))?;
            let weaker = url.scheme() == "https" && to.scheme() != "https";
            if to.host_str() != Some(&host) || weaker || !matches!(to.scheme(), "http" | "https") {
                return Err(not_fetched("it redirects to another host".to_owned()));
            }
            url = to;
        }
        Err(not_fetched("too many redirects".to_owned()))
    }

    /// One request, to addresses that were checked: the name is not resolved again, which prevents DNS
    /// rebinding.
    async fn get(&self, url: &Url) -> Result<Response, ApiError> {
        let refusal = || refused("this worker may not fetch from that host");
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(refusal());
        };
        let named = self.hosts.iter().any(|one| *one == host || *one == format!("{host}:{port}"));
        if !named && !self.web {
            return Err(refusal());
        }
        // A URL has brackets around an IPv6 address, a resolver takes none.
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let resolved = tokio::net::lookup_host((bare, port)).await;
        let addresses: Vec<SocketAddr> = resolved.map_err(|error| not_fetched(error.to_string()))?.collect();
        if addresses.is_empty() || (!named && !addresses.iter().all(|address| is_public(address.ip()))) {
            return Err(refusal());
        }
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            // A proxy would resolve the name again, and its address could not be checked.
            .no_proxy()
            .resolve_to_addrs(host, &addresses)
            .build()
            .map_err(|error| not_fetched(error.to_string()))?;
        client.get(url.clone()).send().await.map_err(|error| not_fetched(root_cause(&error)))
    }
}

async fn body(response: Response) -> Result<Vec<u8>, ApiError> {
    let status = response.status();
    if !status.is_success() {
        return Err(not_fetched(format!("HTTP status {status}")));
    }
    if response.content_length().is_some_and(|length| length > vision::MAX_BYTES as u64) {
        return Err(too_large());
    }
    let (mut all, mut chunks) = (Vec::new(), response.bytes_stream());
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| not_fetched(root_cause(&error)))?;
        if all.len() + chunk.len() > vision::MAX_BYTES {
            return Err(too_large());
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

/// Decodes `image/...;base64,...`.
fn data(rest: &str) -> Result<Vec<u8>, ApiError> {
    let invalid = |message: String| ApiError::of("messages", ApiErrorCode::InvalidImage, message);
    let (kind, data) = rest.split_once(',').unwrap_or_default();
    let (_, encoding) = kind.rsplit_once(';').unwrap_or_default();
    if !encoding.trim().eq_ignore_ascii_case("base64") {
        return Err(invalid("the data URL of an image must be base64".to_owned()));
    }
    // `base64` and MIME break lines after 76 letters.
    let data: String = data.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    BASE64.decode(data).map_err(|error| invalid(format!("the base64 of the image is invalid: {error}")))
}

/// The innermost error, which names the reason.
fn root_cause(error: &reqwest::Error) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(inner) = source.source() {
        source = inner;
    }
    source.to_string()
}

fn refused(why: &str) -> ApiError {
    ApiError::of("messages", ApiErrorCode::PictureNotAllowed, format!("read an image: {why}"))
}

fn not_fetched(why: String) -> ApiError {
    ApiError::of("messages", ApiErrorCode::PictureNotFetched, format!("fetch an image: {why}"))
}

fn too_large() -> ApiError {
    not_fetched(format!("it has more than {} bytes", vision::MAX_BYTES))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    use super::*;

    async fn code(fetcher: &ImageFetcher, url: &str) -> ApiErrorCode {
        fetcher.fetch(url).await.expect_err(url).code
    }

    #[tokio::test]
    async fn nothing_is_read_without_permission() {
        let fetcher = ImageFetcher::default();
        for url in [
            "file:///etc/hostname",
            "http://127.0.0.1:9/a.png",
            "https://example.org/a.png",
            "ftp://x/y",
            "a.png",
        ] {
            assert_eq!(code(&fetcher, url).await, ApiErrorCode::PictureNotAllowed, "{url}");
        }
        assert_eq!(fetcher.fetch("data:image/png;base64,AQI=").await.expect("is in the request"), [1, 2]);
        for same in [
            "DATA:image/png;BASE64,AQI=",
            "data:;base64,AQI",
            "data:image/png;charset=x;Base64, A\r\nQ\nI=\n",
        ] {
            assert_eq!(fetcher.fetch(same).await.expect(same), [1, 2]);
        }
        for broken in ["data:image/png,abc", "data:base64,AQI=", "data:", "data:image/png;base64,A*I="] {
            assert_eq!(code(&fetcher, broken).await, ApiErrorCode::InvalidImage, "{broken}");
        }
    }

    #[tokio::test]
    async fn files_come_from_the_named_folders_only() {
        let folder = tempfile::tempdir().expect("a folder");
        let outside = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("in side.png"), b"in").expect("is written");
        std::fs::write(outside.path().join("out.png"), b"out").expect("is written");
        let fetcher = ImageFetcher::new(&[folder.path().to_owned()], &[], false).expect("is there");
        let url = |path: PathBuf| Url::from_file_path(path).expect("a whole path").to_string();
        let inside = url(folder.path().join("in side.png"));
        assert_eq!(fetcher.fetch(&inside).await.expect("is allowed"), b"in");
        let climbing = format!(
            "file://{}/../{}/out.png",
            folder.path().display(),
            outside.path().file_name().expect("a name").display()
        );
        let other = url(outside.path().join("out.png"));
        let mut refusals =
            vec![other, climbing, url(folder.path().join("none.png")), url(folder.path().to_owned())];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path().join("out.png"), folder.path().join("link.png"))
                .expect("is made");
            refusals.push(url(folder.path().join("link.png")));
        }
        refusals.push(format!("file://elsewhere{}", folder.path().join("in side.png").display()));
        for url in refusals {
            assert_eq!(code(&fetcher, &url).await, ApiErrorCode::PictureNotAllowed, "{url}");
        }
        assert!(ImageFetcher::new(&[folder.path().join("none")], &[], false).is_err());
    }

    /// Answers each request with what its path asks for, and notes the paths.
    fn server(port_of_other: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut head = [0; 2048];
                let read = stream.read(&mut head).unwrap_or(0);
                let head = String::from_utf8_lossy(&head[..read]).into_owned();
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                noted.lock().expect("no panic").push(path.clone());
                let to = |url: String| {
                    format!("HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n").into_bytes()
                };
                let reply = match path.as_str() {
                    "/a.png" => b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npng".to_vec(),
                    "/near" => to("/a.png".into()),
                    "/far" => to(format!("http://localhost:{port_of_other}/a.png")),
                    "/round" => to("/round".into()),
                    "/file" => to("file:///etc/hostname".into()),
                    "/huge" => {
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", vision::MAX_BYTES + 1)
                            .into_bytes()
                    }
                    "/endless" => {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                        let chunk = vec![0; 1 << 20];
                        while stream.write_all(&chunk).is_ok() {}
                        continue;
                    }
                    _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
                };
                let _ = stream.write_all(&reply);
            }
        });
        (port, asked)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn pages_come_from_named_hosts_within_bounds() {
        let (other, asked_of_other) = server(0);
        let (port, asked) = server(other);
        let url = |path: &str| format!("http://127.0.0.1:{port}/{path}");
        let web = ImageFetcher::new(&[], &[], true).expect("no folder");
        assert_eq!(
            code(&web, &url("a.png")).await,
            ApiErrorCode::PictureNotAllowed,
            "the own network is not the web"
        );
        assert_eq!(
            code(&web, &format!("http://localhost:{port}/a.png")).await,
            ApiErrorCode::PictureNotAllowed
        );
        assert_eq!(code(&web, &format!("http://[::1]:{port}/a.png")).await, ApiErrorCode::PictureNotAllowed);
        let elsewhere = ImageFetcher::new(&[], &[format!("127.0.0.1:{other}")], false).expect("no folder");
        assert_eq!(code(&elsewhere, &url("a.png")).await, ApiErrorCode::PictureNotAllowed, "another port");
        assert!(asked.lock().expect("no panic").is_empty(), "nobody was asked");

        let named = ImageFetcher::new(&[], &[format!("127.0.0.1:{port}")], false).expect("no folder");
        for path in ["a.png", "near"] {
            assert_eq!(named.fetch(&url(path)).await.expect("is allowed"), b"png", "{path}");
        }
        for path in ["far", "round", "file", "huge", "endless", "none"] {
            assert_eq!(code(&named, &url(path)).await, ApiErrorCode::PictureNotFetched, "{path}");
        }
        assert!(
            asked_of_other.lock().expect("no panic").is_empty(),
            "no redirect was followed to another host"
        );
    }
}

//! A response with bytes of a file. Status, length, type, encoding, range and ETag must match the announced
//! file before any byte is kept; a captive portal's login page fails these checks. It does not know where the
//! bytes are written.

use std::time::Instant;

use reqwest::{Response, StatusCode, header};

use crate::connection::{Connection, RedirectedResponse, host_of};
use crate::{Digest, HubError, RemoteFile};

/// The requested bytes of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteRange {
    pub from: u64,
    /// Exclusive.
    pub to: u64,
}

pub(crate) struct FileResponse {
    response: Response,
    pub host: String,
    /// The file offset of the next byte; before the requested range if the source sends the full file.
    at: u64,
    /// A strong ETag.
    pub etag: Option<String>,
    /// The start and the bytes of the current throughput window.
    window: (Instant, u64),
}

impl Connection<'_> {
    /// Requests bytes of a file. A source without range support sends the full file.
    pub async fn bytes(
        &self,
        repo: &str,
        revision: &str,
        file: &RemoteFile,
        span: ByteRange,
    ) -> Result<FileResponse, HubError> {
        let url = self.source.file_url(repo, revision, &file.path)?;
        let mut headers = Vec::new();
        if span.to < file.size {
            headers.push((header::RANGE, format!("bytes={}-{}", span.from, span.to - 1)));
        } else if span.from > 0 {
            headers.push((header::RANGE, format!("bytes={}-", span.from)));
        }
        let got = match self.with_stall_timeout(&file.path, self.get(url, &headers)).await? {
            Err(HubError::SourceRefused { status: 416, .. }) => return Err(size_mismatch(file, 0)),
            got => got?,
        };
        FileResponse::validate(got, file, span)
    }

    /// Downloads bytes of a file into memory.
    pub async fn span(
        &self,
        repo: &str,
        revision: &str,
        file: &RemoteFile,
        span: ByteRange,
    ) -> Result<Vec<u8>, HubError> {
        let mut response = self.bytes(repo, revision, file, span).await?;
        let mut bytes = Vec::new();
        while let Some((at, chunk)) = response.next(self, &file.path).await? {
            let end = at + chunk.len() as u64;
            let (from, to) = (span.from.clamp(at, end), span.to.clamp(at, end));
            bytes.extend_from_slice(&chunk[(from - at) as usize..(to - at) as usize]);
            if end >= span.to {
                break;
            }
        }
        match bytes.len() as u64 == span.to - span.from {
            true => Ok(bytes),
            false => Err(size_mismatch(file, span.from + bytes.len() as u64)),
        }
    }
}

impl FileResponse {
    fn validate(got: RedirectedResponse, file: &RemoteFile, span: ByteRange) -> Result<Self, HubError> {
        let RedirectedResponse { response, linked_size, linked_etag } = got;
        let host = host_of(response.url());
        let unexpected = |reason: String| HubError::UnexpectedContent { host: host.clone(), reason };
        let text = |name: header::HeaderName| response.headers().get(name).and_then(|v| v.to_str().ok());
        let kind = text(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("text/html") && !file.path.ends_with(".html") {
            return Err(HubError::WebPage { host });
        }
        if kind.starts_with("application/json") && !file.path.ends_with(".json") {
            return Err(unexpected(format!("{kind} for {}", file.path)));
        }
        if let Some(encoding) = text(header::CONTENT_ENCODING).filter(|name| *name != "identity") {
            return Err(unexpected(format!("it is encoded as {encoding}")));
        }
        if let Some(size) = linked_size.filter(|size| *size != file.size) {
            return Err(unexpected(format!("it announces {size} bytes instead of {}", file.size)));
        }
        let range = text(header::CONTENT_RANGE);
        let (at, end) = match response.status() {
            StatusCode::OK => (0, file.size),
            StatusCode::PARTIAL_CONTENT => range
                .and_then(parse_range)
                .filter(|range| range.from == span.from && range.to == span.to)
                .filter(|range| range.size.is_none_or(|size| size == file.size))
                .map(|range| (range.from, range.to))
                .ok_or_else(|| unexpected(format!("it answers with the range {range:?}")))?,
            status => return Err(unexpected(format!("it answers {status}"))),
        };
        let length = text(header::CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        if let Some(length) = length.filter(|length| *length != end - at) {
            return Err(unexpected(format!("it has {length} bytes instead of {}", end - at)));
        }
        // A weak ETag does not guarantee equal bytes.
        let etag = text(header::ETAG).filter(|tag| tag.starts_with('"')).map(str::to_owned);
        for tag in linked_etag.iter().chain(&etag) {
            if is_other_hash(tag, file.digest.as_ref()) {
                return Err(unexpected(format!("it is tagged {tag}")));
            }
        }
        Ok(Self { response, host, at, etag, window: (Instant::now(), 0) })
    }

    /// The next bytes and their file offset; `None` at the end. A throughput below the minimum during the
    /// stall timeout also counts as a stall.
    pub async fn next(
        &mut self,
        connection: &Connection<'_>,
        path: &str,
    ) -> Result<Option<(u64, impl std::ops::Deref<Target = [u8]>)>, HubError> {
        let chunk = connection.with_stall_timeout(path, self.response.chunk()).await?;
        let Some(chunk) = chunk.map_err(|error| HubError::network(&self.host, error))? else {
            return Ok(None);
        };
        let at = self.at;
        self.at += chunk.len() as u64;
        self.window.1 += chunk.len() as u64;
        if self.window.0.elapsed() >= connection.timing.stall {
            if self.window.1 < connection.timing.min_throughput {
                return Err(HubError::DownloadStalled(path.to_owned()));
            }
            self.window = (Instant::now(), 0);
        }
        Ok(Some((at, chunk)))
    }
}

pub(crate) fn size_mismatch(file: &RemoteFile, got: u64) -> HubError {
    HubError::SizeMismatch { path: file.path.clone(), expected: file.size, got }
}

/// Whether an ETag is a hash of the announced kind with another value. Other kinds of ETags are ignored.
fn is_other_hash(tag: &str, announced: Option<&Digest>) -> bool {
    let tag = tag.trim_matches('"');
    let is_hash = |digits: usize| tag.len() == digits && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
    match announced {
        Some(Digest::Sha256(want)) => is_hash(64) && !want.eq_ignore_ascii_case(tag),
        Some(Digest::GitBlob(want)) => is_hash(40) && !want.eq_ignore_ascii_case(tag),
        None => false,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct ContentRange {
    from: u64,
    to: u64,
    size: Option<u64>,
}

/// `bytes 0-99/200`, where the size may be `*`.
fn parse_range(text: &str) -> Option<ContentRange> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, last) = range.split_once('-')?;
    let size = if size == "*" { None } else { Some(size.parse().ok()?) };
    let (from, to) = (from.parse().ok()?, last.parse::<u64>().ok()?.checked_add(1)?);
    Some(ContentRange { from, to, size })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_writes_them() {
        let check = |text: &str, expect: Option<(u64, u64, Option<u64>)>| {
            let got = parse_range(text).map(|range| (range.from, range.to, range.size));
            assert_eq!(got, expect, "{text}");
        };
        check("bytes 0-99/200", Some((0, 100, Some(200))));
        check("bytes 5-5/*", Some((5, 6, None)));
        check("bytes */200", None);
        check("lines 0-99/200", None);
        check("bytes 0-18446744073709551615/*", None);
    }

    #[test]
    fn only_a_hash_of_the_announced_kind_can_differ() {
        let sha256 = Digest::Sha256("ab".repeat(32));
        let check = |tag: &str, digest: &Digest, differs: bool| {
            assert_eq!(is_other_hash(tag, Some(digest)), differs, "{tag}");
        };
        check(&format!("\"{}\"", "AB".repeat(32)), &sha256, false);
        check(&format!("\"{}\"", "cd".repeat(32)), &sha256, true);
        // MD5 ETags of S3, of single and multipart uploads.
        check("\"d41d8cd98f00b204e9800998ecf8427e\"", &sha256, false);
        check("\"d41d8cd98f00b204e9800998ecf8427e-12\"", &sha256, false);
        check(&format!("\"{}\"", "cd".repeat(20)), &sha256, false);
        check(&format!("\"{}\"", "cd".repeat(20)), &Digest::GitBlob("ab".repeat(20)), true);
    }
}

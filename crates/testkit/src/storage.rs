//! The storage that both hubs redirect to: another host, which serves files and ranges to clients with a
//! signed link. The hubs serve small files themselves with the same `send`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use futures_util::stream;
use serde::Deserialize;

use crate::fault::FaultKind;
use crate::repository::File;
use crate::state::{Shared, State, page};

const CHUNK: usize = 64 << 10;
/// Enough time to send the bytes before a cut.
const FLUSH: Duration = Duration::from_millis(50);

pub(crate) fn routes() -> Router<Arc<State>> {
    Router::new()
        .route("/stored/{owner}/{name}/{commit}/{*path}", get(stored))
        .route("/portal", get(|| async { page() }))
}

#[derive(Deserialize)]
struct Signature {
    signature: String,
}

/// A signed link, which only the hubs create.
pub(crate) fn link(state: &State, repository: &str, commit: &str, path: &str, file: &File) -> String {
    format!("{}/stored/{repository}/{commit}/{path}?signature={}", state.storage, file.sha256)
}

async fn stored(
    Extract(state): Shared,
    method: Method,
    headers: HeaderMap,
    Path((owner, name, commit, path)): Path<(String, String, String, String)>,
    Query(Signature { signature }): Query<Signature>,
) -> Response<Body> {
    state.record(&method, &headers, &path, &commit, true);
    let file = {
        let repositories = state.repositories();
        let found = repositories.get(&format!("{owner}/{name}"));
        found.and_then(|repository| repository.find(&commit, "")?.files.get(&path).cloned())
    };
    let expired = state.faults().take(Some(&path), |kind| *kind == FaultKind::ExpiredLink).is_some();
    match file.filter(|file| !expired && file.sha256 == signature) {
        Some(file) => send(&state, &method, &headers, &path, file),
        None => (StatusCode::FORBIDDEN, "Request has expired").into_response(),
    }
}

/// The file or the requested range, with the pending faults applied.
pub(crate) fn send(
    state: &Arc<State>,
    method: &Method,
    headers: &HeaderMap,
    path: &str,
    file: Arc<File>,
) -> Response<Body> {
    let total = file.bytes.len();
    let take = |fits: fn(&FaultKind) -> bool| match *method == Method::HEAD {
        true => None,
        false => state.faults().take(Some(path), fits),
    };
    let wrong_etag = take(|kind| *kind == FaultKind::WrongEtag).map(|_| "\"another-version\"".to_owned());
    let mut response = Response::builder()
        .header(header::ETAG, wrong_etag.unwrap_or_else(|| file.etag()))
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CONTENT_TYPE, "application/octet-stream");
    if take(|kind| *kind == FaultKind::ContentEncoding).is_some() {
        response = response.header(header::CONTENT_ENCODING, "gzip");
    }
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let same_version = text(header::IF_RANGE).is_none_or(|tag| tag == file.etag());
    let range = text(header::RANGE).filter(|_| same_version);
    let range = range.filter(|_| take(|kind| *kind == FaultKind::IgnoreRange).is_none());
    let (from, to) = match range.map(|range| parse_range(range, total)) {
        None => (0, total),
        Some(Some((from, to))) => {
            let later = match take(|kind| matches!(kind, FaultKind::WrongRange(_))) {
                Some(FaultKind::WrongRange(later)) => later,
                _ => 0,
            };
            let from = (from + later).min(to - 1);
            let range = format!("bytes {from}-{}/{total}", to - 1);
            response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
            (from, to)
        }
        Some(None) => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            let response = response.header(header::CONTENT_RANGE, format!("bytes */{total}"));
            return response.body(Body::empty()).expect("plain headers");
        }
    };
    let response = match take(|kind| *kind == FaultKind::NoContentLength) {
        Some(_) => response,
        None => response.header(header::CONTENT_LENGTH, to - from),
    };
    if *method == Method::HEAD {
        return response.body(Body::empty()).expect("plain headers");
    }
    let fault = take(|kind| {
        matches!(
            kind,
            FaultKind::CutAfter(_)
                | FaultKind::StallAfter(_)
                | FaultKind::WrongByte(_)
                | FaultKind::Trickle(_)
        )
    });
    let end = match fault {
        Some(FaultKind::CutAfter(bytes) | FaultKind::StallAfter(bytes)) => to.min(from + bytes),
        _ => to,
    };
    let (state, path) = (state.clone(), path.to_owned());
    let body = stream::unfold(from, move |at| {
        let (state, path, file, fault) = (state.clone(), path.clone(), file.clone(), fault.clone());
        async move {
            if at < end {
                let mut until = end.min(at + CHUNK);
                if let Some(FaultKind::Trickle(every)) = fault {
                    tokio::time::sleep(every).await;
                    until = at + 1;
                }
                let mut chunk = file.bytes[at..until].to_vec();
                if let Some(FaultKind::WrongByte(wrong)) = fault
                    && let Some(byte) = wrong.checked_sub(at).and_then(|offset| chunk.get_mut(offset))
                {
                    *byte ^= 1;
                }
                state.count_served(&path, chunk.len());
                return Some((Ok(chunk), until));
            }
            match fault {
                Some(FaultKind::CutAfter(_)) if end < to => {
                    // The server discards unsent bytes when the body fails.
                    tokio::time::sleep(FLUSH).await;
                    Some((Err(io::Error::other("cut on demand")), at))
                }
                Some(FaultKind::StallAfter(_)) if end < to => std::future::pending().await,
                _ => None,
            }
        }
    });
    response.body(Body::from_stream(body)).expect("plain headers")
}

/// First byte and one past the last; `None` when the range is outside the file.
fn parse_range(range: &str, total: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let from: usize = from.parse().ok()?;
    let to = if to.is_empty() { total } else { to.parse::<usize>().ok()?.checked_add(1)?.min(total) };
    (from < to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_the_file_does() {
        let check = |range: &str, expected: Option<(usize, usize)>| {
            assert_eq!(parse_range(range, 10), expected, "{range}");
        };
        check("bytes=0-", Some((0, 10)));
        check("bytes=3-5", Some((3, 6)));
        check("bytes=9-99", Some((9, 10)));
        check("bytes=10-", None);
        check("bytes=5-3", None);
        check("lines=1-2", None);
    }
}

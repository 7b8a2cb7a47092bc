//! Downloads against a server that cuts, lies, refuses and redirects on demand.
//! It does not know the real sources; their answers are written down here as the documents give them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hub::{CancellationToken, Hub, HubError, Installed, Job, Source, Timing, installed, remove};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[derive(Default)]
struct State {
    /// Path and query to status line, further headers, body.
    answers: HashMap<String, (String, String, Vec<u8>)>,
    /// Cut the next answer to this path after so many bytes.
    cut: HashMap<String, usize>,
    ignore_range: bool,
    /// Keep the connection open after a cut, and say nothing.
    hang: bool,
    /// Whole requests as they came, and body bytes sent.
    seen: Vec<String>,
    sent: usize,
}

#[derive(Clone)]
struct Server {
    base: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Self { base, state: Arc::default() };
        let state = server.state.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(socket.read_u8().await.unwrap());
                    }
                    let answer = answer(&state, &String::from_utf8(head).unwrap());
                    socket.write_all(&answer).await.ok();
                    if state.lock().unwrap().hang {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                    }
                    socket.shutdown().await.ok();
                });
            }
        });
        server
    }

    fn put(&self, path: &str, status: &str, headers: &str, body: &[u8]) {
        let answer = (status.to_owned(), headers.to_owned(), body.to_vec());
        self.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    fn list(&self, files: &[(&str, &[u8])]) {
        let siblings: Vec<_> = files
            .iter()
            .map(|(name, body)| {
                serde_json::json!({"rfilename": name, "size": body.len(), "lfs": {"sha256": sha(body)}})
            })
            .collect();
        let body = serde_json::json!({ "siblings": siblings }).to_string();
        self.put("/api/models/o/n/revision/main?blobs=true", "200 OK", "", body.as_bytes());
    }

    fn seen(&self, path: &str) -> Vec<String> {
        let start = format!("GET {path} ");
        let state = self.state.lock().unwrap();
        state.seen.iter().filter(|r| r.starts_with(&start)).map(|r| r.to_lowercase()).collect()
    }
}

fn answer(state: &Mutex<State>, request: &str) -> Vec<u8> {
    let mut state = state.lock().unwrap();
    state.seen.push(request.to_owned());
    let path = request.split(' ').nth(1).unwrap().to_owned();
    let Some((mut status, headers, mut body)) = state.answers.get(&path).cloned() else {
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
    };
    let lower = request.to_lowercase();
    let mut range = String::new();
    let from = lower.split("range: bytes=").nth(1).map(|r| r.split('-').next().unwrap().parse().unwrap());
    if let Some(from) = from.filter(|_| !state.ignore_range && status == "200 OK") {
        let total = body.len();
        range = format!("content-range: bytes {from}-{}/{total}\r\n", total - 1);
        body = body.split_off(from);
        status = "206 Partial Content".into();
    }
    let length = body.len();
    if let Some(at) = state.cut.remove(&path) {
        body.truncate(at);
    }
    if path.contains("/resolve/") {
        state.sent += body.len();
    }
    let head =
        format!("HTTP/1.1 {status}\r\n{headers}{range}content-length: {length}\r\nconnection: close\r\n\r\n");
    [head.into_bytes(), body].concat()
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

async fn fetch(dir: &std::path::Path, source: Source, retries: u32) -> Result<Installed, HubError> {
    let timing = Timing { stall: Duration::from_secs(5), back_off: Duration::from_millis(1), retries };
    let job = Job { id: "m".into(), source, repo: "o/n".into(), globs: Vec::new() };
    let hub = Hub::new(dir)?.with_timing(timing);
    hub.download(job, Arc::new(|_| ()), CancellationToken::new()).await
}

fn big() -> Vec<u8> {
    (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect()
}

const BIG: &str = "/o/n/resolve/main/sub/big.bin";

async fn with_big() -> (Server, tempfile::TempDir, Vec<u8>) {
    let (server, dir, body) = (Server::start().await, tempfile::tempdir().unwrap(), big());
    server.list(&[("sub/big.bin", &body)]);
    server.put(BIG, "200 OK", "etag: \"e\"\r\n", &body);
    (server, dir, body)
}

#[tokio::test]
async fn full_download_and_remove() {
    let (server, dir, body) = with_big().await;
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 0).await.unwrap();
    assert_eq!(got.bytes, 300_000);
    assert_eq!(std::fs::read(dir.path().join("m/sub/big.bin")).unwrap(), body);
    assert_eq!(installed(dir.path()).unwrap(), [got]);
    fetch(dir.path(), Source::hugging_face(&server.base), 0).await.unwrap();
    assert_eq!(server.state.lock().unwrap().sent, 300_000, "nothing is fetched twice");
    remove(dir.path(), "m").unwrap();
    assert!(installed(dir.path()).unwrap().is_empty());
}

#[tokio::test]
async fn a_cut_is_resumed_within_and_across_calls() {
    for retries in [5, 0] {
        let (server, dir, body) = with_big().await;
        server.state.lock().unwrap().cut.insert(BIG.into(), 100_000);
        let source = Source::hugging_face(&server.base);
        let mut got = fetch(dir.path(), source.clone(), retries).await;
        if retries == 0 {
            assert!(matches!(got, Err(HubError::NoNetwork(_))), "{got:?}");
            assert!(installed(dir.path()).unwrap().is_empty());
            got = fetch(dir.path(), source, retries).await;
        }
        got.unwrap();
        assert_eq!(std::fs::read(dir.path().join("m/sub/big.bin")).unwrap(), body);
        assert_eq!(server.state.lock().unwrap().sent, 300_000);
    }
}

#[tokio::test]
async fn a_source_without_ranges_starts_over() {
    let (server, dir, body) = with_big().await;
    server.state.lock().unwrap().cut.insert(BIG.into(), 100_000);
    server.state.lock().unwrap().ignore_range = true;
    fetch(dir.path(), Source::hugging_face(&server.base), 5).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("m/sub/big.bin")).unwrap(), body);
}

#[tokio::test]
async fn wrong_bytes_are_never_visible() {
    let (server, dir, mut body) = with_big().await;
    body[5] ^= 1;
    server.put(BIG, "200 OK", "", &body);
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 5).await;
    assert!(matches!(got, Err(HubError::HashMismatch(_))), "{got:?}");
    server.put(BIG, "200 OK", "", &body[..9]);
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 5).await;
    assert!(matches!(got, Err(HubError::SizeMismatch { .. })), "{got:?}");
    assert_eq!(std::fs::read_dir(dir.path().join("m/sub")).unwrap().count(), 0);
    assert!(installed(dir.path()).unwrap().is_empty());
}

#[tokio::test]
async fn refusals_have_names() {
    let (server, dir, _) = with_big().await;
    server.put(BIG, "403 Forbidden", "x-error-code: GatedRepo\r\n", b"");
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 0).await;
    assert!(matches!(got, Err(HubError::GatedModel(_))), "{got:?}");
    server.state.lock().unwrap().answers.clear();
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 0).await;
    assert!(matches!(got, Err(HubError::NotOnSource(_))), "{got:?}");
    server.list(&[("../x", b"x")]);
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 0).await;
    assert!(matches!(got, Err(HubError::SourceRefused(_))), "{got:?}");
}

#[tokio::test]
async fn the_token_stays_at_its_origin() {
    let (server, dir, body) = with_big().await;
    let other = Server::start().await;
    other.put("/signed", "200 OK", "", &body);
    server.put(BIG, "302 Found", &format!("location: {}/signed\r\n", other.base), b"");
    let source = Source { token: Some("secret".into()), ..Source::hugging_face(&server.base) };
    fetch(dir.path(), source, 0).await.unwrap();
    assert!(server.seen(BIG)[0].contains("authorization: bearer secret"));
    assert!(!other.seen("/signed")[0].contains("authorization"));
}

#[tokio::test]
async fn model_scope_is_walked() {
    let (server, dir) = (Server::start().await, tempfile::tempdir().unwrap());
    let files = "/api/v1/models/o/n/repo/files?Revision=master";
    let root = br#"{"Code":200,"Data":{"Files":[{"Path":"d","Type":"tree","Size":0,"Sha256":""}]}}"#;
    server.put(files, "200 OK", "", root);
    let inner = serde_json::json!({"Data": {"Files": [
        {"Path": "d/a.txt", "Type": "blob", "Size": 3, "Sha256": sha(b"abc")}]}});
    server.put(&format!("{files}&Root=d"), "200 OK", "", inner.to_string().as_bytes());
    let file = "/api/v1/models/o/n/repo?Revision=master&FilePath=d%2Fa.txt";
    server.put(file, "200 OK", "", b"abc");
    fetch(dir.path(), Source::model_scope(&server.base), 0).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("m/d/a.txt")).unwrap(), b"abc");
}

#[tokio::test]
async fn a_full_disk_is_told_before() {
    let (server, dir, _) = with_big().await;
    let job = Job {
        id: "m".into(),
        source: Source::hugging_face(&server.base),
        repo: "o/n".into(),
        globs: Vec::new(),
    };
    let hub = Hub::new(dir.path()).unwrap().with_free_space(Arc::new(|_| Ok(10)));
    let got = hub.download(job, Arc::new(|_| ()), CancellationToken::new()).await;
    assert!(matches!(got, Err(HubError::DiskFull { needed: 300_000, free: 10 })), "{got:?}");
}

#[tokio::test]
async fn silence_is_a_stall_and_cancelling_keeps_the_part() {
    let (server, dir, body) = with_big().await;
    server.state.lock().unwrap().hang = true;
    server.state.lock().unwrap().cut.insert(BIG.into(), 100_000);
    let job = Job {
        id: "m".into(),
        source: Source::hugging_face(&server.base),
        repo: "o/n".into(),
        globs: vec!["*.bin".into()],
    };
    let hub = Hub::new(dir.path()).unwrap();
    let short = Timing { stall: Duration::from_millis(300), back_off: Duration::from_millis(1), retries: 0 };
    let stalling = hub.clone().with_timing(short);
    let got = stalling.download(job.clone(), Arc::new(|_| ()), CancellationToken::new()).await;
    assert!(matches!(got, Err(HubError::DownloadStalled(_))), "{got:?}");

    server.state.lock().unwrap().cut.insert(BIG.into(), 50_000);
    let cancel = CancellationToken::new();
    let trigger = cancel.clone();
    let watch = Arc::new(move |p: hub::Progress| {
        if p.done_bytes == 150_000 {
            trigger.cancel();
        }
    });
    let got = hub.download(job.clone(), watch, cancel).await;
    assert!(matches!(got, Err(HubError::Cancelled)), "{got:?}");
    assert_eq!(std::fs::metadata(dir.path().join("m/sub/big.bin.part")).unwrap().len(), 150_000);

    hub.download(job, Arc::new(|_| ()), CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("m/sub/big.bin")).unwrap(), body);
    assert_eq!(server.state.lock().unwrap().sent, 300_000);
}

#[tokio::test]
async fn limits_and_redirect_circles_end() {
    let (server, dir, body) = with_big().await;
    server.put(BIG, "429 Too Many Requests", "", b"");
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 5).await;
    assert!(matches!(got, Err(HubError::SourceRateLimited)), "{got:?}");
    server.put(BIG, "302 Found", &format!("location: {BIG}\r\n"), b"");
    let got = fetch(dir.path(), Source::hugging_face(&server.base), 5).await;
    assert!(matches!(got, Err(HubError::SourceRefused(_))), "{got:?}");
    assert_eq!(server.seen(BIG).len(), 1 + 6);

    // A 416 on a resume drops the part; the retry without a range succeeds.
    std::fs::write(dir.path().join("m/sub/big.bin.part"), &body[..10]).unwrap();
    server.put(BIG, "416 Range Not Satisfiable", "", b"");
    let state = server.state.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut state = state.lock().unwrap();
            if state.seen.last().is_some_and(|r| r.to_lowercase().contains("range: bytes=10-")) {
                state.answers.insert(BIG.into(), ("200 OK".into(), String::new(), big()));
                return;
            }
        }
    });
    let timing = Timing { back_off: Duration::from_millis(200), ..Timing::default() };
    let source = Source::hugging_face(&server.base);
    let job = Job { id: "m".into(), source, repo: "o/n".into(), globs: Vec::new() };
    let hub = Hub::new(dir.path()).unwrap().with_timing(timing);
    hub.download(job, Arc::new(|_| ()), CancellationToken::new()).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("m/sub/big.bin")).unwrap(), body);
}

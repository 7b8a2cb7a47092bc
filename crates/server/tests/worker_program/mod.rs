//! The worker as a child process, and a plain HTTP client for it.
//! The client is a TCP socket and no library, so that it sees the bytes as they were sent.
#![allow(dead_code, reason = "each test binary uses its part")]
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

pub const KEY: &str = "a key for this test";

pub struct Worker {
    pub child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    pub fn start(model: &Path, more: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"))
            .args(["serve", "--api-key-env", "WHALEDECK_TEST_KEY", "--model"])
            .arg(model)
            .args(more)
            .env("WHALEDECK_TEST_KEY", KEY)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        Self::from_child(child)
    }

    /// A worker that was started with other arguments.
    pub fn from_child(mut child: Child) -> Self {
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, lines }
    }

    /// The next line of this event, and the lines before it.
    pub fn wait_for(&mut self, event: &str) -> (Value, Vec<Value>) {
        let mut before = Vec::new();
        for line in self.lines.by_ref() {
            let value: Value = serde_json::from_str(&line.expect("a line")).expect("it is JSON");
            if value["event"] == event {
                return (value, before);
            }
            before.push(value);
        }
        panic!("no {event} came after {before:?}");
    }

    pub fn ready(&mut self) -> String {
        let address = self.wait_for("listening").0["address"].as_str().expect("an address").to_owned();
        self.wait_for("ready");
        address
    }

    /// Ends it with SIGTERM as the app does, so that it saves its prefix cache.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.child.wait().expect("it ends");
    }
}

/// No process outlives its test, also when the test fails.
impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Standard error for arguments that are refused.
pub fn usage_error(model: &Path, more: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_whaledeck-engine"))
        .args(["serve", "--model"])
        .arg(model)
        .args(more)
        .output()
        .expect("it runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Status and body of the response.
pub fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    request(address, "POST", path, &body.to_string())
}

pub fn get(address: &str, path: &str) -> Value {
    let (status, body) = request(address, "GET", path, "");
    assert_eq!(status, 200, "{body}");
    body
}

/// The status of a page of a server that may not listen yet.
pub fn status(address: &str, path: &str) -> Option<u16> {
    TcpStream::connect(address.strip_prefix("http://")?).ok()?;
    Some(raw(address, "GET", path, "").0)
}

/// The events of a stream, without `[DONE]`.
pub fn stream(address: &str, path: &str, body: &Value) -> Vec<Value> {
    let (status, text) = raw(address, "POST", path, &body.to_string());
    assert_eq!(status, 200, "{text}");
    // The body comes in chunks, each with its length on a line before it; events are lines of their own.
    let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
    events
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("it is JSON"))
        .collect()
}

fn request(address: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, body) = raw(address, method, path, body);
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}")))
}

fn raw(address: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let (status, _, body) = with_headers(address, method, path, "", body);
    (status, body)
}

/// Status, head and body of the response to a request with more headers, each ending with a line break.
pub fn with_headers(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> (u16, String, String) {
    let host = address.strip_prefix("http://").expect("an address");
    let mut socket = TcpStream::connect(host).expect("it listens");
    let length = body.len();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
    )
    .expect("sent");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("an answer");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_lowercase(), body.to_owned())
}
